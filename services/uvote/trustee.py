"""`uvote trustee`: what a trustee's page does, without a browser and without a network.

- `key FILE` makes a private key in the form that `belenios-tool` uses. Select the file on the trustee's page to publish
  its public half.
- `decrypt ARCHIVE FILE` first verifies the archive as `uvote verify` does, and decrypts nothing that it rejects: a
  trustee who decrypts whatever is put forward can be made to open a single ballot.

Exit codes: 0 done, 1 the archive was rejected or the key is not one of its trustees', 2 a file cannot be used.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from services.result.contract import PartialDecryption
from services.uvote.verify import check_archive
from services.voting.archive import ArchiveReader, NotAnArchive
from services.voting.election import Election
from services.voting.group import BELENIOS_2048
from services.voting.tally import partial_decryption
from services.voting.trustee import (
    InvalidTrustee,
    generate_private_key,
    parse_private_key,
    parse_trustees,
    render_private_key,
)

DONE, REFUSED, UNUSABLE = 0, 1, 2


class NotTheirs(Exception):
    """The archive is not one that this key can help to open, and why."""


def add_arguments(parser: ArgumentParser) -> None:
    """Two acts, each with its files."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    key = acts.add_parser("key", help="make a private key")
    key.add_argument("file", type=Path, metavar="FILE", help="where to write it; must not exist")
    decrypt = acts.add_parser("decrypt", help="verify an archive and decrypt its tally")
    decrypt.add_argument("archive", type=Path, metavar="ARCHIVE", help="the election's archive (UUID.bel)")
    decrypt.add_argument("file", type=Path, metavar="FILE", help="the private key")
    decrypt.add_argument("--out", type=Path, metavar="SHARE", help="where to write the share (default: print it)")


def run(args: Namespace) -> int:
    """Does what was asked, and says in a sentence why not."""
    try:
        return _make_key(args.file) if args.act == "key" else _decrypt(args.archive, args.file, args.out)
    except NotTheirs as error:
        print(f"uvote trustee: {error}", file=sys.stderr)
        return REFUSED
    except (NotAnArchive, InvalidTrustee) as error:
        print(f"uvote trustee: {error}", file=sys.stderr)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"uvote trustee: {reason}", file=sys.stderr)
    return UNUSABLE


def _make_key(file: Path) -> int:
    private = generate_private_key(BELENIOS_2048)
    # Never over an older key: it may be the only copy of one that is needed.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(render_private_key(private))
    print(f"{file} holds your private key. Keep a copy: without it there is no result, and nobody can replace it.")
    return DONE


def _decrypt(archive: Path, file: Path, out: Path | None) -> int:
    private = parse_private_key(file.read_bytes().strip(), BELENIOS_2048)
    report = check_archive(archive)
    if report.rejected:
        rejected = report.rejected
        raise NotTheirs(f"the archive is rejected: event {rejected.height}, {rejected.check}: {rejected.rule}")
    election, owner, tally = _read(archive, private)
    share = partial_decryption(tally, election, private).decode()
    text = PartialDecryption(owner=owner, partial_decryption=share).model_dump_json()
    if out is None:
        print(text)
    else:
        with out.open("x") as stream:  # never over anything: it might be the key
            stream.write(text + "\n")
        print(f"{out} holds the share of trustee {owner} in a tally of {report.counted} ballots. Post it on your page.")
    return DONE


def _read(archive: Path, private: int) -> tuple[Election, int, bytes]:
    """The election, the place of the key's trustee in it, and the encrypted tally."""
    election: Election | None = None
    owner = 0
    with archive.open("rb") as stream:
        reader = ArchiveReader(stream)
        for entry in reader:
            if entry.event.type == "Setup":
                election = Election.parse(reader.read(entry.data[0]))
                owner = _owner(reader.read(entry.data[1]), election, private)
            if entry.event.type == "EncryptedTally" and election is not None:
                return election, owner, reader.read(entry.data[0])
    raise NotTheirs("the archive holds no tally yet")


def _owner(trustees: bytes, election: Election, private: int) -> int:
    public = election.group.secret_power(election.group.g, private)
    for owner, key in parse_trustees(trustees, election.group).public_keys.items():
        if key == public:
            return owner
    raise NotTheirs("the key is not that of a trustee of this election")
