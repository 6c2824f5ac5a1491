"""Run the worker's decisions in a thread."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from adi_analytics._engine.delivery.effects import Breathe, Disconnect, Wait
from adi_analytics._engine.drivers.asyncio_runner import _CRASH_PAUSE, new_core
from adi_analytics._engine.queue.queue import SupersededError

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.delivery.effects import Effect
    from adi_analytics._engine.drivers.connection import Session
    from adi_analytics._engine.queue.queue import EventQueue

logger = logging.getLogger("adi_analytics.worker")


class ThreadRunner:
    """Runs the core in a daemon thread.

    Args:
        queue: The events.
        make_session: Makes the session that performs the core's effects.
    """

    def __init__(self, queue: EventQueue, make_session: Callable[[], Session]) -> None:
        self._queue = queue
        self._make_session = make_session
        self._session: Session | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """Start the thread; ``False`` if the queue has a consumer already."""
        owner, wake = object(), threading.Lock()
        wake.acquire()
        if not self._queue.acquire(owner, lambda: _release(wake)):
            return False
        self._thread = threading.Thread(target=self._run, args=(owner, wake), name="adi-analytics-worker", daemon=True)
        self._thread.start()
        return True

    def save_here(self) -> None:
        """Put what is in memory into the spool, from this thread; the database is not asked."""
        owner = object()
        if self._queue.settings.spool != "off" and self._queue.acquire(owner, lambda: None):
            try:
                for _ in new_core(self._queue).save():
                    pass
            finally:
                self._queue.release(owner)

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end, at most *timeout* seconds; tells whether it has ended."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(max(timeout, 0.0))
        return self._thread is None or not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def after_fork_in_child(self) -> None:
        """Forget the thread and the connection: they are the parent's."""
        self._thread = None
        if self._session is not None:
            self._session.abandon()
            self._session = None

    def _run(self, owner: object, wake: threading.Lock) -> None:
        self._queue.owner_thread = threading.get_ident()
        try:
            while not self._drive(owner, wake):
                time.sleep(_CRASH_PAUSE)
        except SupersededError:
            logger.debug("the worker was given up while it waited")
        except BaseException:
            logger.exception("the worker's thread ends, which was not planned; its events wait for close()")
        finally:
            self._queue.release(owner)

    def _drive(self, owner: object, wake: threading.Lock) -> bool:
        """Run one core; ``False`` if it failed by a fault of ours, and should be started again."""
        session = self._session = self._make_session()
        result: Any = None
        error: Exception | None = None
        try:
            core = new_core(self._queue).run()
            while True:
                effect = core.send(result) if error is None else core.throw(error)
                self._queue.leave()
                result, error = _perform(session, effect, wake)
                self._queue.enter(owner)
        except StopIteration:
            return True
        except SupersededError:
            raise
        except Exception:
            logger.exception("the worker failed and starts again; no event is lost")
            return self._queue.stop_at is not None
        finally:
            session.perform(Disconnect())


def _perform(session: Session, effect: Effect, wake: threading.Lock) -> tuple[Any, Exception | None]:
    """Do *effect*; returns its result, and the exception that it caused."""
    try:
        match effect:
            case Wait(seconds):
                wake.acquire(timeout=seconds)
            case Breathe():
                time.sleep(0)
            case _:
                return session.perform(effect), None
    except Exception as error:  # noqa: BLE001 - whatever it is, the core decides
        return None, error
    return None, None


def _release(lock: threading.Lock) -> None:
    with contextlib.suppress(RuntimeError):  # somebody else woke it: once is enough
        lock.release()
