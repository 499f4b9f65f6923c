"""How tests call the browser's modules: commands to a Node process, answers or refusals back."""

import json
import subprocess
from pathlib import Path
from typing import Any

DRIVER = Path(__file__).with_name("driver.mjs")
MODULES = Path(__file__).parents[3] / "services" / "frontend" / "static" / "voting"


class Refusal(Exception):
    """A VotingError of the modules: its class, stable code, details and message."""

    def __init__(self, name: str, code: str, details: dict[str, Any], message: str) -> None:
        super().__init__(f"{code} {details}")
        self.name, self.code, self.details, self.message = name, code, details, message


def ask_all(commands: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """Run commands in one process; a refusal is returned as a value. A defect fails the test with Node's own words."""
    ran = subprocess.run(
        ["node", DRIVER], input=json.dumps(commands), capture_output=True, encoding="utf-8", check=False
    )
    assert ran.returncode == 0, ran.stderr
    answers = json.loads(ran.stdout)
    return [Refusal(**answer["refusal"]) if "refusal" in answer else answer.get("value") for answer in answers]


def ask(command: str, **parameters: Any) -> Any:
    """Run one command; raises Refusal."""
    [answer] = ask_all([(command, parameters)])
    if isinstance(answer, Refusal):
        raise answer
    return answer
