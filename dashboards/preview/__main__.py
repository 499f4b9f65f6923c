"""`python -m dashboards.preview`: draws every dashboard from the stack that runs on this machine."""

import json
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import sync_playwright

from dashboards.preview.asking import Reading, Series, Servers
from services.uvote.stack_servers import Ports

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CHARTS = ROOT / "tests" / "node_modules" / "uplot" / "dist"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 1440


def said(reading: Reading, document: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Everything that the page needs: the document, and the answers to its questions."""
    values = reading.variables(given)
    panels = [
        [plain(reading.answer(target, values), target) for target in panel["targets"]] for panel in document["panels"]
    ]
    marks = [
        {"name": mark["name"], "colour": mark["iconColor"], "times": list(times(reading.answer(mark, values)))}
        for mark in document["annotations"]["list"]
    ]
    shown = {name: value for name, value in values.items() if not name.startswith("__")}
    since = reading.now - reading.seconds
    return {
        "document": document,
        "answers": panels,
        "marks": marks,
        "variables": shown,
        "since": since,
        "until": reading.now,
    }


def plain(answer: list[Any], target: Mapping[str, Any]) -> list[Any]:
    """An answer as JSON, with its series' names."""
    legend = target.get("legendFormat", "")
    return [
        {"name": each.named(legend), "labels": each.labels, "points": each.points} if isinstance(each, Series) else each
        for each in answer
    ]


def times(answer: list[Any]) -> list[float]:
    """When a mark's event began: the first of each run of points."""
    found = []
    for each in answer:
        points = [moment for moment, _ in each.points] if isinstance(each, Series) else [each["time"]]
        found += [
            moment for place, moment in enumerate(points) if not place or moment - points[place - 1] > 60
        ]  # a minute
    return found


def page(told: Mapping[str, Any]) -> str:
    """One file that needs no other."""
    parts = {
        "title": told["document"]["title"],
        "charts_style": (CHARTS / "uPlot.min.css").read_text(),
        "charts": (CHARTS / "uPlot.iife.min.js").read_text(),
        "drawing": (HERE / "drawing.js").read_text(),
        "told": json.dumps(told).replace("</", "<\\/"),
    }
    text = (HERE / "page.html").read_text()
    for name, part in parts.items():
        text = text.replace(f"%{name}%", part)
    return text


def draw(servers: Servers, out: Path, given: Mapping[str, str], minutes: float | None) -> list[Path]:
    """Writes a page and a picture of each dashboard; returns the pictures."""
    out.mkdir(parents=True, exist_ok=True)
    pictures = []
    program = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": 900})
        for path in sorted((ROOT / "dashboards").glob("*.json")):
            document = json.loads(path.read_text())
            reading = Reading(servers, document, 60 * (minutes or usual_minutes(document)))
            file = out / f"{path.stem}.html"
            file.write_text(page(said(reading, document, given)))
            tab.goto(file.as_uri())
            tab.wait_for_selector("body[data-drawn]")
            pictures.append(file.with_suffix(".png"))
            tab.screenshot(path=pictures[-1], full_page=True)
        browser.close()
    return pictures


def usual_minutes(document: Mapping[str, Any]) -> float:
    """How far back the dashboard looks by itself."""
    return 60 * float(document["time"]["from"].removeprefix("now-").removesuffix("h"))


def main() -> int:
    """Exit 0: all are drawn. 1: the servers do not answer."""
    parser = ArgumentParser(prog="dashboards:preview")
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "dashboards", metavar="DIR")
    parser.add_argument("--minutes", type=float, help="how far back to look (each dashboard's own time)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable's value")
    given = parser.parse_args()
    ports = Ports()
    servers = Servers(ports.url("prometheus"), ports.url("loki"), ports.url("tempo"))
    try:
        pictures = draw(servers, given.out, dict(each.split("=", 1) for each in given.set), given.minutes)
    except httpx.TransportError as error:
        print(f"dashboards:preview: {error}: start `./taskw stack` and `./taskw demo -- --stack`.", file=sys.stderr)
        return 1
    for picture in pictures:
        print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
