"""One hook for all forks: a child starts with an empty queue, and starts its worker at its first event."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


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


def _after_fork_in_child() -> None:
    # A copy: what is called may make or destroy things.
    for reference in list(_registered.values()):
        thing = reference()
        if thing is not None:
            thing.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which doesn't fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
