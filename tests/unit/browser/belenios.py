"""An election that is run step by step with the real belenios-tool, to exchange every kind of record with it."""

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.unit.browser.archives import compact, digest

GROUP = "BELENIOS-2048"


def tool(directory: Path, *arguments: str, given: bytes = b"") -> bytes:
    """Run belenios-tool in a directory; raises CalledProcessError with its words when it refuses."""
    ran = subprocess.run(["belenios-tool", *arguments], cwd=directory, input=given, capture_output=True, check=False)
    if ran.returncode:
        raise subprocess.CalledProcessError(ran.returncode, arguments, ran.stdout, ran.stderr)
    return ran.stdout


class BeleniosElection:
    """Directory, voters' codes by name, and the steps in their order."""

    def __init__(self, directory: Path, voters: dict[str, int], questions: list[dict[str, Any]]) -> None:
        """`voters` gives the weight of each."""
        self.directory = directory
        self.tool_key = ""  # private key file of the trustee that the tool made last
        self.uuid = tool(directory, "setup", "generate-token").decode().strip()
        (directory / "voters.txt").write_text(
            "".join(f"{name}@example.org,{name},{weight}\n" for name, weight in voters.items())
        )
        tool(directory, "setup", "generate-credentials", "--uuid", self.uuid, "--group", GROUP, "--file", "voters.txt")
        self.codes = dict(line.split(" ") for line in self._only("*.privcreds").read_text().splitlines())
        self.codes = {identity.split(",")[1]: code for identity, code in self.codes.items()}
        self._only("*.pubcreds").rename(directory / "public_creds.json")
        template = {"description": "", "name": "Garden", "questions": questions}
        (directory / "questions.json").write_text(json.dumps(template))

    def copy_to(self, directory: Path) -> "BeleniosElection":
        """The same election in another directory."""
        other = copy.copy(self)
        other.directory = directory
        shutil.copytree(self.directory, directory, dirs_exist_ok=True)
        return other

    def _only(self, pattern: str) -> Path:
        [found] = self.directory.glob(pattern)
        return found

    def make_trustee_key(self) -> bytes:
        """Make a key of the tool's own; returns its public key record."""
        tool(self.directory, "setup", "generate-trustee-key", "--group", GROUP)
        private, public = self._only("*.privkey"), self._only("*.pubkey")
        self.tool_key, record = private.read_text(), public.read_bytes()
        private.unlink()
        public.unlink()
        return record

    def set_up(self, public_keys: list[bytes]) -> None:
        """Freeze the definition and write the Setup event."""
        (self.directory / "public_keys.jsons").write_bytes(b"\n".join(key.strip() for key in public_keys) + b"\n")
        tool(self.directory, "setup", "make-trustees")
        make = ["setup", "make-election", "--uuid", self.uuid, "--group", GROUP, "--template", "questions.json"]
        tool(self.directory, *make)
        tool(self.directory, "archive", "init")

    @property
    def definition(self) -> str:
        """Exact text of the frozen definition (the tool ends the file with a newline that does not belong to it)."""
        return (self.directory / "election.json").read_text().strip()

    @property
    def archive(self) -> Path:
        return self._only("*.bel")

    def generate_ballot(self, voter: str, choices: list[list[int]]) -> str:
        """A ballot made by the tool."""
        (self.directory / "code").write_text(self.codes[voter])
        (self.directory / "choices").write_text(json.dumps(choices))
        made = tool(self.directory, "election", "generate-ballot", "--privcred", "code", "--ballot", "choices")
        return made.decode().strip()

    def add_event(self, kind: str, *records: str) -> None:
        """Append an event to the archive; the last record is its payload."""
        given = "".join(f"{record}\n" for record in records).encode()
        tool(self.directory, "archive", "add-event", f"--type={kind}", given=given)

    def close(self) -> None:
        """EndBallots, and the encrypted tally as the tool computes it."""
        self.add_event("EndBallots")
        tally = tool(self.directory, "election", "compute-encrypted-tally")
        tool(self.directory, "archive", "add-event", "--type=EncryptedTally", given=tally)

    def decrypt(self, owner: int, private_key: str) -> None:
        """The tool's own partial decryption."""
        (self.directory / "key").write_text(private_key)
        part = tool(self.directory, "election", "decrypt", "--privkey", "key", "--trustee-id", str(owner))
        tool(self.directory, "archive", "add-event", "--type=PartialDecryption", given=part)

    def add_part(self, owner: int, partial_decryption: str) -> None:
        """A partial decryption made elsewhere."""
        owned = compact({"owner": owner, "payload": digest(partial_decryption.encode())})
        self.add_event("PartialDecryption", partial_decryption, owned.decode())

    def publish(self) -> list[list[int]]:
        """Result as the tool computes it from all parts."""
        result = tool(self.directory, "election", "compute-result")
        tool(self.directory, "archive", "add-event", "--type=Result", given=result)
        counts: list[list[int]] = json.loads(result)["result"]
        return counts

    def verify(self) -> None:
        """Raises CalledProcessError when the tool refuses the archive."""
        tool(self.directory, "election", "verify")
