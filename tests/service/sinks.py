"""Everything into which the services speak, kept as it left them: what a search for secrets reads."""

import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import asyncpg
import httpx

from tests.service.harness import NOBODY, System, Workshop
from tests.service.recorder import Recorder, recording

FORMATS = {"text": "text/plain", "openmetrics": "application/openmetrics-text"}
REPORTING = ("auth", "voter", "election", "frontend")


@dataclass
class Watched:
    """A system of which everything that it says is kept. `read` gives it by sink, once the services have ended."""

    workshop: Workshop
    system: System
    recorders: Mapping[str, Recorder]
    series: dict[str, bytes] = field(default_factory=dict)

    async def scrape(self) -> None:
        """Keeps what the metrics say now, in both formats."""
        async with httpx.AsyncClient(timeout=30) as client:
            for service in self.system.processes:
                for name, accept in FORMATS.items():
                    reply = await client.get(f"{self.system.metrics_url(service)}/metrics", headers={"Accept": accept})
                    sink = f"metrics of {service} as {name}"
                    self.series[sink] = self.series.get(sink, b"") + reply.content

    async def say_to_postgresql(self, words: str) -> None:
        """A warning with these words, which are the message itself and therefore written."""
        connection = await asyncpg.connect(self.system.database_url)
        await connection.execute(f"DO $$ BEGIN RAISE WARNING '{words}'; END $$")
        await connection.close()

    async def end(self) -> None:
        """Ends the services, which say their last words."""
        for service in self.system.processes:
            self.system.kill(service, signal.SIGTERM)
        for service in self.system.processes:
            assert await self.system.ended(service) == 0

    def read(self) -> dict[str, bytes]:
        """By sink."""
        return {
            **self.series,
            **{f"output of {service}": self.system.log(service).encode() for service in self.system.processes},
            **{f"what was sent to {name}": recorder.content for name, recorder in self.recorders.items()},
            "PostgreSQL's log": (self.workshop.postgres.directory / "log").read_bytes(),
        }


@asynccontextmanager
async def watched(workshop: Workshop, collectors: Mapping[str, str] = NOBODY) -> AsyncIterator[Watched]:
    """A system without services yet. What they send to a collector is handed on to those given, by side."""
    with ExitStack() as stack:
        sides = {side: stack.enter_context(recording(collectors.get(side))) for side in ("identity", "ballot")}
        sentry = stack.enter_context(recording())
        addresses = {side: recorder.url for side, recorder in sides.items()}
        async with workshop.system(collectors=addresses) as system:
            reporting = {"sentry_dsn": sentry.url.replace("http://", "http://key@") + "/1"}
            system.installation = replace(system.installation, overrides=dict.fromkeys(REPORTING, reporting))
            yield Watched(workshop, system, {**sides, "Sentry": sentry})
