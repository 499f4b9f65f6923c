"""A draft as a form, and a form as a draft.

Without any script: options stand one to a line, and questions are added, moved and taken away by buttons that send the
whole form and get it back rearranged, with nothing saved.
"""

from dataclasses import dataclass
from typing import Any

from services.election.contract import Draft, LocalTime, Mail, Question
from services.frontend.forms import Form
from services.frontend.language import gettext as _

MOST_QUESTIONS = 50
TIMES = ("opens", "closes")
SAVE = "save"

# Where a message of the contract is wrong, and at which field the form says so.
FIELDS = {
    "name": "name",
    "description": "description",
    "zone": "zone",
    "opens": "opens",
    "closes": "closes",
    "reply_to": "reply_to",
    "mail.subject": "mail_subject",
    "mail.greeting": "mail_greeting",
    "mail.contact": "mail_contact",
    "election_class": "election_class",
}


@dataclass(frozen=True)
class QuestionFields:
    """One question as typed."""

    text: str = ""
    options: str = ""
    minimum: str = "1"
    maximum: str = "1"
    blank: bool = False

    @classmethod
    def of(cls, question: Question) -> "QuestionFields":
        """A question of a draft."""
        options = "\n".join(question.options)
        return cls(question.text, options, str(question.minimum), str(question.maximum), question.blank)

    @classmethod
    def read(cls, form: Form, number: int) -> "QuestionFields":
        """The question at this place of a form, from 0."""
        name = f"question-{number}-"
        return cls(
            form.paragraph(name + "text"),
            form.paragraph(name + "options"),
            form.text(name + "minimum"),
            form.text(name + "maximum"),
            form.has(name + "blank"),
        )

    def write(self, form: Form, number: int) -> None:
        """Puts the question at this place of a form."""
        name = f"question-{number}-"
        values = {"text": self.text, "options": self.options, "minimum": self.minimum, "maximum": self.maximum}
        form.values.update({name + field: [value] for field, value in values.items()})
        if self.blank:
            form.values[name + "blank"] = ["1"]
        else:
            form.values.pop(name + "blank", None)

    @property
    def option_list(self) -> list[str]:
        """The options, without the empty lines between them."""
        return [line.strip() for line in self.options.splitlines() if line.strip()]


def form_of(draft: Draft, revision: int) -> Form:
    """The form that shows a draft."""
    form = Form.of(
        {
            "revision": str(revision),
            "name": draft.name,
            "description": draft.description,
            "zone": draft.zone,
            "reply_to": draft.reply_to or "",
            "mail_subject": draft.mail.subject,
            "mail_greeting": draft.mail.greeting,
            "mail_contact": draft.mail.contact,
            "election_class": draft.election_class,
            **({"revote_allowed": "1"} if draft.revote_allowed else {}),
            **_time_fields("opens", draft.opens),
            **_time_fields("closes", draft.closes),
        }
    )
    write_questions(form, [QuestionFields.of(question) for question in draft.questions] or [QuestionFields()])
    return form


def _time_fields(name: str, time: LocalTime | None) -> dict[str, str]:
    if time is None:
        return {name: ""}
    fold = {} if time.fold is None else {f"{name}_fold": str(time.fold)}
    return {name: time.local, **fold}


def read_questions(form: Form) -> list[QuestionFields]:
    """The questions of a form."""
    count = form.text("questions")
    number = min(int(count), MOST_QUESTIONS) if count.isascii() and count.isdigit() and len(count) < 4 else 0
    return [QuestionFields.read(form, index) for index in range(number)]


def write_questions(form: Form, questions: list[QuestionFields]) -> None:
    """Puts these questions into a form, in place of those that it had."""
    for name in [name for name in form.values if name.startswith("question-")]:
        del form.values[name]
    form.values["questions"] = [str(len(questions))]
    for number, question in enumerate(questions):
        question.write(form, number)


def rearrange(form: Form, action: str) -> bool:
    """Carries out a button that only rearranges: `add`, `remove-N`, `up-N`, `down-N`. False for every other one."""
    questions = read_questions(form)
    verb, _sep, place = action.partition("-")
    number = int(place) if place.isascii() and place.isdigit() and len(place) < 4 else -1
    if verb == "add" and len(questions) < MOST_QUESTIONS:
        questions.append(QuestionFields())
    elif verb == "remove" and 0 <= number < len(questions):
        del questions[number]
    elif verb == "up" and 0 < number < len(questions):
        questions[number - 1 : number + 1] = questions[number - 1 : number + 1][::-1]
    elif verb == "down" and 0 <= number < len(questions) - 1:
        questions[number : number + 2] = questions[number : number + 2][::-1]
    else:
        return False
    write_questions(form, questions)
    return True


def draft_of(form: Form) -> Draft | None:
    """The draft that a form describes, or None with errors at its fields."""
    questions = [_question(form, number, fields) for number, fields in enumerate(_written(form))]
    if any(question is None for question in questions):
        return None
    mail = {name: form.text(f"mail_{name}") for name in Mail.model_fields}
    return form.read(
        Draft,
        FIELDS,
        name=form.text("name"),
        description=form.paragraph("description"),
        questions=questions,
        zone=form.text("zone"),
        opens=read_time(form, "opens"),
        closes=read_time(form, "closes"),
        reply_to=form.text("reply_to") or None,
        mail={name: text for name, text in mail.items() if text},
        revote_allowed=form.has("revote_allowed"),
        election_class=form.text("election_class"),
    )


def _written(form: Form) -> list[QuestionFields]:
    """The questions without those at the end that nobody has begun to write."""
    questions = read_questions(form)
    while questions and not questions[-1].text and not questions[-1].options:
        questions.pop()
    return questions


def read_time(form: Form, name: str) -> dict[str, Any] | None:
    """A local time of a form, with the answer to which of two equal ones is meant."""
    if not form.text(name):
        return None
    fold = form.text(f"{name}_fold")
    return {"local": form.text(name), "fold": int(fold) if fold in {"0", "1"} else None}


def _question(form: Form, number: int, fields: QuestionFields) -> Question | None:
    name = f"question-{number}-"
    minimum, maximum = form.number(name + "minimum"), form.number(name + "maximum")
    _check_options(form, name, fields.option_list)
    if minimum is None or maximum is None:
        return None
    _check_limits(form, name, minimum, maximum, len(fields.option_list))
    if any(field.startswith(name) for field in form.errors):
        return None
    places = {field: name + field for field in Question.model_fields}
    return form.read(
        Question,
        places,
        text=fields.text,
        options=fields.option_list,
        minimum=minimum,
        maximum=maximum,
        blank=fields.blank,
    )


def _check_options(form: Form, name: str, options: list[str]) -> None:
    if not options:
        form.error(name + "options", _("Write at least one option, each on a line of its own."))
    twice = next((option for option in options if options.count(option) > 1), None)
    if twice is not None:
        form.error(name + "options", _("“%(option)s” stands here twice.") % {"option": twice})


def _check_limits(form: Form, name: str, minimum: int, maximum: int, options: int) -> None:
    if maximum < max(1, minimum):
        form.error(name + "maximum", _("The most must be at least 1, and not below the least."))
    elif 0 < options < maximum:
        sentence = _("There are only %(options)d options, so nobody can choose %(most)d of them.")
        form.error(name + "maximum", sentence % {"options": options, "most": maximum})
