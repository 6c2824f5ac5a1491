"""What a long command tells while it runs; the command line shows it with rich, a program may ignore it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Listens to a run."""

    def waiting(self, holder: str) -> None:
        """Another run holds the lock."""

    def step(self, what: str) -> None:
        """A file, a step or an aggregate begins."""

    def advance(self, what: str, done: int, total: int) -> None:
        """*done* of *total* buckets of *what* are filled."""


class _Silent:
    def waiting(self, holder: str) -> None:
        pass

    def step(self, what: str) -> None:
        pass

    def advance(self, what: str, done: int, total: int) -> None:
        pass


silent: Progress = _Silent()
