"""A progress bar on standard error, which needs rich only on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar:
    """Shows on standard error how far a command is: lines, and on a terminal bars."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator[Bar]:
        """Leave nothing of the bars behind at the end of the block."""
        try:
            yield self
        finally:
            if self._progress is not None:
                self._progress.stop()

    def waiting(self, holder: str) -> None:
        """Say who holds the lock."""
        self.step(f"waiting for another run: {holder}")

    def step(self, what: str) -> None:
        """Say what begins."""
        if self._progress is None:
            print(what, file=sys.stderr)
        else:  # above the bars
            self._progress.console.print(what, markup=False, soft_wrap=True, highlight=False)

    def advance(self, what: str, done: int, total: int) -> None:
        """Move the bar of *what*."""
        if not sys.stderr.isatty():
            return
        if self._progress is None:
            self._progress = _start()
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)


def _start() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
    )
    progress.start()
    return progress
