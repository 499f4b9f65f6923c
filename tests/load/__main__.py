"""`./taskw bench`: measures side by side, in one run, and writes the table `tests/load/RESULTS.md`.

Each measurement is a function that returns rows {name, value, unit} and, where there is one, {goal, met}. Most goals
are ratios of two numbers of the same run; a number alone says more about the machine than about us.
"""

import argparse
import importlib
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]

MEASUREMENTS = (
    "verification",
    "casting",
    "pages",
    "rolls",
    "tallying",
    "starting",
    "scraping",
    "telemetry",
    "unheard",
    "observing",
)
RESULTS = Path(__file__).parent / "RESULTS.md"


def cpu_model() -> str:
    """The processor's name, where the system tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def table(sections: dict[str, list[Row]]) -> str:
    """The page."""
    lines = [
        "# What it costs",
        "",
        "Written by `./taskw bench`; numbers are the medians of several rounds in one run.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {cpu_model()}, Python {platform.python_version()}.",
        "",
        "| What | Measured | Goal | Met |",
        "|---|---:|---:|---|",
    ]
    for rows in sections.values():
        lines += [
            f"| {row['name']} | {row['value']:.4g} {row['unit']} | {row.get('goal') or ''} | {_met(row)} |"
            for row in rows
        ]
    return "\n".join(lines) + "\n"


def _met(row: Row) -> str:
    return {None: "", True: "yes", False: "**no**"}[row.get("met")]


def main() -> int:
    """Runs all measurements, or those named; only a whole run writes the table. 1 when a goal is not met."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}")
    names = parser.parse_args().names or MEASUREMENTS
    sections: dict[str, list[Row]] = {}
    for name in names:
        print(f"{name} ...", flush=True)
        sections[name] = getattr(importlib.import_module(f"tests.load.{name}"), name)()
        for row in sections[name]:
            print(f"  {row['name']}: {row['value']:.4g} {row['unit']} {row.get('goal') or ''} {_met(row)}", flush=True)
    if tuple(names) == MEASUREMENTS:
        RESULTS.write_text(table(sections))
    return int(any(row.get("met") is False for rows in sections.values() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
