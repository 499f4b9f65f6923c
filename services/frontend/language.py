"""The language of a page: English is written in the source, others are catalogues in `locale/`.

A request is answered in the language that its browser likes best among those we have. Texts of voters' pages pass
through `_` or `ngettext` (in templates: `{% trans %}` or `_()`), in scripts through `static/texts.js`.
"""

import gettext as catalogues
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

DOMAIN = "uvote"
FOLDER = Path(__file__).parent / "locale"


@dataclass(frozen=True)
class Language:
    """A language that pages can be read in. `tag` is what the page declares itself to be."""

    tag: str
    translations: catalogues.NullTranslations = field(default_factory=catalogues.NullTranslations)


ENGLISH = Language("en")
current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def load_languages() -> dict[str, Language]:
    """English, and every language with a compiled catalogue."""
    tags = [path.parent.parent.name for path in sorted(FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))]
    found = {tag: Language(tag, catalogues.translation(DOMAIN, FOLDER, [tag])) for tag in tags}
    return {ENGLISH.tag: ENGLISH, **found}


def _weight(item: str) -> float:
    _, _, quality = item.partition(";q=")
    try:
        return float(quality or 1)
    except ValueError:
        return 0


def choose_language(accepted: str, languages: dict[str, Language]) -> Language:
    """The best of `languages` for an Accept-Language header; English where it names none of them."""
    items = sorted(accepted.replace(" ", "").split(",")[:20], key=_weight, reverse=True)
    tags = (item.partition(";")[0].partition("-")[0].lower() for item in items if _weight(item) > 0)
    return next((languages[tag] for tag in tags if tag in languages), ENGLISH)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Within the block texts are in this language."""
    token = current.set(language)
    try:
        yield
    finally:
        current.reset(token)


def gettext(message: str) -> str:
    """The text in the language of the request."""
    return current.get().translations.gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The text for this number of things."""
    return current.get().translations.ngettext(singular, plural, number)


def pgettext(context: str, message: str) -> str:
    """A text that one word of English has several of, told apart by its context."""
    return current.get().translations.pgettext(context, message)


def npgettext(context: str, singular: str, plural: str, number: int) -> str:
    """Both at once."""
    return current.get().translations.npgettext(context, singular, plural, number)


_ = gettext
