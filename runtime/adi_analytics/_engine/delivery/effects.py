"""What the worker's core asks the outside world to do.

The core is a generator that yields these and gets each one's result, or the exception that it caused. So the thread and
the asyncio worker share every decision, and differ only in how they wait.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Connect:
    """Open the session's connection, in autocommit mode."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection, if any, without waiting for the server."""


@dataclass(frozen=True, slots=True)
class Reset:
    """End a failed transaction. The result says whether the connection is usable."""


@dataclass(frozen=True, slots=True)
class Execute:
    """Run one statement; the result is its rows, or the number of rows it touched.

    Without parameters it may be several statements; the result is the first one's. With *rows* it asks what became of
    them, and a session that runs no SQL stores them.
    """

    statement: str
    parameters: tuple[Any, ...] = ()
    rows: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class CopyStart:
    """Begin a ``COPY ... FROM STDIN``."""

    statement: str


@dataclass(frozen=True, slots=True)
class CopyData:
    """Send a piece of it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class CopyEnd:
    """End it and wait for the server's answer; the result is the number of rows that the server stored."""


@dataclass(frozen=True, slots=True)
class Post:
    """Send one statement over HTTP, with the *data* that it stores; the result is the answer's bytes."""

    statement: str
    parameters: Mapping[str, str]
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep until the worker is woken, at most *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Breathe:
    """Let other threads, or other tasks, run."""


Effect: TypeAlias = Connect | Disconnect | Reset | Execute | CopyStart | CopyData | CopyEnd | Post | Wait | Breathe
Steps: TypeAlias = Generator[Effect, Any, Any]

BREATHE = Breathe()
