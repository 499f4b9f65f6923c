"""Pages from templates: everything that a template may use beside the values of its page.

Templates escape by themselves, fail on names that nobody gave them, and take their texts from the reader's language.
"""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from services.election.contract import State
from services.frontend import csrf, language
from services.frontend.audit_names import action_name, actor_name
from services.frontend.language import gettext as _
from services.frontend.session import is_signed_in
from services.frontend.settings import FrontendSettings
from services.frontend.static_files import StaticFiles

FOLDER = Path(__file__).parent / "templates"


def months() -> list[str]:
    """The names of the months in the reader's language."""
    names = [_("January"), _("February"), _("March"), _("April"), _("May"), _("June"), _("July"), _("August")]
    return [*names, _("September"), _("October"), _("November"), _("December")]


@lru_cache(maxsize=1000)
def zone_of(name: str) -> ZoneInfo:
    """The zone; the names come from definitions, where `election` has checked them."""
    return ZoneInfo(name)


def local_text(at: datetime, zone: str) -> str:
    """A moment as a sentence names it, in the election's zone."""
    local = at.astimezone(zone_of(zone))
    day = _("%(day)d %(month)s %(year)d") % {"day": local.day, "month": months()[local.month - 1], "year": local.year}
    seconds = f":{local:%S}" if local.second else ""
    return _("%(day)s, %(time)s") % {"day": day, "time": f"{local:%H:%M}{seconds}"}


def instant(at: datetime, zone: str = "UTC") -> Markup:
    """A moment for a page; `static/times.js` adds the reader's own time where that differs."""
    utc = at.astimezone(UTC).isoformat(timespec="seconds")
    text = f"{local_text(at, zone)} ({zone})"
    return Markup('<time datetime="{}" data-zone="{}">{}</time>').format(utc, zone, text)


def number(value: int) -> str:
    """A number with its thousands set apart, by a narrow space as every language understands it."""
    return f"{value:,}".replace(",", "\u202f")


def share(part: int, whole: int) -> str:
    """A part in per cent, with one decimal."""
    return _("%(percent).1f%%") % {"percent": 100 * part / whole if whole else 0}


def state_name(state: str) -> str:
    """What a state of an election is called."""
    names = {
        State.DRAFT: _("Draft"),
        State.SEALING: _("Being sealed"),
        State.SEALED: _("Sealed"),
        State.UNSEALING: _("Being unsealed"),
        State.OPEN: _("Open"),
        State.CLOSING: _("Closing"),
        State.CLOSED: _("Closed"),
        State.DECRYPTED: _("Counted"),
        State.PUBLISHED: _("Published"),
        State.ARCHIVED: _("Archived"),
    }
    return names[State(state)]


@pass_context
def csrf_field(context: Context) -> Markup:
    """The hidden field that every form of an organiser carries. It sets a cookie: no public page may use it."""
    token = csrf.token(context["request"])
    return Markup('<input type="hidden" name="{}" value="{}">').format(csrf.FIELD, token)


def _environment(settings: FrontendSettings, static: StaticFiles) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        language.gettext, language.ngettext, newstyle=True, pgettext=language.pgettext, npgettext=language.npgettext
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.filters.update(instant=instant, number=number, local_text=local_text)
    environment.globals.update(
        static=static.url,
        share=share,
        state_name=state_name,
        action_name=action_name,
        actor_name=actor_name,
        csrf_field=csrf_field,
        is_signed_in=is_signed_in,
        sign_up_enabled=settings.sign_up_enabled,
        public_origin=settings.public_origin,
        ballot_public_url=settings.ballot_public_url,
    )
    return environment


class Pages:
    """Renders the templates of one application."""

    def __init__(self, settings: FrontendSettings, static: StaticFiles) -> None:
        self.environment = _environment(settings, static)

    def render(
        self, request: Request, template: str, values: dict[str, Any] | None = None, *, status: int = 200
    ) -> HTMLResponse:
        """A page. The template also knows `request` and `lang`, the tag of the page's language."""
        context = {"request": request, "lang": language.current.get().tag, **(values or {})}
        return HTMLResponse(self.environment.get_template(template).render(context), status)

    def refusal(self, request: Request, status: int, problem: dict[str, object]) -> HTMLResponse:
        """The page that a refusal becomes."""
        kind = str(problem.get("type", "")).rpartition(":")[2]
        values = {"status": status, "kind": kind, "detail": problem.get("detail"), "title": problem.get("title")}
        return self.render(request, "refusal.html", values, status=status)


def render(request: Request, template: str, values: dict[str, Any] | None = None, *, status: int = 200) -> HTMLResponse:
    """A page of the application that the request belongs to."""
    pages: Pages = request.app.state.pages
    return pages.render(request, template, values, status=status)


def see(path: str) -> RedirectResponse:
    """Shows another page, by GET."""
    return RedirectResponse(path, 303)
