"""One installation on one machine: its keys, its addresses, and what each service is told of them."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit

from observability.telemetry.registry import registry
from services.shared.call_graph import MAY_CALL
from services.shared.identity import Caller, new_key, private_key, public_half
from services.uvote.migrate import OWNING

# The operator is a person with a command.
CALLEES = {**MAY_CALL, "operator": frozenset({"auth"})}
HOST = "127.0.0.1"
PORTS = {"auth": 5001, "voter": 5002, "election": 5003, "ballot": 5004, "result": 5005, "frontend": 5006}
METRICS_PORTS = {name: port + 100 for name, port in PORTS.items()}


def new_secret() -> str:
    """32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class Keys:
    """Every secret of an installation. What is sealed in the database needs the same keys again at the next start."""

    callers: Mapping[str, str] = field(default_factory=lambda: {name: new_key() for name in CALLEES})
    passwords: Mapping[str, str] = field(
        default_factory=lambda: {f"{name}_runtime": secrets.token_urlsafe(24) for name in OWNING}
    )
    auth_sealing_key: str = field(default_factory=new_secret)
    voter_sealing_key: str = field(default_factory=new_secret)
    trustee_code_key: str = field(default_factory=new_secret)

    @classmethod
    def kept_in(cls, path: Path) -> Self:
        """The keys in this file, which only its owner can read; made when there is none."""
        if path.exists():
            return cls(**json.loads(path.read_text()))
        keys = cls()
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:  # noqa: PTH123  # a file descriptor is no path
            json.dump(asdict(keys), file)
        unfinished.replace(path)
        return keys


@dataclass(frozen=True)
class Installation:
    """`superuser_url` leads to the database; each service gets the same place with a login of its own.

    `metrics_ports` are where Prometheus reads, `collectors` where each side's spans and lines go; without them none do.
    """

    superuser_url: str
    ports: Mapping[str, int] = field(default_factory=lambda: PORTS)
    keys: Keys = field(default_factory=Keys)
    smtp_port: int = 2525
    mail_from: str = "elections@uvote.example"
    metrics_ports: Mapping[str, int] = field(default_factory=dict)
    collectors: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def url(self, name: str) -> str:
        """Where services find this one."""
        return f"http://{HOST}:{self.ports[name]}"

    def public_url(self, name: str) -> str:
        """Where browsers find it; they give web cryptography to `localhost`, as to https."""
        return f"http://localhost:{self.ports[name]}"

    @property
    def metrics_urls(self) -> dict[str, str]:
        """Where Prometheus finds each service."""
        return {name: f"http://{HOST}:{port}" for name, port in self.metrics_ports.items()}

    def caller(self, name: str) -> Caller:
        """Somebody who holds that service's key (or the operator's)."""
        return Caller(name, private_key(self.keys.callers[name]))

    def environment(self, name: str, **settings: Any) -> dict[str, str]:
        """All that a service is told, and nothing that only others need; `settings` come on top."""
        told = (
            self._common(name) | self._telemetry(name) | self._own(name) | dict(self.overrides.get(name, {})) | settings
        )
        return {f"UVOTE_{setting.upper()}": _as_text(value) for setting, value in told.items()}

    def _common(self, name: str) -> dict[str, Any]:
        may_call = [caller for caller, callees in CALLEES.items() if name in callees]
        return {
            "host": HOST,
            "port": self.ports[name],
            "auth_url": self.url("auth"),
            "caller_key": self.keys.callers[name],
            "callers": {caller: public_half(self.keys.callers[caller]) for caller in may_call},
            **{f"{callee}_url": self.url(callee) for callee in MAY_CALL[name]},
            **({"database_url": self._database_url(f"{name}_runtime")} if name in OWNING else {}),
        }

    def _telemetry(self, name: str) -> dict[str, Any]:
        """A service hears only of the sides that it has."""
        sides = {route.side.value for route in registry().routes[name].values()}
        ways = {f"otlp_{side}_endpoint": url for side, url in self.collectors.items() if side in sides}
        return ways | ({"metrics_port": self.metrics_ports[name]} if name in self.metrics_ports else {})

    def _own(self, name: str) -> dict[str, Any]:
        own: dict[str, dict[str, Any]] = {
            "auth": {"sealing_key": self.keys.auth_sealing_key},
            "election": {"trustee_code_key": self.keys.trustee_code_key},
            "voter": {
                "sealing_key": self.keys.voter_sealing_key,
                "frontend_url": self.public_url("frontend"),
                "smtp_host": HOST,
                "smtp_port": self.smtp_port,
                "smtp_tls": "none",
                "mail_from": self.mail_from,
            },
            "ballot": {"frontend_origin": self.public_url("frontend")},
            "frontend": {
                "public_origin": self.public_url("frontend"),
                "ballot_public_url": self.public_url("ballot"),
            },
        }
        return own.get(name, {})

    def _database_url(self, role: str) -> str:
        parts = urlsplit(self.superuser_url)
        place = parts.netloc.rpartition("@")[2]
        login = f"{role}:{quote(self.keys.passwords[role], safe='')}"
        return urlunsplit(parts._replace(netloc=f"{login}@{place}"))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
