"""The roll of a draft: importing, searching, exporting, and who may not."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.voter import contract
from services.voter.client import VoterClient
from services.voter.contract import AddressCorrection
from tests.service.election_world import refused
from tests.service.harness import System
from tests.service.voter_world import VoterWorld, addresses, eventually, make_voter_world

NOBODY = "1" * 22


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[VoterWorld]:
    async with make_voter_world(system) as world:
        yield world


async def test_an_import_reports_every_row(world: VoterWorld) -> None:
    election = await world.draft()
    first = await world.import_roll(election, b"Mail;Name\na@x.org;Anna\nb@x.org;Ben\nc@x.org;Cem")
    assert (first.added, first.changed, first.unchanged, first.duplicate, first.refused) == (3, 0, 0, 0, 0)
    second = await world.import_roll(
        election, b"Mail;Name\na@x.org;Anna\nB@X.org;Ben B.\nnobody;N\nA@x.org;Other\nd@x.org;Dora"
    )
    assert (second.encoding, second.delimiter, second.applied) == ("utf-8", ";", True)
    assert [(row.row, row.outcome) for row in second.rows] == [
        (4, "refused"),
        (5, "duplicate"),
        (2, "unchanged"),
        (3, "changed"),
        (6, "added"),
    ]
    assert [bool(row.reason) for row in second.rows] == [True, True, False, False, False]
    page = await world.voter.list_voters(election.id, bearer=world.bearer)
    assert [(voter.address, voter.name) for voter in page.voters] == [
        ("a@x.org", "Anna"),
        ("B@X.org", "Ben B."),
        ("c@x.org", "Cem"),
        ("d@x.org", "Dora"),
    ]


async def test_all_or_nothing_changes_nothing_when_a_row_is_refused(world: VoterWorld) -> None:
    election = await world.draft()
    report = await world.import_roll(election, b"mail\na@x.org\nnobody", all_or_nothing=True)
    assert (report.applied, report.added, report.refused) == (False, 1, 1)
    assert (await world.voter.read_roll(election.id, bearer=world.bearer)).voters == 0
    assert (await world.import_roll(election, b"mail\na@x.org\na@x.org", all_or_nothing=True)).applied


async def test_a_column_that_a_file_lacks_stays_as_it_was(world: VoterWorld) -> None:
    election = await world.draft()
    await world.import_roll(election, b"mail,name,weight,group\na@x.org,Anna,3,North")
    await world.import_roll(election, b"mail,name\na@x.org,Ann")
    voter = await world.only_voter(election, "")
    assert (voter.name, voter.weight, voter.group) == ("Ann", 3, "North")


async def test_a_long_report_begins_with_what_needs_a_look_and_counts_the_rest(world: VoterWorld) -> None:
    election = await world.draft()
    rows = [f"v{number}@x.org" for number in range(1500)]
    report = await world.import_roll(election, "\n".join(["mail", *rows, "nobody"]).encode())
    assert (len(report.rows), report.rows_left_out, report.added) == (1000, 501, 1500)
    assert (report.rows[0].row, report.rows[0].outcome) == (1502, "refused")


async def test_a_file_too_large_to_be_read_in_between_is_read_by_a_process(world: VoterWorld) -> None:
    election = await world.draft()
    rows = "\n".join(f"v{number}@x.org,{'N' * 250}" for number in range(1200))
    assert (await world.import_roll(election, f"mail,name\n{rows}".encode())).added == 1200
    async with refused(422, "csv-no-header"):
        await world.import_roll(election, f"name,room\n{rows}\n".encode())


async def test_the_roll_in_numbers(world: VoterWorld) -> None:
    election = await world.draft()
    empty = await world.voter.read_roll(election.id, bearer=world.bearer)
    assert (empty.voters, empty.total_weight, empty.frozen, empty.groups) == (0, 0, False, {})
    await world.import_roll(election, b"mail,weight,group\na@x.org,2,North\nb@x.org,2,South\nc@x.org,5,North")
    roll = await world.voter.read_roll(election.id, bearer=world.bearer)
    assert (roll.voters, roll.total_weight) == (3, 9)
    assert (roll.groups, roll.weights) == ({"North": 2, "South": 1}, {2: 2, 5: 1})


async def test_election_learns_how_large_the_roll_is_and_no_more(world: VoterWorld) -> None:
    election = await world.draft()
    await world.import_roll(
        election, b"mail,weight\n" + b"".join(b"v%d@x.org,1\n" % n for n in range(6)) + b"b@x.org,4"
    )
    roll = (await world.read(election)).roll
    assert (roll.voters, roll.total_weight, roll.rare_weights) == (7, 10, 1)
    voter = await world.only_voter(election, "b@x")
    await world.voter.remove_voter(election.id, voter.id, bearer=world.bearer)
    assert (await world.read(election)).roll.voters == 6
    await world.voter.delete_roll(election.id, bearer=world.bearer)
    assert (await world.read(election)).roll.voters == 0


@pytest.mark.parametrize("query", ["zo\u00eb", "ZOE\u0308", "Z@EX\u00c4MPLE", "mple.or", "van  der".replace("  ", " ")])
async def test_a_search_finds_part_of_a_name_or_address_in_any_case(world: VoterWorld, query: str) -> None:
    election = await world.draft()
    await world.import_roll(election, "mail,name\nz@exämple.org,Zoë van der Berg\na@x.org,Anna".encode())
    assert (await world.only_voter(election, query)).name == "Zoë van der Berg"


async def test_pages_follow_each_other_without_gap(world: VoterWorld) -> None:
    everybody = sorted(addresses(7))
    election = await world.draft(everybody)
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await world.voter.list_voters(election.id, bearer=world.bearer, after=after, limit=3)
        found += [voter.address for voter in page.voters]
        after = page.next
    assert found == everybody


async def test_what_is_exported_can_be_imported_again(world: VoterWorld) -> None:
    election = await world.draft()
    await world.import_roll(election, 'mail,name,weight,group\n+a@x.org,"=1+1, Zoë",2,@North\nb@x.org,,1,'.encode())
    raw = await world.voter.export_roll(election.id, bearer=world.bearer)
    assert raw.decode("utf-8-sig").splitlines() == [
        "address,name,weight,group",
        "'+a@x.org,\"'=1+1, Zoë\",2,'@North",
        "b@x.org,,1,",
    ]
    again = await world.import_roll(election, raw)
    assert (again.unchanged, again.added, again.changed, again.refused) == (2, 0, 0, 0)


async def test_a_roll_heavier_than_the_protocol_can_count_is_refused(world: VoterWorld) -> None:
    election = await world.draft()
    await world.import_roll(election, b"mail,weight\na@x.org,600000000")
    async with refused(409, "total-weight"):
        await world.import_roll(election, b"mail,weight\nb@x.org,600000000")
    assert (await world.voter.read_roll(election.id, bearer=world.bearer)).voters == 1


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "csv-empty"),
        ("mail\na@x.org".encode("utf-16"), "csv-utf-16"),
        (b"Anna,Ben", "csv-no-header"),
        (b"mail,address\na@x.org,b@x.org", "csv-ambiguous-header"),
        (b'mail\n"a@x.org', "csv-unreadable"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(
    world: VoterWorld, raw: bytes, problem: str
) -> None:
    election = await world.draft()
    async with refused(422, problem):
        await world.import_roll(election, raw)


async def test_only_csv_is_taken_and_only_32_mebibytes_of_it(world: VoterWorld) -> None:
    election = await world.draft()
    path = f"/v1/elections/{election.id}/roll/imports"
    async with refused(415, "wrong-media-type"):
        await world.voter.call("POST", path, bytes, body=b"{}", bearer=world.bearer)
    port = world.system.processes["voter"].port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: voter\r\nAuthorization: Bearer {world.bearer}\r\n"
        f"Content-Type: text/csv\r\nContent-Length: {32 * 1024 * 1024 + 1}\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_an_address_of_a_draft_is_corrected_silently(world: VoterWorld) -> None:
    first, second = addresses(2)
    election = await world.draft([first, second])
    voter = await world.only_voter(election, first)
    correction = AddressCorrection(address=f"x.{first}", reason="typing error")
    corrected = await world.voter.correct_address(election.id, voter.id, correction, bearer=world.bearer)
    assert (corrected.id, corrected.address, corrected.mails) == (voter.id, f"x.{first}", [])
    async with refused(409, "address-taken"):
        taken = AddressCorrection(address=second.upper(), reason="typing error")
        await world.voter.correct_address(election.id, voter.id, taken, bearer=world.bearer)
    async with refused(422, "invalid-address"):
        wrong = AddressCorrection(address="nobody", reason="typing error")
        await world.voter.correct_address(election.id, voter.id, wrong, bearer=world.bearer)


async def test_strangers_are_told_that_there_is_no_such_election(world: VoterWorld) -> None:
    (address,) = addresses(1)
    election = await world.draft([address])
    voter = await world.only_voter(election, "")
    _, tokens = await world.system.organiser("Eve")
    bearer = tokens["voter"]
    correction = AddressCorrection(address="x@x.org", reason="mine")
    calls = [
        lambda: world.voter.import_roll(election.id, b"mail\na@x.org", bearer=bearer),
        lambda: world.voter.read_roll(election.id, bearer=bearer),
        lambda: world.voter.list_voters(election.id, bearer=bearer),
        lambda: world.voter.read_voter(election.id, voter.id, bearer=bearer),
        lambda: world.voter.remove_voter(election.id, voter.id, bearer=bearer),
        lambda: world.voter.delete_roll(election.id, bearer=bearer),
        lambda: world.voter.export_roll(election.id, bearer=bearer),
        lambda: world.voter.correct_address(election.id, voter.id, correction, bearer=bearer),
        lambda: world.voter.resend_invitation(election.id, voter.id, bearer=bearer),
        lambda: world.voter.queue_invitations(election.id, bearer=bearer),
        lambda: world.voter.queue_reminders(election.id, bearer=bearer),
        lambda: world.voter.send_test_mail(election.id, contract.TestMail(address="x@x.org"), bearer=bearer),
        lambda: world.voter.read_mail_totals(election.id, bearer=bearer),
    ]
    for call in calls:
        async with refused(404, "not-found"):
            await call()  # type: ignore[no-untyped-call]  # lambdas have no types
    assert (await world.only_voter(election, "")).id == voter.id


async def test_without_a_token_for_this_service_nothing_is_told(world: VoterWorld) -> None:
    election = await world.draft()
    async with refused(401, "unauthenticated"):
        await world.voter.read_roll(election.id, bearer=world.tokens["election"])
    for caller in ("election", "ballot", "voter"):
        strange = VoterClient(world.system.url("voter"), caller=world.system.caller(caller))
        async with refused(401, "unauthenticated"):
            await strange.call("GET", f"/v1/elections/{election.id}/roll", bytes)
        await strange.close()


async def test_an_unknown_voter_is_not_found(world: VoterWorld) -> None:
    election = await world.draft(addresses(1))
    other = await world.draft(addresses(1))
    stranger = await world.only_voter(other, "")
    for voter_id in (NOBODY, stranger.id):
        async with refused(404, "not-found"):
            await world.voter.read_voter(election.id, voter_id, bearer=world.bearer)
        async with refused(404, "not-found"):
            await world.voter.remove_voter(election.id, voter_id, bearer=world.bearer)
        async with refused(404, "not-found"):
            correction = AddressCorrection(address="x@x.org", reason="mine")
            await world.voter.correct_address(election.id, voter_id, correction, bearer=world.bearer)


async def test_in_a_draft_nobody_is_invited(world: VoterWorld) -> None:
    election = await world.draft(addresses(1))
    voter = await world.only_voter(election, "")
    for call in (
        world.voter.queue_invitations(election.id, bearer=world.bearer),
        world.voter.queue_reminders(election.id, bearer=world.bearer),
        world.voter.resend_invitation(election.id, voter.id, bearer=world.bearer),
    ):
        async with refused(409, "wrong-state"):
            await call


async def test_the_roll_of_a_deleted_draft_is_deleted(world: VoterWorld) -> None:
    everybody = addresses(3)
    election = await world.draft(everybody)
    await world.election.delete_election(election.id, bearer=world.tokens["election"])

    async def gone() -> bool:
        return not await world.fetch("SELECT FROM voter WHERE address = ANY ($1)", everybody)

    await eventually(gone)


async def test_a_roll_that_comes_in_behind_the_end_of_its_draft_is_not_kept(world: VoterWorld) -> None:
    """An import that was let in may finish when its election is gone already."""
    gone = "behind" + "1" * 16
    await world.fetch("INSERT INTO roll (election_id, revision) VALUES ($1, 1)", gone)

    async def is_forgotten() -> bool:
        return not await world.fetch("SELECT 1 FROM roll WHERE election_id = $1", gone)

    await eventually(is_forgotten)
