"""What a command says on standard error while it works. rich is needed only for what takes long on a terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE: Final = 10.0  # seconds of silence before the first line that says what takes long
_LONGEST: Final = 60.0  # seconds between two such lines
_ON_TERMINAL: Final = 1.0  # the same before a terminal shows it


class Bar:
    """Shows how far a command is: on a terminal bars, elsewhere a line now and then.

    Args:
        doing: What the command does before it says so itself.
        quiet: Whether a step is shown only when it takes long, for a command that runs each minute.
        patience: Seconds of silence before it is. Defaults to 10, on a terminal to 1.
    """

    def __init__(self, doing: str = "", *, quiet: bool = False, patience: float | None = None) -> None:
        self._what = doing
        self._done, self._total = 0, 0  # no total: it is not known
        self._since = time.monotonic()
        self._quiet = quiet
        self._patience = patience
        self._ended = threading.Event()
        self._lock = threading.RLock()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[Bar]:
        """Leave nothing of the bar behind at the end of the block."""
        watcher = threading.Thread(target=self._watch, name="analytics-migrate-progress", daemon=True)
        watcher.start()
        try:
            yield self
        finally:
            self._ended.set()
            watcher.join()
            if self._progress is not None:
                self._progress.stop()

    def waiting(self, holder: str) -> None:
        """Say who holds the lock."""
        self._set("waiting for another run")
        self.say(f"waiting for another run: {holder}")

    def step(self, what: str) -> None:
        """Say what begins."""
        self._set(what)
        if not self._quiet:
            self.say(what)

    def advance(self, what: str, done: int, total: int) -> None:
        """Move the bar of *what*."""
        self._set(what, done, total)

    def rest(self, said: str) -> None:
        """Say how a round ended. Until the next step there is nothing to wait for."""
        self._set("")
        self.say(said)

    def say(self, what: str) -> None:
        """Print a line, above the bar if there is one."""
        with self._lock:
            if self._progress is None:
                print(what, file=sys.stderr, flush=True)
            else:
                self._progress.console.print(what, markup=False, soft_wrap=True, highlight=False)

    def _set(self, what: str, done: int = 0, total: int = 0) -> None:
        with self._lock:
            if what != self._what:
                self._since = time.monotonic()
                if self._progress is not None and self._task is not None:
                    self._progress.remove_task(self._task)
                self._task = None
            self._what, self._done, self._total = what, done, total
            self._draw()

    def _draw(self) -> None:
        if self._progress is None or not self._what:
            return
        if self._task is None:
            self._task = self._progress.add_task(self._what, total=None, count="")
        count = f"{self._done}/{self._total}" if self._total else ""
        self._progress.update(self._task, completed=self._done, total=self._total or None, count=count)

    def _watch(self) -> None:
        """Break a long silence."""
        terminal = sys.stderr.isatty()
        pause = (_ON_TERMINAL if terminal else _PATIENCE) if self._patience is None else self._patience
        while not self._ended.wait(pause):
            with self._lock:
                if self._what and terminal:
                    self._progress = _start()
                    self._draw()
                    return  # from here on rich draws
                if self._what:
                    count = f": {self._done} of {self._total}" if self._total else ""
                    self.say(f"{self._what}{count} ({time.monotonic() - self._since:.0f} s)")
            pause = min(2 * pause, _LONGEST)


def _start() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
    )
    progress.start()
    return progress
