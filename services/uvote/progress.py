"""A progress bar on a terminal; silence everywhere else."""

import time
from types import TracebackType
from typing import Self, TextIO

_WIDTH = 30
_SECONDS_BETWEEN = 0.1


class Progress:
    """Shows how many of how many are done; wipes its line when it ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None
        self._done = self._total = 0
        self._shown = self._began = 0.0

    def __enter__(self) -> Self:
        self._write("Reading ...")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")

    def begin(self, total: int) -> None:
        self._total, self._began = total, time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._shown >= _SECONDS_BETWEEN:
            self._shown = time.monotonic()
            self._write(self._line())

    def _line(self) -> str:
        full = _WIDTH * self._done // max(self._total, 1)
        left = (time.monotonic() - self._began) / max(self._done, 1) * (self._total - self._done)
        bar = "#" * full + "." * (_WIDTH - full)
        return f"[{bar}] {100 * self._done // max(self._total, 1)} %, {int(left // 60)}:{int(left % 60):02} left"

    def _write(self, line: str) -> None:
        if self._stream:
            self._stream.write(f"\r\x1b[K{line}")
            self._stream.flush()
