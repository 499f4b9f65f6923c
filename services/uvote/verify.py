"""`uvote verify FILE`: checks an election's archive on all cores, and says what it found.

Exit codes: 0 accepted (complete or not), 1 rejected (the first offending event and the rule are named), 2 the file
cannot be opened, does not begin as an archive, or the command was wrong. `--after OLD` also checks that an older copy,
such as observers keep of a growing archive, is the beginning of the file.
"""

import json
import stat
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import BinaryIO

from services.uvote.progress import Progress
from services.uvote.verify_processes import checking_processes
from services.voting.archive import ArchiveReader, BrokenArchive, NotAnArchive
from services.voting.question import HomomorphicQuestion
from services.voting.report import Rejected, Report
from services.voting.verify import verify

ACCEPTED, REJECTED, UNREADABLE = 0, 1, 2
INTERRUPTED = 130
_CHUNK = 2**20


def add_arguments(parser: ArgumentParser) -> None:
    """The archive, an older copy of it, and the form of the report."""
    parser.add_argument("file", metavar="FILE", help="the archive (UUID.bel)")
    parser.add_argument("--after", metavar="OLD", help="an older copy, which must be the beginning of FILE")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: Namespace) -> int:
    """Checks the archive, prints the report and returns the exit code."""
    try:
        report = check_archive(Path(args.file), Path(args.after) if args.after else None)
    except (OSError, NotAnArchive) as error:
        print(f"uvote verify: {_sentence(error)}", file=sys.stderr)
        return UNREADABLE
    except KeyboardInterrupt:
        print("uvote verify: interrupted, nothing is known about the archive", file=sys.stderr)
        return INTERRUPTED
    lines = [json.dumps(report.to_json(), indent=2)] if args.json else describe(report)
    _print(lines)
    return ACCEPTED if report.accepted else REJECTED


def check_archive(path: Path, older: Path | None = None) -> Report:
    """The report on an archive; raises OSError or NotAnArchive when there is nothing to report on."""
    with _open(path) as stream:
        if older is not None and (rejected := _first_difference(stream, older)):
            report = Report()
            report.reject(rejected)
            return report
        stream.seek(0)
        with Progress(sys.stderr) as progress, checking_processes(path, progress) as check_batches:
            report = verify(stream, check_batches)
    if older is not None:
        report.passed("older copy")
    return report


def _open(path: Path) -> BinaryIO:
    """Opens a file that can be read twice, and no pipe, which would wait for its writer; raises OSError."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"{path} is not a regular file")
    return path.open("rb")


def _first_difference(stream: BinaryIO, older: Path) -> Rejected | None:
    """Where the file stops repeating an older copy, if it does before the copy ends."""
    with _open(older) as old:
        place = 0
        while chunk := old.read(_CHUNK):
            if (same := _common(chunk, stream.read(len(chunk)))) < len(chunk):
                return Rejected("older copy", _event_at(stream, place + same), "the file differs from the older copy")
            place += len(chunk)
    return None


def _common(one: bytes, other: bytes) -> int:
    """The length of the common beginning."""
    if one == other:
        return len(one)
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _event_at(stream: BinaryIO, place: int) -> int:
    """The height of the event that holds a byte of the file, or of the first that is missing."""
    stream.seek(0)
    height = 0
    try:
        for entry in ArchiveReader(stream):
            if place < entry.end:
                return entry.event.height
            height = entry.event.height + 1
    except BrokenArchive as error:
        return error.height
    return height


def describe(report: Report) -> list[str]:
    """The report for people; what comes from the archive is made harmless for a terminal."""
    lines = [f"{name:<13} {_harmless(value)}" for name, value in _facts(report) if value]
    lines += _result_lines(report)
    lines += [f"{check:<20} {verdict}" for check, verdict in report.checks.items()]
    return [*lines, "", _verdict_line(report)]


def _facts(report: Report) -> list[tuple[str, str]]:
    trustees = ", ".join(name or f"trustee {owner}" for owner, name in enumerate(report.trustees, start=1))
    weight = f", weight {report.weight}" if report.weight != report.counted else ""
    ballots = f"{report.ballots}, of which {report.counted} count{weight}; {report.voters} on the list of voters"
    return [
        ("election", report.name or ""),
        ("uuid", report.uuid or ""),
        ("fingerprint", report.fingerprint or ""),
        ("trustees", trustees),
        ("ballots", ballots if report.uuid else ""),
    ]


def _result_lines(report: Report) -> list[str]:
    lines = [""]
    for question, counts in zip(report.questions, report.result or [], strict=False):
        lines.append(_harmless(question.text))
        if isinstance(question, HomomorphicQuestion):
            labels = [*(["(blank)"] if question.blank else []), *question.answers]
            lines += [f"{count:>13} {_harmless(label)}" for label, count in zip(labels, counts, strict=True)]
        else:
            lines.append(f"{len(counts):>13} ranked ballots (--json lists them)")
    return [*lines, ""] if report.result else lines


def _verdict_line(report: Report) -> str:
    if report.rejected:
        return f"REJECTED: event {report.rejected.height}, {report.rejected.check}: {report.rejected.rule}."
    if report.complete:
        return "ACCEPTED: all checks passed."
    return "ACCEPTED: all checks passed; not complete, there is no result yet."


def _harmless(text: str) -> str:
    """Without what could move a terminal's cursor, change its colours or turn the direction of writing."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _print(lines: list[str]) -> None:
    """Prints also what the terminal's encoding does not know."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        print(line.encode(encoding, "backslashreplace").decode(encoding))
