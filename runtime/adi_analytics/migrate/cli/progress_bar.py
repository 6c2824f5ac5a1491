"""A progress bar on standard error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class _Bar:
    """Shows on stderr how far a command is."""

    def __init__(self, errors: Console) -> None:
        self._errors = errors
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=errors,
            transient=True,
            disable=not errors.is_terminal,
        )
        self._tasks: dict[str, Any] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator[_Bar]:
        with self._progress:
            yield self

    def waiting(self, holder: str) -> None:
        self._errors.print(f"waiting for another run: {holder}", markup=False, soft_wrap=True)

    def step(self, what: str) -> None:
        self._errors.print(what, markup=False, soft_wrap=True)

    def advance(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)
