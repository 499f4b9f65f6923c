"""An election that belenios-tool runs in a folder, step by step as its manual says."""

import json
import re
import subprocess
from pathlib import Path

from services.voting.canonical import render_json


class ToolElection:
    """Every step is the tool's own; `run` raises when the tool refuses."""

    def __init__(self, folder: Path, group: str, questions: list[object], *, voters: int = 4) -> None:
        self.folder, self.group = folder, group
        folder.mkdir(parents=True, exist_ok=True)
        self.uuid = self.run("setup", "generate-token").strip()
        (folder / "template.json").write_bytes(render_json({"description": "", "name": "n", "questions": questions}))
        self.run("setup", "generate-credentials", "--uuid", self.uuid, "--group", group, "--count", str(voters))
        (credentials,) = folder.glob("*.pubcreds")
        credentials.rename(folder / "public_creds.json")
        (private,) = folder.glob("*.privcreds")
        self.codes = [line.split()[1] for line in private.read_text().splitlines()]
        self.trustee_files: list[Path] = []

    def run(self, *arguments: str, given: str = "") -> str:
        done = subprocess.run(
            ["belenios-tool", *arguments], cwd=self.folder, input=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_single_trustees(self, count: int) -> None:
        for _ in range(count):
            known = set(self.folder.glob("*.privkey"))
            self.run("setup", "generate-trustee-key", "--group", self.group)
            (private,) = set(self.folder.glob("*.privkey")) - known
            self.trustee_files.append(private)
        records = [path.with_suffix(".pubkey").read_text() for path in self.trustee_files]
        (self.folder / "public_keys.jsons").write_text("".join(record.strip() + "\n" for record in records))
        self.run("setup", "make-trustees")

    def make_threshold_trustees(self, threshold: int, size: int) -> None:
        """Pedersen's key generation; decryption keys are left in `.dkey` files."""
        step = ("setup", "generate-trustee-key-threshold", "--group", self.group, "--step")
        for _ in range(size):
            self.run(*step, "1")
        keys = sorted(self.folder.glob("*.key"))
        (self.folder / "certs.jsons").write_text("".join(path.with_suffix(".cert").read_text() for path in keys))
        self.run(*step, "2", "--certs", "certs.jsons")
        polynomials = [
            self.run(*step, "3", "--certs", "certs.jsons", "--key", key.name, "--threshold", str(threshold))
            for key in keys
        ]
        (self.folder / "polynomials.jsons").write_text("".join(polynomials))
        files = ("--certs", "certs.jsons", "--polynomials", "polynomials.jsons", "--threshold", str(threshold))
        self.run(*step, "4", *files)
        outputs = [
            self.run(*step, "5", *files, "--key", key.name, given=key.with_suffix(".vinput").read_text())
            for key in keys
        ]
        (self.folder / "threshold.json").write_text(self.run(*step, "6", *files, given="".join(outputs)))
        for key, output in zip(keys, outputs, strict=True):
            key.with_suffix(".dkey").write_text(json.loads(output)["private_key"])
        (self.folder / "public_keys.jsons").touch()
        self.run("setup", "make-trustees")
        self.trustee_files = keys
        (self.folder / "public_keys.jsons").touch()
        self.run("setup", "make-trustees")

    def open(self) -> None:
        self.run("setup", "make-election", "--uuid", self.uuid, "--group", self.group, "--template", "template.json")
        self.run("archive", "init")

    def make_ballot(self, voter: int, choices: list[list[int]]) -> str:
        (self.folder / "code").write_text(self.codes[voter] + "\n")
        (self.folder / "choices").write_text(json.dumps(choices))
        return self.run("election", "generate-ballot", "--privcred", "code", "--ballot", "choices")

    def append(self, kind: str, given: str = "") -> None:
        self.run("archive", "add-event", f"--type={kind}", given=given)

    def cast(self, voter: int, choices: list[list[int]]) -> None:
        self.append("Ballot", self.make_ballot(voter, choices))

    def close(self) -> None:
        self.append("EndBallots")
        self.append("EncryptedTally", self.run("election", "compute-encrypted-tally"))

    def shuffle(self, *owners: int) -> None:
        for owner in owners:
            self.append("Shuffle", self.run("election", "shuffle", "--trustee-id", str(owner)))
        self.append("EndShuffles")

    def decrypt(self) -> None:
        for owner, path in enumerate(self.trustee_files, start=1):
            arguments = ("election", "decrypt", "--privkey", path.name, "--trustee-id", str(owner))
            self.append("PartialDecryption", self.run(*arguments))

    def decrypt_threshold(self, *owners: int) -> None:
        for owner in owners:
            key = self.trustee_files[owner - 1]
            keys = ("--key", key.name, "--decryption-key", key.with_suffix(".dkey").name)
            self.append(
                "PartialDecryption", self.run("election", "decrypt-threshold", *keys, "--trustee-id", str(owner))
            )

    def publish(self) -> str:
        result = self.run("election", "compute-result")
        self.append("Result", result)
        return re.sub(r"\s", "", result)

    @property
    def path(self) -> Path:
        return self.folder / f"{self.uuid}.bel"
