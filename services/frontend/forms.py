"""Forms as browsers send them: read strictly, checked, and shown again as typed when something is wrong.

- A form is read only with its token (see `csrf`), which no page of the public has or needs.
- What was typed is kept beside the sentences that say what is wrong with it; the page shows both and links them.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from services.frontend import csrf
from services.frontend.language import gettext as _
from services.shared.client import Refused
from services.shared.problems import Malformed, WrongMediaType

MAX_FIELDS = 5_000
FORM_TYPE = "application/x-www-form-urlencoded"
GENERAL = ""

Model = TypeVar("Model", bound=BaseModel)


class Form:
    """The fields of a form and what is wrong with them: a sentence by field, under `GENERAL` for the whole."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self.values: dict[str, list[str]] = {}
        self.errors: dict[str, str] = {}
        for name, value in fields:
            self.values.setdefault(name, []).append(value)

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Form":
        """A form that has not been sent yet, filled in."""
        return cls(values.items())

    def get(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return self.values.get(name, [default])[0]

    def text(self, name: str) -> str:
        """A field that stands on one line, without blanks around it."""
        return self.get(name).strip()

    def paragraph(self, name: str) -> str:
        """A field of several lines; browsers end them with CR LF, we with LF."""
        return self.get(name).replace("\r\n", "\n").strip()

    def has(self, name: str) -> bool:
        """Whether a box was ticked or a button pressed."""
        return name in self.values

    def number(self, name: str) -> int | None:
        """A whole number; what is none gets an error."""
        text = self.text(name)
        if text.isascii() and text.isdigit() and len(text) <= 9:
            return int(text)
        self.error(name, _("Write a whole number."))
        return None

    def error(self, name: str, sentence: str) -> None:
        """Notes what is wrong with a field; the first sentence stays."""
        self.errors.setdefault(name, sentence)

    def refused(self, refusal: Refused, field: str = GENERAL) -> None:
        """Notes why another service did not take the form; a session that has ended is no fault of the form."""
        if refusal.status == 401:
            raise refusal
        self.error(field, refusal.detail or _("This was not accepted."))

    def read(self, model: type[Model], fields: Mapping[str, str], **values: Any) -> Model | None:
        """A message of a contract, or None with errors at the form's fields that `fields` names by the model's."""
        try:
            return model(**values)
        except ValidationError as error:
            for item in error.errors():
                name = ".".join(str(part) for part in item["loc"])
                self.error(_field(name, fields), sentence_of(item["type"], item.get("ctx", {}), item["msg"]))
            return None


def _field(name: str, fields: Mapping[str, str]) -> str:
    matching = [prefix for prefix in fields if name == prefix or name.startswith(prefix + ".")]
    return fields[max(matching, key=len)] if matching else GENERAL


def sentence_of(kind: str, context: Mapping[str, Any], message: str) -> str:
    """What is wrong with a value, for the person who wrote it."""
    sentences = {
        "string_too_short": _("Fill this in."),
        "too_short": _("Add at least one."),
        "string_too_long": _("Shorten this to %(most)s characters.") % {"most": context.get("max_length")},
        "too_long": _("At most %(most)s are possible.") % {"most": context.get("max_length")},
        "greater_than_equal": _("This must be at least %(least)s.") % {"least": context.get("ge")},
        "less_than_equal": _("This must be at most %(most)s.") % {"most": context.get("le")},
        "missing": _("Fill this in."),
    }
    return sentences.get(kind) or _("This cannot be used: %(reason)s.") % {
        "reason": message.removeprefix("Value error, ")
    }


def parse_fields(raw: bytes) -> list[tuple[str, str]]:
    """The fields of a form.

    Raises:
        Malformed: it is no form, has too many fields, or holds characters that cannot be stored.
    """
    try:
        text = raw.decode("ascii")
        fields = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(raw), errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Malformed("The form cannot be read.") from None
    if any("\x00" in text for field in fields for text in field):
        raise Malformed("The form contains the character NUL.")
    return fields


async def read_form(request: Request) -> Form:
    """The form that a page of ours sent.

    Raises:
        ForeignRequest: its token is wrong.
        WrongMediaType, Malformed, TooLarge: it is no form that can be read.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise WrongMediaType("This takes a form.")
    form = Form(parse_fields(await request.body()))
    csrf.check_token(request, form.get(csrf.FIELD))
    return form


Submitted = Annotated[Form, Depends(read_form)]
