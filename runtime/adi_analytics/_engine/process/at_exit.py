"""The end of the process: deliver what there is before it."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from adi_analytics._shared.options import seconds_from
from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

# Processes made by these libraries end without running `atexit`; their own finalizers run instead.
_OTHER_REGISTRIES: Final = ("multiprocessing.util", "billiard.util")


class Ending(Protocol):
    """What must be delivered before the process ends."""

    def flush(self, timeout: float) -> object:
        """Deliver what there is, at most *timeout* seconds."""

    def end(self, timeout: float) -> object:
        """Deliver what there is, at most *timeout* seconds, and end."""

    def close_at_exit(self) -> None:
        """Deliver what there is in the time of its own options, and end."""


_registered: weakref.WeakSet[Ending] = weakref.WeakSet()
_hooked: set[tuple[int, str]] = set()


class SignalThreadError(AnalyticsError):
    """Signal handlers can be set in the main thread only."""

    def __str__(self) -> str:
        return "install_sigterm() works in the main thread only; call it where the program starts"


def register(ending: Ending) -> None:
    """End *ending* when the process ends, if it still lives then."""
    _registered.add(ending)
    hook_other_registries()


def hook_other_registries() -> None:
    """Have `close_all` called where `atexit` is not: in the children of multiprocessing and billiard (Celery)."""
    for name in _OTHER_REGISTRIES:
        module: Any = sys.modules.get(name)
        # Once per process: a forked child has forgotten its parent's finalizers.
        if module is not None and (os.getpid(), name) not in _hooked:
            _finalize(module, close_all)
            # Such a child forgets its finalizers once more, after it has imported the main module (forkserver).
            module.register_after_fork(close_all, partial(_finalize, module))


def _finalize(module: Any, function: Callable[[], None]) -> None:
    _hooked.add((os.getpid(), module.__name__))
    module.Finalize(None, function, exitpriority=100)


def close_all() -> None:
    """End all clients."""
    for ending in list(_registered):
        ending.close_at_exit()


atexit.register(close_all)


def install_sigterm(timeout: float = 5.0) -> None:
    """Deliver what there is when the process gets SIGTERM, before what happened at SIGTERM until now.

    If that was the default, the process ends by the signal after at most *timeout* seconds; events
    that could not be delivered go to the spool, if there is one. If it was a handler, as under gunicorn or uvicorn, it
    is called after the flush, and clients stay usable. Calling this twice does nothing more.

    Args:
        timeout: The longest wait, in seconds.

    Raises:
        SignalThreadError: If called outside of the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise SignalThreadError
    timeout = seconds_from(timeout)
    previous = signal.getsignal(signal.SIGTERM)
    if not isinstance(previous, _SigtermHandler):
        signal.signal(signal.SIGTERM, _SigtermHandler(previous, timeout))


class _SigtermHandler:
    """Flushes or ends all clients, and goes on to the handler before it."""

    def __init__(self, previous: Any, timeout: float) -> None:
        self._previous = previous
        self._timeout = timeout

    def __call__(self, number: int, frame: FrameType | None) -> None:
        deadline = time.monotonic() + self._timeout
        last = self._previous == signal.SIG_DFL
        for ending in list(_registered):
            left = max(deadline - time.monotonic(), 0.0)
            if last:
                ending.end(left)
            else:
                ending.flush(left)
        if callable(self._previous):
            self._previous(number, frame)
        elif last:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
