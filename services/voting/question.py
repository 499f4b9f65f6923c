"""Questions: "choose from min to max of n" (counted by adding ciphertexts) and ranked ones (shuffled, then opened)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.voting.canonical import LARGEST_JSON_INTEGER, MalformedJson, array, small_integer, text


@dataclass(frozen=True, slots=True)
class HomomorphicQuestion:
    """A voter chooses each answer or not, from `minimum` to `maximum` of them, or (with `blank`) votes blank."""

    text: str
    answers: tuple[str, ...]
    minimum: int
    maximum: int
    blank: bool = False

    @property
    def size(self) -> int:
        """Ciphertexts of a ballot and counts of a result: the blank vote comes first, if it is allowed."""
        return len(self.answers) + self.blank

    @property
    def values(self) -> range:
        """How many answers a vote that is not blank may choose."""
        return range(self.minimum, self.maximum + 1)

    def allows(self, bits: Sequence[int]) -> bool:
        """Whether one bit per choice (the blank one first) is a vote that may be cast."""
        if len(bits) != self.size or any(bit not in (0, 1) for bit in bits):
            return False
        return sum(bits) == 1 if self.blank and bits[0] else sum(bits) in self.values

    def to_json(self) -> dict[str, Any]:
        blank = {"blank": True} if self.blank else {}
        bounds = {"min": self.minimum, "max": self.maximum}
        return {"answers": list(self.answers), **blank, **bounds, "question": self.text}


@dataclass(frozen=True, slots=True)
class NonHomomorphicQuestion:
    """A voter gives each answer a small number (a rank or a grade); a counting method reads them after decryption."""

    text: str
    answers: tuple[str, ...]
    extra: Any = None

    def to_json(self) -> dict[str, Any]:
        extra = {} if self.extra is None else {"extra": self.extra}
        return {"type": "NonHomomorphic", "value": {"answers": list(self.answers), "question": self.text}, **extra}


Question = HomomorphicQuestion | NonHomomorphicQuestion


def parse_question(value: Any) -> Question:
    """A question of an election; raises MalformedJson. Members that the protocol does not know are passed over."""
    if not isinstance(value, dict):
        raise MalformedJson("a question is not an object")
    if "type" not in value:
        return _parse_homomorphic(value)
    if value["type"] != "NonHomomorphic" or not isinstance(value.get("value"), dict):
        raise MalformedJson("a question is of an unknown type")
    inner = value["value"]
    return NonHomomorphicQuestion(text(inner.get("question")), _answers(inner), value.get("extra"))


def _parse_homomorphic(value: dict[str, Any]) -> HomomorphicQuestion:
    blank = value.get("blank", False)
    minimum, maximum = small_integer(value.get("min")), small_integer(value.get("max"))
    if not isinstance(blank, bool) or not 0 <= minimum <= maximum <= LARGEST_JSON_INTEGER:
        raise MalformedJson("a question's blank, min or max is not right")
    return HomomorphicQuestion(text(value.get("question")), _answers(value), minimum, maximum, blank)


def _answers(value: dict[str, Any]) -> tuple[str, ...]:
    answers = tuple(text(answer) for answer in array(value.get("answers")))
    if not answers:
        raise MalformedJson("a question has no answers")
    return answers
