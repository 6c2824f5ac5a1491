"""The recipe of docs/howto/move-to-clickhouse.md, there and back, with writers that never stop."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from support.copying import Pair, other
from support.migrating import Ran, value
from support.runtime import balanced, running, task

if TYPE_CHECKING:
    from adi_analytics import AnalyticsClient


class Writer:
    """A program that tracks one event after the other, some of them hours old, until it is stopped."""

    def __init__(self, client: AnalyticsClient, first: int) -> None:
        self.client = client
        self.numbers: list[int] = []
        self._first = first
        self._stopped = threading.Event()
        self._wrote = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        now = datetime.now(UTC)
        while not self._stopped.wait(0.001):
            number = self._first + len(self.numbers)
            self.client.track(task(number), timestamp=now - timedelta(minutes=number % 900))
            self.numbers.append(number)
            if len(self.numbers) % 100 == 0:
                self._wrote.set()

    def goes_on(self) -> None:
        """Wait until it has written some more."""
        self._wrote.clear()
        assert self._wrote.wait(60)

    def stop(self) -> None:
        """End as a program does: what it has is delivered."""
        self._stopped.set()
        self._thread.join()
        result = self.client.flush(30)
        assert result.pending == 0
        assert balanced(self.client).dead_lettered == 0


def test_a_move_loses_nothing(uuids: Pair) -> None:
    move(uuids, "postgres")


def test_a_move_back_loses_nothing(uuids: Pair) -> None:
    move(uuids, "clickhouse")


def move(pair: Pair, source: str) -> None:
    target = other(source)
    with ExitStack() as programs:
        old = [Writer(programs.enter_context(running("thread", pair.url(source))), first) for first in (0, 100_000)]
        for writer in old:
            writer.goes_on()
        done(pair.copy(source))  # the history, while it grows
        new = [Writer(programs.enter_context(running("thread", pair.url(target))), 200_000)]
        old[0].stop()  # a rolling deployment: one program after the other
        new.append(Writer(programs.enter_context(running("thread", pair.url(target))), 300_000))
        done(pair.copy(source))
        done(pair.copy(target))  # readers of the old database see what the new one gets
        old[1].stop()
        new[0].goes_on()

        done(pair.copy(source))  # the rest
        new[0].stop()
        new[1].stop()
        written = sorted(number for writer in (*old, *new) for number in writer.numbers)

    assert pair.clickhouse.numbers() == written if target == "clickhouse" else count(pair) == len(written)
    done(pair.copy(target))
    assert pair.rows("postgres") == pair.rows("clickhouse")
    assert count(pair) == len(written) == len(set(written))


def done(ran: Ran) -> None:
    assert ran.code == 0, ran


def count(pair: Pair) -> int:
    found: int = value(pair.postgres, "select count(distinct (data ->> 'duration_ms')::bigint) from analytics_events")
    return found
