"""Writes all dashboards: `python -m dashboards.generate`."""

from pathlib import Path

from dashboards.generate.dashboards import ALL
from dashboards.generate.rendering import rendered

PLACE = Path(__file__).parent.parent


def main() -> None:
    """Old files go, so that a dashboard that was renamed leaves nothing behind."""
    for path in PLACE.glob("*.json"):
        path.unlink()
    for dashboard in ALL:
        (PLACE / f"{dashboard.uid}.json").write_text(rendered(dashboard, ALL))


if __name__ == "__main__":
    main()
