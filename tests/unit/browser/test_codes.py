"""The voter's code as people type it, in the browser."""

import hashlib
from pathlib import Path

import pytest

from tests.unit.browser.belenios import BeleniosElection
from tests.unit.browser.javascript import Refusal, ask, ask_all

CODE = "taJ-21D-3aB-3EE-zid"
UUID = "RtNkbEHTqFqVHW"

SAME_CODE = {
    "as written": CODE,
    "no dashes": "taJ21D3aB3EEzid",
    "blanks around and instead of dashes": "  taJ 21D 3aB\t3EE zid\n",
    "non-breaking blanks": "taJ\u00a021D\u202f3aB\u00a03EE\u00a0zid",
    "en dashes": "taJ\u201321D\u20133aB\u20133EE\u2013zid",
    "non-breaking hyphens": "taJ\u201121D\u20113aB\u20113EE\u2011zid",
    "em dash and minus": "taJ\u201421D\u22123aB-3EE-zid",
    "invisible characters of a mail program": "\ufefftaJ-\u200b21D-3aB\u00ad-3EE-zid\u2060",
    "dashes in other places": "taJ2-1D3-aB3EEzid",
}

NO_CODE = {
    "nothing": ("", "code-empty", {}),
    "dashes only": (" - - ", "code-empty", {}),
    "a zero, which no code has": ("taJ-21D-0aB-3EE-zid", "code-characters", {"group": 3}),
    "an l, which no code has": ("taJ-21D-3aB-3EE-zil", "code-characters", {"group": 5}),
    "an emoji": ("taJ-21\U0001f600-3aB-3EE-zid", "code-characters", {"group": 2}),
    "a group too short": ("taJ-21D-3a-3EE-zid", "code-length", {"group": 3}),
    "a group too long": ("taJ-21D-3aB-3EEE-zid", "code-length", {"group": 4}),
    "a group missing": ("taJ-21D-3aB-3EE", "code-length", {"group": 5}),
    "a group too many": ("taJ-21D-3aB-3EE-zid-zid", "code-length", {"group": 5}),
    "two characters exchanged": ("taJ-21D-3aB-3EE-izd", "code-checksum", {}),
    "capitals lost": ("taj-21D-3aB-3EE-zid", "code-checksum", {}),
}


@pytest.mark.parametrize("typed", SAME_CODE.values(), ids=SAME_CODE.keys())
def test_a_code_is_the_same_however_it_is_typed(typed: str) -> None:
    assert ask("normaliseCode", typed=typed) == CODE


@pytest.mark.parametrize(("typed", "code", "details"), NO_CODE.values(), ids=NO_CODE.keys())
def test_a_code_that_cannot_be_right_is_refused_by_name(typed: str, code: str, details: dict[str, int]) -> None:
    with pytest.raises(Refusal) as refused:
        ask("normaliseCode", typed=typed)
    assert (refused.value.name, refused.value.code, refused.value.details) == ("InvalidCode", code, details)


def test_every_single_mistyped_character_is_noticed() -> None:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    places = [place for place, character in enumerate(CODE) if character != "-"]
    wrong = [CODE[:at] + other + CODE[at + 1 :] for at in places for other in alphabet if other != CODE[at]]
    answers = ask_all([("normaliseCode", {"typed": typed}) for typed in wrong])
    unnoticed = [typed for typed, answer in zip(wrong, answers, strict=True) if not isinstance(answer, Refusal)]
    # 58 digits have 53 remainders: the five pairs of digits with one remainder pass for each other.
    assert len(unnoticed) <= len(wrong) / 50


def test_no_refusal_repeats_what_was_typed() -> None:
    answers = ask_all([("normaliseCode", {"typed": typed}) for typed, _, _ in NO_CODE.values() if typed.strip(" -")])
    assert not any("taJ" in answer.message or "21D" in str(answer.details) for answer in answers)


def test_link_and_last_group_make_the_code() -> None:
    link = ask("readLink", fragment="#taJ-21D-3aB-3EE")
    assert link == "taJ-21D-3aB-3EE"
    for typed in ("zid", " zid ", "z i-d", CODE, "taJ21D3aB3EEzid"):
        assert ask("joinCode", link=link, typed=typed) == CODE


@pytest.mark.parametrize("fragment", ["", "#", "# "])
def test_a_link_without_a_code_is_no_error(fragment: str) -> None:
    assert ask("readLink", fragment=fragment) is None


@pytest.mark.parametrize("fragment", ["#taJ-21D-3aB", "#taJ-21D-3aB-3E", f"#{CODE}", "#taJ-21D-3aB-3E0", "#main"])
def test_a_link_that_was_cut_or_changed_is_refused(fragment: str) -> None:
    with pytest.raises(Refusal) as refused:
        ask("readLink", fragment=fragment)
    assert (refused.value.name, refused.value.code) == ("InvalidLink", "link-broken")


@pytest.mark.parametrize(
    ("typed", "code", "details"),
    [
        ("", "code-empty", {}),
        ("zi", "code-length", {"group": 5}),
        ("zidd", "code-length", {"group": 5}),
        ("zi0", "code-characters", {"group": 5}),
        ("zie", "code-checksum", {}),
    ],
)
def test_a_wrong_last_group_is_refused_by_name(typed: str, code: str, details: dict[str, int]) -> None:
    with pytest.raises(Refusal) as refused:
        ask("joinCode", link="taJ-21D-3aB-3EE", typed=typed)
    assert (refused.value.code, refused.value.details) == (code, details)


def test_the_public_credential_is_the_one_of_belenios_tool(tmp_path: Path) -> None:
    election = BeleniosElection(tmp_path, {"ann": 1, "bob": 1}, [])
    public = (tmp_path / "public_creds.json").read_text()
    keys = [ask("publicCredential", code=code, uuid=election.uuid) for code in election.codes.values()]
    assert all(f'"{key},' in public for key in keys)


def test_the_status_of_a_code_is_asked_by_the_hash_of_its_public_credential() -> None:
    key = ask("publicCredential", code=CODE, uuid=UUID)
    assert ask("credentialDigest", credential=key) == hashlib.sha256(key.encode()).hexdigest()
