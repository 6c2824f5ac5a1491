"""Readers and writers that work while a test changes the database."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from support.migrating import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg


class Traffic:
    """Readers and writers that go on until told to stop."""

    def __init__(self, dsn: str, view: str) -> None:
        self._dsn, self._view = dsn, view
        self._stop = threading.Event()
        self.errors: list[BaseException] = []
        self.reads = 0
        self.written = 0
        self.fewest = 10**9
        self._threads = [threading.Thread(target=self._guard, args=(work,)) for work in (self._read, self._write)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _guard(self, work: Any) -> None:
        try:
            with connect(self._dsn) as connection:
                for _step in work(connection):
                    if self._stop.wait(0.005):
                        return
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.errors.append(error)

    def _read(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        while True:
            (days,) = connection.execute(f"select count(*) from {self._view}".encode()).fetchone() or (0,)
            self.fewest = min(self.fewest, days)
            self.reads += 1
            yield

    def _write(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        while True:
            connection.execute(
                'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
                " values (now(), 'task_created', 'live', '{}', gen_random_uuid())"
            )
            self.written += 1
            yield
