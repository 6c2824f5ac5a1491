"""One hook for all forks: a child starts with an empty queue, and starts its worker at its first event."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Forkable(Protocol):
    """What must change in a child."""

    def after_fork_in_child(self) -> None:
        """Forget what is the parent's."""


_registered: dict[int, weakref.ref[Any]] = {}


def register(thing: Forkable) -> None:
    """Call *thing* in every child forked from now on, as long as it lives."""
    key = id(thing)
    _registered[key] = weakref.ref(thing, _forgetter(key))


def _forgetter(key: int) -> Callable[[object], None]:
    def forget(_reference: object) -> None:
        _registered.pop(key, None)

    return forget


_PATIENCE: Final = 1.0  # seconds that a fork waits for a step of a connection; a slow name server may take longer


class _Process:
    """The process that the registered things know, and what no fork may interrupt."""

    pid = os.getpid()
    late = False
    unforked = threading.Lock()
    forking = False


@contextlib.contextmanager
def no_fork() -> Iterator[None]:
    """Let forks of other threads wait while the block runs: what it locks in C would stay locked in the child."""
    with _Process.unforked:
        yield


def _before_fork() -> None:
    _Process.forking = _Process.unforked.acquire(timeout=_PATIENCE)


def _after_fork_in_parent() -> None:
    if _Process.forking:
        _Process.forking = False
        _Process.unforked.release()


def notice() -> None:
    """Find out whether this process was forked without a hook of Python's, as uWSGI does, and call everything then."""
    if os.getpid() == _Process.pid:
        return
    _Process.late = True
    try:
        _after_fork_in_child()
    finally:
        _Process.late = False


def is_late() -> bool:
    """Whether the child has done something already, so that what it holds may be its own."""
    return _Process.late


def _after_fork_in_child() -> None:
    _Process.pid = os.getpid()
    _Process.unforked, _Process.forking = threading.Lock(), False
    # A copy: what is called may make or destroy things.
    for reference in list(_registered.values()):
        thing = reference()
        if thing is not None:
            thing.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which doesn't fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
