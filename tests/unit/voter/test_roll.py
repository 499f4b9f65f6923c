"""Rolls as people write them: encodings, delimiters, headers, rows."""

import codecs
import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared.fields import BASE58
from services.voter.csvfile import UnreadableFile
from services.voter.roll import COMPUTED, ParsedRoll, new_voter_ids, parse_roll, render_rows


def parse(text: str) -> ParsedRoll:
    return parse_roll(text.encode())


def taken(parsed: ParsedRoll) -> list[tuple[str, str, int, str]]:
    return [(entry.address, entry.name, entry.weight, entry.group) for entry in parsed.entries]


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        ("address,name\na@x.org,Zoë".encode(), "utf-8"),
        (codecs.BOM_UTF8 + "address,name\na@x.org,Zoë".encode(), "utf-8"),
        ("address,name\na@x.org,Zoë".encode("latin-1"), "latin-1"),
    ],
)
def test_the_encoding_is_found_out(raw: bytes, encoding: str) -> None:
    parsed = parse_roll(raw)
    assert (parsed.encoding, taken(parsed)) == (encoding, [("a@x.org", "Zoë", 1, "")])


def test_quotation_marks_of_western_spreadsheets_are_read() -> None:
    assert parse_roll("address,name\na@x.org,Zoë “Z” €".encode("cp1252")).entries[0].name == "Zoë “Z” €"


@pytest.mark.parametrize(("mark", "name"), [(";", ";"), (",", ","), ("\t", "tab")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_and_the_line_ends_are_found_out(mark: str, name: str, end: str) -> None:
    parsed = parse(end.join([mark.join(["Name", "Address"]), mark.join(['"Smith, Anna; Dr."', "a@x.org"])]))
    assert (parsed.delimiter, taken(parsed)) == (name, [("a@x.org", "Smith, Anna; Dr.", 1, "")])


@pytest.mark.parametrize(
    "header",
    [
        "address,name,weight,group",
        "E-Mail,Full name,VOTES,Section",
        " email_address , VOTER , Weights , Groups ",
        "MAIL,name,weight,group",
        "\ufeffAddress,Name,Weight,Group",
    ],
)
def test_columns_are_known_by_the_names_that_people_give_them(header: str) -> None:
    assert taken(parse(f"{header}\na@x.org,Anna,3,North")) == [("a@x.org", "Anna", 3, "North")]


def test_columns_may_stand_in_any_order_among_others() -> None:
    parsed = parse("id,group,weight,mail,name\n7,North,2,a@x.org,Anna")
    assert taken(parsed) == [("a@x.org", "Anna", 2, "North")]
    assert parsed.columns == {"address", "name", "weight", "group"}


def test_columns_that_a_file_lacks_are_not_made_up() -> None:
    assert parse("address\na@x.org").columns == {"address"}


def test_without_header_the_first_column_must_hold_addresses() -> None:
    parsed = parse("a@x.org;Anna\nb@x.org;Ben")
    assert taken(parsed) == [("a@x.org", "Anna", 1, ""), ("b@x.org", "Ben", 1, "")]
    assert [entry.row for entry in parsed.entries] == [1, 2]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "csv-empty"),
        (b"\n  \n", "csv-empty"),
        (b",\n , ,", "csv-empty"),
        (codecs.BOM_UTF8, "csv-empty"),
        ("address\na@x.org".encode("utf-16"), "csv-utf-16"),
        (b"Anna,a@x.org", "csv-no-header"),
        (b"student,room\nAnna,3", "csv-no-header"),
        (b"mail,address\na@x.org,b@x.org", "csv-ambiguous-header"),
        (b'address,name\na@x.org,"Anna\nb@x.org,Ben', "csv-unreadable"),
        (b'address,name\na@x.org,"An"na', "csv-unreadable"),
        (b"address\n" + b"a" * 200_000, "csv-unreadable"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(raw: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        parse_roll(raw)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "row",
    [
        "anna,Anna,1",
        ",Anna,1",
        "a@x.org,Anna,0",
        "a@x.org,Anna,-1",
        "a@x.org,Anna,1.5",
        "a@x.org,Anna,1000000001",
        "a@x.org,Anna,\u0663",
        "a@x.org,Anna,one",
        'a@x.org,"An\nna",1',
        "a@x.org,An\x00na,1",
        f"a@x.org,{'A' * 301},1",
        "a@x.org,Smith, Anna,1",
    ],
)
def test_a_row_that_cannot_be_taken_is_refused_with_its_number_and_a_sentence(row: str) -> None:
    parsed = parse(f"address,name,weight\nb@x.org,Ben,2\n{row}\nc@x.org,Cem,1")
    assert [entry.row for entry in parsed.entries] == [2, 4]
    ((number, reason),) = parsed.refused
    assert number == 3
    assert reason.endswith(".")
    assert "Anna" not in reason


def test_of_two_rows_with_the_same_address_the_first_counts() -> None:
    parsed = parse("address,weight\na@x.org,1\nA@X.org,2")
    assert taken(parsed) == [("a@x.org", "", 1, "")]
    assert parsed.duplicates == [(3, "Row 2 has the same address.")]


def test_empty_rows_and_empty_cells_at_the_end_are_passed_over() -> None:
    assert taken(parse("address,name\n\na@x.org,Anna,,\n,,\nb@x.org\n")) == [
        ("a@x.org", "Anna", 1, ""),
        ("b@x.org", "", 1, ""),
    ]


@pytest.mark.parametrize("first", COMPUTED)
def test_a_cell_that_a_spreadsheet_would_compute_is_exported_with_an_apostrophe(first: str) -> None:
    (row,) = csv.reader(io.StringIO(render_rows([["a@x.org", f"{first}HYPERLINK(1)"]]), newline=""))
    assert row == ["a@x.org", f"'{first}HYPERLINK(1)"]


VISIBLE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=50).map(str.strip)


@given(VISIBLE, VISIBLE.filter(lambda name: not name.startswith("'")))
def test_what_is_exported_is_imported_as_it_was(group: str, name: str) -> None:
    if group.startswith("'"):
        group = group.lstrip("'").strip()
    rows: list[list[str | int]] = [["address", "name", "weight", "group"], ["+a@x.org", name, 2, group]]
    assert taken(parse(render_rows(rows))) == [("+a@x.org", name, 2, group)]


def test_ids_are_of_base_58_and_all_digits_occur_in_all_places() -> None:
    ids = new_voter_ids(5000)
    assert len(set(ids)) == 5000
    assert [set(place) for place in zip(*ids, strict=True)] == [set(BASE58)] * 22


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for attempt in (raw, b"address,name\n" + raw):
        with suppress(UnreadableFile):
            parse_roll(attempt)
