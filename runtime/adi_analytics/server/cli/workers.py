"""Several processes that serve at one socket: one that ends or hangs is replaced, and a signal ends all.

uvicorn's own supervisor asks each worker several times a second whether it lives, and ends those that take five seconds
to say so: also those that still import. Here the operating system says which one ended. A worker's pulse, a number in
memory that they share, says that its loop turns; one that has begun to serve and then stands still for long is killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final, Protocol

from uvicorn.config import STARTUP_FAILURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.context import SpawnProcess

logger = logging.getLogger("adi_analytics.server")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_YOUNG: Final = 5.0  # seconds; the place of one that ends so soon stays empty for a pause
_PAUSE: Final = 1.0
_LOOK: Final = 10.0  # seconds between two looks at the pulses
_STILL: Final = 6  # looks; one whose pulse did not change that often hangs


class Pulse(Protocol):
    """A number in memory that a worker and the process that began it share."""

    value: int


class Workers:
    """The processes.

    Args:
        number: How many.
        work: What each does with its pulse, whose value it raises as long as it works, until SIGTERM ends it. It is
            pickled, and exits by `STARTUP_FAILURE` if it can't begin.
        look: Seconds between two looks at the pulses. Defaults to 10: after a minute, one that hangs is killed.
    """

    def __init__(self, number: int, work: Callable[[Pulse], None], *, look: float = _LOOK) -> None:
        self._work = work
        self._number = number
        self._look = look
        self._running: dict[SpawnProcess, _Health] = {}

    def run(self) -> bool:
        """Run them until a signal comes, or one can't begin; return whether all could."""
        with _stop_signals() as stop:
            for _ in range(self._number):
                self._start()
            began = self._replace_until(stop)
            self._end(stop)
        return began

    def _start(self) -> None:
        context = get_context("spawn")
        pulse = context.Value("Q", 0, lock=False)
        process = context.Process(target=_worker, args=(self._work, pulse))
        process.start()
        self._running[process] = _Health(pulse)

    def _replace_until(self, stop: int) -> bool:
        while True:
            ready = wait([stop, *(process.sentinel for process in self._running)], self._look)
            if stop in ready:
                os.read(stop, 1)
                return True
            for process in [one for one in self._running if one.sentinel in ready]:
                process.join()
                age = time.monotonic() - self._running.pop(process).began
                if process.exitcode == STARTUP_FAILURE:
                    return False
                logger.error(
                    "worker %d ended (exit code %d); another one takes its place", process.pid, process.exitcode
                )
                if age < _YOUNG and wait([stop], _PAUSE):
                    continue  # and find the signal above
                self._start()
            self._kill_hanging()

    def _kill_hanging(self) -> None:
        for process, health in self._running.items():
            if health.is_still(self._look):
                logger.error("worker %d hangs; it is killed", process.pid)
                process.kill()  # its end is seen by the sentinel

    def _end(self, stop: int) -> None:
        """Let each answer what it took; a second signal ends them at once."""
        for process in self._running:
            process.terminate()
        while self._running:
            ready = wait([stop, *(process.sentinel for process in self._running)])
            if stop in ready:
                os.read(stop, 1)
                for process in self._running:
                    process.kill()
            for process in [one for one in self._running if one.sentinel in ready]:
                process.join()
                del self._running[process]


class _Health:
    """What is known of a worker's pulse."""

    def __init__(self, pulse: Pulse) -> None:
        self.began = time.monotonic()
        self._pulse = pulse
        self._looked = self.began
        self._seen = 0
        self._still = 0

    def is_still(self, look: float) -> bool:
        """Look at the pulse, if that is due; return whether it stood still too often.

        Looks are counted, not seconds: after a pause of the whole machine, a worker has as many as before.
        """
        now = time.monotonic()
        if now - self._looked >= look:
            self._looked = now
            seen = self._pulse.value
            self._still = self._still + 1 if seen == self._seen and seen else 0
            self._seen = seen
        return self._still >= _STILL


@contextlib.contextmanager
def _stop_signals() -> Iterator[int]:
    """Yield a descriptor that holds a byte for each signal to stop."""
    stop, tell = os.pipe()
    before = {one: signal.signal(one, lambda *_: os.write(tell, b".") and None) for one in _SIGNALS}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        os.close(stop)
        os.close(tell)


def _worker(work: Callable[[Pulse], None], pulse: Pulse) -> None:
    threading.Thread(target=_end_with_parent, name="adi-analytics parent", daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):  # the terminal's goes to all
        work(pulse)


def _end_with_parent() -> None:
    """Stop as a signal would, once the process that replaces workers is gone: nobody else could end them all."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
