"""The end of the process: deliver what there is before it."""

from __future__ import annotations

import atexit
import sys
import weakref
from typing import Final, Protocol

# Processes made by these libraries end without running `atexit`; their finalizers run instead.
_OTHER_REGISTRIES: Final = ("multiprocessing.util", "billiard.util")


class Closable(Protocol):
    """What ends with the process."""

    def close_at_exit(self) -> None:
        """Deliver what there is."""


_registered: weakref.WeakSet[Closable] = weakref.WeakSet()


def register(thing: Closable) -> None:
    """Close *thing* when the process ends, as long as it lives."""
    _registered.add(thing)
    for name in _OTHER_REGISTRIES:
        if (module := sys.modules.get(name)) is not None:
            module.Finalize(None, close_all, exitpriority=100)


def close_all() -> None:
    """Close everything that is registered."""
    for thing in list(_registered):
        thing.close_at_exit()


atexit.register(close_all)
