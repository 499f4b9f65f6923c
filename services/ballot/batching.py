"""What arrives while the database is busy goes to it together: one statement, one commit, for many requests.

Nothing waits for a batch to fill: the first request goes at once, and those that come meanwhile are the next batch. So
a single voter waits no longer than without batches, and a crowd costs the database little more than one voter.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batches(Generic[Item, Answer]):
    """`carry_out` gets the items of a batch and returns an answer for each; what it raises is raised to all of them."""

    def __init__(self, carry_out: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], largest: int) -> None:
        self.carry_out = carry_out
        self.largest = largest
        self.waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self.runner: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Answer:
        """Sends an item with one of the next batches and waits for its answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.waiting.append((item, future))
        if self.runner is None:
            self.runner = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self.waiting:
                batch, self.waiting = self.waiting[: self.largest], self.waiting[self.largest :]
                await self._carry_out(batch)
        finally:
            self.runner = None

    async def _carry_out(self, batch: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> None:
        waited_for = [(item, future) for item, future in batch if not future.done()]
        try:
            answers = await self.carry_out([item for item, _ in waited_for])
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait must hear of it
            for _, future in waited_for:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(waited_for, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
