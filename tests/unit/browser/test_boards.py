"""The page's own verifier: every archive gets the right verdict, and whatever is wrong with one is named."""

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.browser.archives import (
    Step,
    compact,
    digest,
    first_record,
    put_together,
    record,
    take_apart,
    tally_step,
)
from tests.unit.browser.javascript import Refusal, ask, ask_all

VECTORS = Path(__file__).parents[2] / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text())
GOOD = (VECTORS / "neg_baseline.bel").read_bytes()  # two ballots, one trustee, one question, a result
STEPS = ["Setup", "Ballot", "Ballot", "EndBallots", "EncryptedTally", "PartialDecryption", "Result"]
THRESHOLD = (VECTORS / "ok_threshold_superset.bel").read_bytes()


def board(content: bytes, **options: Any) -> tuple[str, dict[str, Any]]:
    return "checkBoard", {"base64": base64.b64encode(content).decode(), **options}


def verdicts(boards: dict[str, bytes], **options: Any) -> dict[str, str]:
    """Code of the refusal by name of the board, or "accepted"."""
    answers = ask_all([board(content, **options) for content in boards.values()])
    codes = [answer.code if isinstance(answer, Refusal) else "accepted" for answer in answers]
    return dict(zip(boards, codes, strict=True))


def changed(change: Callable[[list[Step]], Any], archive: bytes = GOOD) -> bytes:
    """The archive after a change of its events, with hashes, heights and parents made anew."""
    steps = take_apart(archive)
    change(steps)
    return put_together(steps)


def with_record(steps: list[Step], event: int, place: int, edit: Callable[[Any], Any]) -> None:
    """Edit the JSON of one record, and name it anew in the payload of its event."""
    records = steps[event].records
    old = records[place]
    records[place] = compact(edit(json.loads(old)))
    if place < len(records) - 1:
        records[-1] = records[-1].replace(digest(old).encode(), digest(records[place]).encode())


def raise_number(text: str) -> str:
    return str(int(text) + 1)


def test_every_vector_gets_its_verdict() -> None:
    answers = ask_all([("checkBoard", {"path": str(VECTORS / vector["file"])}) for vector in MANIFEST])
    verdict = ["reject" if isinstance(answer, Refusal) else "accept" for answer in answers]
    found = dict(zip([vector["file"] for vector in MANIFEST], verdict, strict=True))
    assert found == {vector["file"]: vector["expect"] for vector in MANIFEST}


def test_the_report_says_what_was_checked() -> None:
    report = ask("checkBoard", path=str(VECTORS / "ok_weighted.bel"))
    assert report["result"] == [["0", "2", "0", "51", "3"], ["2", "3", "54"], ["51", "3", "51"]]
    assert (report["voters"], report["ballots"], report["counted"], report["totalWeight"]) == (5, 5, 4, "56")
    assert report["isComplete"]
    size = (VECTORS / "ok_weighted.bel").stat().st_size
    assert report["progress"][-1] == {"bytes": size, "credentials": 5, "ballots": 5}
    assert len(report["progress"]) == report["events"] + 5


def test_a_rebuilt_archive_is_the_same() -> None:
    """Or the changed archives below would show nothing."""
    assert put_together(take_apart(GOOD)) == GOOD
    assert [step.kind for step in take_apart(GOOD)] == STEPS


@pytest.mark.parametrize("chunk", [1, 511, 512, 4096, 100_000])
def test_it_does_not_matter_how_a_download_is_cut_into_chunks(chunk: int) -> None:
    whole, cut = ask_all([board(GOOD), board(GOOD, chunk=chunk)])
    assert whole == cut


def test_a_board_that_ends_at_an_event_is_accepted_as_incomplete() -> None:
    steps = take_apart(GOOD)
    reports = ask_all([board(put_together(steps[:end])) for end in range(1, len(steps) + 1)])
    assert [report["isComplete"] for report in reports] == [False] * 6 + [True]
    assert [report["ballots"] for report in reports] == [0, 1, 2, 2, 2, 2, 2]
    assert [report["counted"] for report in reports] == [None] * 4 + [2] * 3


def test_a_board_that_ends_anywhere_else_is_truncated() -> None:
    steps = take_apart(GOOD)
    ends = {len(put_together(steps[:end])) for end in range(len(steps) + 1)}
    cuts = {at for end in ends for at in (end - 512, end - 1, end + 1, end + 511, end + 512, end + 700)}
    cuts = {cut for cut in cuts if 512 < cut < len(GOOD)} - ends
    assert len(cuts) > 30
    found = verdicts({str(cut): GOOD[:cut] for cut in cuts})
    assert found == dict.fromkeys(found, "archive-truncated")


def test_an_archive_without_any_event_is_truncated() -> None:
    assert verdicts({"header only": first_record()}) == {"header only": "archive-truncated"}


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"<!doctype html>", b"\0" * 1024, b"belenios" + bytes(1024), b"\xff" * 2000]
)
def test_what_does_not_begin_as_an_archive_is_named(content: bytes) -> None:
    assert verdicts({"it": content}) == {"it": "archive-foreign"}


def test_no_byte_can_be_changed() -> None:
    draw = random.Random(3)
    headers = [at for at in range(0, len(GOOD), 512) if GOOD[at + 100 : at + 107] == b"0000644"]
    places = [*(at + draw.randrange(512) for at in headers), *draw.sample(range(len(GOOD)), 60)]
    mutants = {}
    for place in places:
        mutant = bytearray(GOOD)
        mutant[place] ^= 1 << draw.randrange(8)
        mutants[f"{place}"] = bytes(mutant)
    found = verdicts(mutants)
    assert {code for code in found.values() if not code.startswith("archive-")} == set()


def test_bytes_after_the_end_are_refused() -> None:
    found = verdicts({"zeros": GOOD + bytes(1024), "text": GOOD + b"x", "again": GOOD + GOOD})
    assert found == {"zeros": "archive-header", "text": "archive-truncated", "again": "archive-header"}


MALFORMED_FIRST = {
    "no timestamp": b'{"version":1}',
    "a number as timestamp": b'{"version":1,"timestamp":1700000000}',
    "another version": b'{"version":2,"timestamp":"1700000000"}',
    "blanks": b'{"version": 1,"timestamp":"1700000000"}',
}


@pytest.mark.parametrize("first", MALFORMED_FIRST.values(), ids=MALFORMED_FIRST.keys())
def test_the_first_record_has_one_form(first: bytes) -> None:
    rest = GOOD[len(first_record()) :]
    assert verdicts({"it": first_record(first) + rest}) == {"it": "archive-header"}


def test_a_record_is_named_after_its_content() -> None:
    rest = GOOD[len(first_record()) :]
    names = {f"{'0' * 64}.data.json": "archive-hash", "readme.txt": "archive-header", "": "archive-header"}
    boards = {name: first_record() + record(name, b"{}") + rest for name in names}
    assert verdicts(boards) == names


EVENT_CHANGES = {
    "another parent": ({"parent": "0" * 64}, "archive-chain"),
    "no height": ({"height": "2"}, "archive-chain"),
    "the height before": ({"height": 1}, "archive-chain"),
    "an unknown type": ({"type": "Recount"}, "archive-event"),
    "a type of JavaScript's own": ({"type": "toString"}, "archive-event"),
    "a type that is none": ({"type": None}, "archive-event"),
    "an unknown member": ({"extra": 1}, "archive-event"),
    "another payload": ({"payload": "0" * 64}, "archive-data"),
    "no payload": ({"payload": None}, "archive-event"),
}


@pytest.mark.parametrize(("override", "code"), EVENT_CHANGES.values(), ids=EVENT_CHANGES.keys())
def test_an_event_that_breaks_the_chain_is_refused(override: dict[str, Any], code: str) -> None:
    def change(steps: list[Step]) -> None:
        steps[2].event = override

    [refusal] = ask_all([board(changed(change))])
    assert (refusal.name, refusal.code, refusal.details["height"]) == ("BrokenArchive", code, 2)


def test_the_first_event_names_no_parent() -> None:
    def change(steps: list[Step]) -> None:
        steps[0].event = {"parent": None}

    assert verdicts({"null": changed(change)}) == {"null": "archive-event"}


ORDER_CHANGES: dict[str, Callable[[list[Step]], Any]] = {
    "no Setup": lambda steps: steps.pop(0),
    "a second Setup": lambda steps: steps.insert(1, steps[0]),
    "a ballot after the end": lambda steps: steps.insert(3, steps.pop(1)),
    "a second end": lambda steps: steps.insert(4, steps[3]),
    "no tally": lambda steps: steps.pop(4),
    "a second tally": lambda steps: steps.insert(5, steps[4]),
    "no partial decryption": lambda steps: steps.pop(5),
    "a result before its parts": lambda steps: steps.insert(5, steps.pop(6)),
    "a second result": lambda steps: steps.append(steps[6]),
    "a shuffle, which these elections do not have": lambda steps: steps.insert(5, Step("EndShuffles", [])),
}


@pytest.mark.parametrize("change", ORDER_CHANGES.values(), ids=ORDER_CHANGES.keys())
def test_events_out_of_order_are_refused(change: Callable[[list[Step]], Any]) -> None:
    [code] = verdicts({"it": changed(change)}).values()
    assert code in ("archive-order", "archive-event")


DATA_CHANGES: dict[str, Callable[[list[Step]], Any]] = {
    "a record too many": lambda steps: steps[1].records.insert(0, b"{}"),
    "a record missing": lambda steps: steps[4].records.pop(0),
    "records exchanged": lambda steps: steps[0].records.insert(0, steps[0].records.pop(1)),
    "a payload where none belongs": lambda steps: steps[3].records.append(b"{}"),
    "a payload that names something else": lambda steps: steps[4].records.insert(0, steps[4].records.pop(0) + b" "),
    "a payload with another member": lambda steps: steps[5].records.append(
        compact({**json.loads(steps[5].records.pop()), "x": 1})
    ),
    "a payload with blanks": lambda steps: steps[5].records.append(steps[5].records.pop() + b" "),
    "a payload that is null": lambda steps: steps[5].records.append(steps[5].records.pop() and b"null"),
}


@pytest.mark.parametrize("change", DATA_CHANGES.values(), ids=DATA_CHANGES.keys())
def test_an_event_stands_after_exactly_its_records(change: Callable[[list[Step]], Any]) -> None:
    assert verdicts({"it": changed(change)}) == {"it": "archive-data"}


def test_endless_records_without_an_event_are_not_waited_for() -> None:
    records = b"".join(record(f"{digest(b'%d' % i)}.data.json", b"%d" % i) for i in range(6))
    assert verdicts({"it": first_record() + records}) == {"it": "archive-data"}


def test_ballots_left_out_doubled_or_reordered_are_noticed() -> None:
    weighted = (VECTORS / "ok_single.bel").read_bytes()  # five ballots, of which the last replaces one
    ballots = [i for i, step in enumerate(take_apart(weighted)) if step.kind == "Ballot"]
    by_key: dict[str, list[int]] = {}
    for i in ballots:
        by_key.setdefault(json.loads(take_apart(weighted)[i].records[0])["credential"], []).append(i)
    first, last = next(places for places in by_key.values() if len(places) > 1)

    def swap(steps: list[Step]) -> None:
        steps[first], steps[last] = steps[last], steps[first]

    boards = {
        "left out": changed(lambda steps: steps.pop(ballots[0] if ballots[0] != first else last), weighted),
        "doubled": changed(lambda steps: steps.insert(last, steps[ballots[0]]), weighted),
        "replaced ballot last": changed(swap, weighted),
        "replaced ballot left out": changed(lambda steps: steps.pop(first), weighted),
    }
    assert verdicts(boards, proofs=False) == {
        "left out": "tally-differs",
        "doubled": "ballot-duplicate",
        "replaced ballot last": "tally-differs",
        "replaced ballot left out": "accepted",  # nothing in an archive can show this: look for your tracker
    }


def test_a_ballot_of_nobody_on_the_list_is_refused() -> None:
    voted = json.loads(take_apart(GOOD)[1].records[0])["credential"]

    def strike(steps: list[Step]) -> None:
        with_record(steps, 0, 2, lambda lines: [line for line in lines if line != voted])

    assert verdicts({"it": changed(strike)}) == {"it": "ballot-credential"}


def test_leaving_out_the_proofs_leaves_out_nothing_else() -> None:
    def forge(ballot: Any) -> Any:
        proof = ballot["answers"][0]["overall_proof"][0]
        proof["response"] = raise_number(proof["response"])
        return ballot

    forged = changed(lambda steps: with_record(steps, 1, 0, forge))
    assert verdicts({"good": GOOD, "forged": forged}, proofs=False) == {
        "good": "accepted",
        "forged": "ballot-signature",
    }


LISTS: dict[str, tuple[Callable[[list[str]], Any], str]] = {
    "no list": (lambda _: {}, "credentials-malformed"),
    "a number": (lambda lines: [*lines, 5], "credentials-malformed"),
    "a leading zero": (lambda lines: [*lines, "05"], "credentials-malformed"),
    "half a weight": (lambda lines: [*lines, "5,0.5"], "credentials-malformed"),
    "an empty weight": (lambda lines: [*lines, "5,"], "credentials-malformed"),
    "a negative weight": (lambda lines: [*lines, "5,-1"], "credentials-malformed"),
    "a login": (lambda lines: [*lines, "5,1,ann"], "credentials-malformed"),
    "twice, with another weight": (lambda lines: [*lines, f"{lines[0]},2"], "credentials-duplicate"),
}


@pytest.mark.parametrize(("edit", "code"), LISTS.values(), ids=LISTS.keys())
def test_a_broken_public_list_is_refused(edit: Callable[[list[str]], Any], code: str) -> None:
    assert verdicts({"it": changed(lambda steps: with_record(steps, 0, 2, edit))}) == {"it": code}


def test_a_credential_outside_the_group_is_refused_where_proofs_are_checked() -> None:
    def add(steps: list[Step]) -> None:
        with_record(steps, 0, 2, lambda lines: [*lines, "5"])

    assert verdicts({"it": changed(add)}) == {"it": "credentials-group"}
    assert verdicts({"it": changed(add)}, proofs=False) == {"it": "accepted"}


def test_a_weight_that_was_changed_later_is_noticed() -> None:
    def heavier(steps: list[Step]) -> None:
        voted = json.loads(steps[1].records[0])["credential"]
        with_record(steps, 0, 2, lambda lines: [f"{line},2" if line == voted else line for line in lines])

    assert verdicts({"it": changed(heavier)}) == {"it": "tally-differs"}


def test_trustees_who_did_not_make_the_key_are_refused() -> None:
    other = ask("makeTrusteeKey")["publicKey"]

    def add(steps: list[Step]) -> None:
        with_record(steps, 0, 1, lambda trustees: [*trustees, ["Single", other]])

    boards = {
        "one more": changed(add),
        "none": changed(lambda steps: with_record(steps, 0, 1, lambda _: [])),
        "another kind": changed(lambda steps: with_record(steps, 0, 1, lambda trustees: [["Double", trustees[0][1]]])),
        "no list": changed(lambda steps: with_record(steps, 0, 1, lambda _: None)),
    }
    codes = dict.fromkeys(boards, "trustee-malformed") | {"one more": "trustee-product"}
    assert verdicts(boards) == codes


def edit_threshold(edit: Callable[[Any], Any]) -> bytes:
    def change(trustees: Any) -> Any:
        [pedersen] = [item[1] for item in trustees if item[0] == "Pedersen"]
        edit(pedersen)
        return trustees

    return changed(lambda steps: with_record(steps, 0, 1, change), THRESHOLD)


def forge_coefficients(pedersen: Any) -> None:
    message = json.loads(pedersen["coefexps"][0]["message"])
    message["coefexps"][1] = message["coefexps"][0]
    pedersen["coefexps"][0]["message"] = json.dumps(message, separators=(",", ":"))


def exchange_keys(pedersen: Any) -> None:
    keys = pedersen["verification_keys"]
    keys[0], keys[1] = keys[1], keys[0]


def forge_certificate(pedersen: Any) -> None:
    signature = pedersen["certs"][0]["signature"]
    signature["response"] = raise_number(signature["response"])


THRESHOLDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "coefficients not signed": (forge_coefficients, "trustee-proof"),
    "certificate not signed": (forge_certificate, "trustee-proof"),
    "keys exchanged": (exchange_keys, "trustee-product"),
    "another threshold": (lambda pedersen: pedersen.update(threshold=3), "trustee-malformed"),
    "a key missing": (lambda pedersen: pedersen["verification_keys"].pop(), "trustee-malformed"),
    "a message that is null": (lambda pedersen: pedersen["certs"][0].update(message="null"), "trustee-malformed"),
}


@pytest.mark.parametrize(("edit", "code"), THRESHOLDS.values(), ids=THRESHOLDS.keys())
def test_a_threshold_of_trustees_must_follow_from_its_key_generation(edit: Callable[[Any], Any], code: str) -> None:
    assert verdicts({"it": edit_threshold(edit)}) == {"it": code}


def test_the_threshold_suffices_in_any_order_and_fewer_do_not() -> None:
    """One trustee is needed, and two of three others."""
    steps = take_apart(THRESHOLD)
    alone, first, second = (i for i, step in enumerate(steps) if step.kind == "PartialDecryption")
    boards = {
        "three": THRESHOLD,
        "in another order": changed(lambda steps: steps.insert(alone, steps.pop(second)), THRESHOLD),
        "one of the three": changed(lambda steps: steps.pop(first), THRESHOLD),
        "without the needed one": changed(lambda steps: steps.pop(alone), THRESHOLD),
    }
    codes = dict.fromkeys(boards, "result-incomplete") | {"three": "accepted", "in another order": "accepted"}
    assert verdicts(boards) == codes


def edit_part(edit: Callable[[Any], Any]) -> bytes:
    return changed(lambda steps: with_record(steps, 5, 0, edit))


def raise_factor(part: Any) -> Any:
    part["decryption_factors"][0][0] = raise_number(part["decryption_factors"][0][0])
    return part


def raise_response(part: Any) -> Any:
    proof = part["decryption_proofs"][0][0]
    proof["response"] = raise_number(proof["response"])
    return part


def shorten(part: Any) -> Any:
    part["decryption_factors"][0].pop()
    return part


PARTS: dict[str, tuple[bytes, str]] = {
    "a factor changed": (edit_part(raise_factor), "decryption-proof"),
    "a proof changed": (edit_part(raise_response), "decryption-proof"),
    "a factor missing": (edit_part(shorten), "decryption-malformed"),
    "no object": (edit_part(lambda _: None), "decryption-malformed"),
    "the owner is nobody": (
        changed(lambda steps: with_record(steps, 5, 1, lambda o: {**o, "owner": 2})),
        "decryption-owner",
    ),
    "the owner is a text": (
        changed(lambda steps: with_record(steps, 5, 1, lambda o: {**o, "owner": "1"})),
        "decryption-owner",
    ),
    "twice of one trustee": (changed(lambda steps: steps.insert(5, steps[5])), "decryption-owner"),
}


@pytest.mark.parametrize(("content", "code"), PARTS.values(), ids=PARTS.keys())
def test_a_partial_decryption_that_is_not_proven_is_refused(content: bytes, code: str) -> None:
    assert verdicts({"it": content}) == {"it": code}


RESULTS: dict[str, tuple[Any, str]] = {
    "another count": ([[1, 0, 1, 0, 0]], "result-differs"),
    "a count missing": ([[1, 1, 0, 0]], "result-malformed"),
    "a question too many": ([[1, 1, 0, 0, 0], []], "result-malformed"),
    "a negative count": ([[1, 1, 0, 0, -1]], "result-malformed"),
    "half a count": ([[1, 1, 0.5, 0, 0]], "result-malformed"),
    "no list": (7, "result-malformed"),
}


@pytest.mark.parametrize(("result", "code"), RESULTS.values(), ids=RESULTS.keys())
def test_a_result_that_does_not_follow_is_refused(result: Any, code: str) -> None:
    assert verdicts({"it": changed(lambda steps: with_record(steps, 6, 0, lambda _: {"result": result}))}) == {
        "it": code
    }


def test_a_count_beyond_the_total_weight_is_refused() -> None:
    """Counts are exponents: q more of them would decrypt to the same."""
    order = int(ask("constants")["q"])
    result = {"result": [[str(order + 1), 1, 0, 0, 0]]}
    assert verdicts({"it": changed(lambda steps: with_record(steps, 6, 0, lambda _: result))}) == {
        "it": "result-differs"
    }


def test_a_tally_of_other_bytes_is_refused_even_if_it_says_the_same() -> None:
    tally = json.loads(take_apart(GOOD)[4].records[0])
    reordered = [[{"beta": choice["beta"], "alpha": choice["alpha"]} for choice in tally[0]]]

    def replace(steps: list[Step]) -> None:
        steps[4] = tally_step(reordered, 2, 2)

    assert verdicts({"it": changed(replace)}) == {"it": "tally-differs"}
