"""The end of the process: deliver what there is before it."""

from __future__ import annotations

import atexit
import contextlib
import logging
import operator
import os
import signal
import sys
import threading
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from adi_analytics._engine.process import at_fork
from adi_analytics._shared.options import seconds_from
from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import FrameType

logger = logging.getLogger("adi_analytics.client")

# Processes made by these libraries end without running `atexit`; their own finalizers run instead.
_OTHER_REGISTRIES: Final = ("multiprocessing.util", "billiard.util")


class Ending(Protocol):
    """What must be delivered before the process ends."""

    @property
    def shutdown_timeout(self) -> float:
        """The longest time that the end of the process may take for it."""
        ...

    @property
    def alive(self) -> bool:
        """Whether there is anything to end."""
        ...

    @property
    def pending(self) -> int:
        """The number of events that would be lost now."""
        ...

    @property
    def refused(self) -> int:
        """The number of events that came after the end, and were lost."""
        ...

    @property
    def interrupted(self) -> bool:
        """Whether the caller, a signal handler, interrupts its work."""
        ...

    def when_outside(self, callback: Callable[[], None]) -> None:
        """Call *callback* as soon as it interrupts nothing."""

    def flushing(self) -> AbstractContextManager[Flushing]:
        """Return a flush, which begins with the ``with`` block."""
        ...

    def begin_end(self, timeout: float) -> None:
        """Begin to deliver what there is and to end, without waiting."""

    def end(self, timeout: float) -> object:
        """Deliver what there is, at most *timeout* seconds, and end."""


class Flushing(Protocol):
    """A flush that has begun."""

    def wait(self, timeout: float) -> object:
        """Wait for its end, at most *timeout* seconds."""


_registered: weakref.WeakSet[Ending] = weakref.WeakSet()
_held: set[Ending] = set()
_hooked: set[tuple[int, str]] = set()


class SignalThreadError(AnalyticsError):
    """Signal handlers can be set in the main thread only."""

    def __str__(self) -> str:
        return "install_sigterm() works in the main thread only; call it where the program starts"


def register(ending: Ending) -> None:
    """End *ending* when the process ends, if it still lives then."""
    _registered.add(ending)
    hook_other_registries()


def hold(ending: Ending) -> None:
    """Keep *ending* until the process ends: nobody else does, and it has events."""
    _held.add(ending)


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
    """End all clients, each in the time of its own options, and all at the same time."""
    at_fork.notice()
    now = time.monotonic()
    _end_all({ending: now + ending.shutdown_timeout for ending in list(_registered) if ending.alive})
    _log_refused()
    _held.clear()


def _log_refused() -> None:
    """Say what came too late. `track` cannot: it may run where nothing may be logged, as in a signal handler."""
    for ending in list(_registered):
        if refused := ending.refused:
            _registered.discard(ending)  # it has ended, and is reported once
            logger.error("%d events lost: they were tracked after their client was closed", refused)


def _end_all(deadlines: dict[Ending, float]) -> None:
    """End clients, each by its deadline on the monotonic clock."""
    for ending, deadline in deadlines.items():
        ending.begin_end(max(deadline - time.monotonic(), 0.0))
    with contextlib.ExitStack() as stack:  # whatever one of them raises, all of them end
        for ending, deadline in sorted(deadlines.items(), key=operator.itemgetter(1), reverse=True):
            stack.callback(_end, ending, deadline)  # the last one is called first


def _end(ending: Ending, deadline: float) -> None:
    ending.end(deadline - time.monotonic())


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
        self._deferred = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        last = self._previous == signal.SIG_DFL
        if last and not self._deferred and self._defer(number, frame):
            return
        endings, deadline = list(_registered), time.monotonic() + self._timeout
        if last:
            _end_all(dict.fromkeys(endings, deadline))
            _log_interrupted(endings)
        else:
            with contextlib.ExitStack() as stack:
                for flushing in [stack.enter_context(ending.flushing()) for ending in endings]:
                    flushing.wait(deadline - time.monotonic())
        if callable(self._previous):
            self._previous(number, frame)
        elif last:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def _defer(self, number: int, frame: FrameType | None) -> bool:
        """Come back in a moment if the signal interrupts a worker of an event loop of this thread, at its work.

        That worker goes on only when the handler returns. Another signal comes if `before_send` does not return.
        """
        busy = next((ending for ending in list(_registered) if ending.interrupted), None)
        if busy is None:
            return False
        self._deferred = True
        busy.when_outside(partial(self, number, frame))
        again = threading.Timer(self._timeout, os.kill, (os.getpid(), number))
        again.daemon = True
        with contextlib.suppress(RuntimeError):  # no thread can be started; the next signal is somebody else's then
            again.start()
        return True


def _log_interrupted(endings: list[Ending]) -> None:
    for ending in endings:
        if ending.interrupted and ending.pending:
            logger.error("%d events lost at the end: the worker hangs in before_send", ending.pending)
