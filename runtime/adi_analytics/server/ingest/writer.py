"""Rows to the events table, with the fate of each; through the worker's statements and its kind of session."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adi_analytics._engine.delivery.effects import Breathe, Connect, Disconnect, Execute, Post, Reset
from adi_analytics._engine.delivery.faults import Verdict
from adi_analytics._engine.delivery.store import chunked
from adi_analytics._engine.drivers.target import target_for
from adi_analytics._shared.clickhouse.address import is_clickhouse, parse_clickhouse
from adi_analytics.server.condition import Condition
from adi_analytics.server.ingest.outage import AWAY, SILENT, Outage, outage_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adi_analytics._engine.dead_letters.letter import DeadLetter
    from adi_analytics._engine.delivery.effects import Steps
    from adi_analytics._engine.delivery.faults import Fault
    from adi_analytics._engine.delivery.store import Store
    from adi_analytics._engine.drivers.target import AsyncSession
    from adi_analytics._shared.options import Settings


_Found = TypeVar("_Found")
_REACH: Final = "reach"
_WRITE: Final = "write"
"""A ping that works shows that the database is reached, and not that it takes what is written."""
_SILENT: Final = frozenset({"SilentServerError", "ReadTimeout"})
"""Who waited for so long does not ask once more."""


class DatabaseUnavailableError(Exception):
    """The database takes nothing at the moment; the same rows may be sent again.

    Attributes:
        outage: Why.
    """

    def __init__(self, outage: Outage = AWAY) -> None:
        super().__init__(outage.fault)
        self.outage = outage


@dataclass(slots=True)
class Written:
    """What became of rows.

    Attributes:
        stored: How many are in the table now and were not before.
        duplicates: How many the table held already; ClickHouse does not tell.
        skipped: How many a trigger of the table left out.
        refused: The row's place among those given, and what it means that the server refused it.
    """

    stored: int = 0
    duplicates: int = 0
    skipped: int = 0
    refused: list[tuple[int, Fault]] = field(default_factory=list)


class _Place:
    """A connection of the writer's, with the statements that fit its database."""

    def __init__(self, session: AsyncSession, store: Store) -> None:
        self.session = session
        self.store = store
        self.ready = False

    async def run(self, steps: Steps) -> Any:
        """Perform *steps*; an exception of the database ends them and leaves the session to `reset`."""
        effect = next(steps)
        while True:
            result = None
            if not isinstance(effect, Breathe):
                result = await self.session.perform(effect)
            try:
                effect = steps.send(result)
            except StopIteration as stop:
                return stop.value

    async def connect(self) -> None:
        if not self.ready:
            await self.session.perform(Connect())
            await self.run(self.store.prepare())
            self.ready = True

    async def reset(self) -> None:
        self.ready = bool(await self.session.perform(Reset()))

    async def close(self) -> None:
        self.ready = False
        with contextlib.suppress(*self.store.errors):
            await self.session.perform(Disconnect())


class Writer:
    """Writes rows over a few connections, which it opens when they are needed.

    Args:
        settings: The catalog, the table and the timeouts.
        conninfo: Where to connect to, or a function that says it for each connection.
        connections: Most connections at a time.
    """

    def __init__(self, settings: Settings, conninfo: str | Callable[[], str], connections: int) -> None:
        target = target_for(conninfo, settings)
        self._places = [_Place(target.async_session(), target.store()) for _ in range(connections)]
        self._clickhouse = (
            "" if callable(conninfo) or not is_clickhouse(conninfo) else parse_clickhouse(conninfo).database
        )
        self._meanwhile = (
            "they wait on disk" if settings.spool != "off" else "who sends some is asked to send them again"
        )
        self._events = Condition("the database takes events again, after %.1f s")
        self._letters = Condition("the database takes dead letters again, after %.1f s")
        self._ping: asyncio.Task[Any] | None = None
        self._free: asyncio.LifoQueue[_Place] = asyncio.LifoQueue()
        for place in self._places:
            self._free.put_nowait(place)

    async def write(self, rows: list[bytes]) -> Written:
        """Write *rows*; each is in the table, was there, or is named as refused.

        Raises:
            DatabaseUnavailableError: If the database can't be reached or takes nothing. Rows may be in the table then:
                sent again, they are counted once.
        """

        async def write(place: _Place) -> Written:
            written = Written()
            await _write(place, rows, 0, written)
            return written

        try:
            written = await self._on_place(write)
        except DatabaseUnavailableError as error:
            self._complain(error.outage, _WRITE if error.outage.connected else _REACH)
            raise
        self._events.worked(_WRITE, _REACH)
        return written

    def _complain(self, outage: Outage, about: str) -> None:
        line = "the database takes no events (%s); %s"
        self._events.failed(outage.fault, outage.level, line, outage.log, self._meanwhile, about=about)

    async def keep(self, letter: DeadLetter) -> None:
        """Keep a row that was refused, in the table of dead letters.

        Raises:
            DatabaseUnavailableError: As for `write`.
        """
        try:
            await self._on_place(lambda place: place.run(place.store.dead_letter(letter)))
        except DatabaseUnavailableError as error:
            line = "the database takes no dead letters (%s); their events wait on disk"
            self._letters.failed(error.outage.fault, error.outage.level, line, error.outage.log)
            raise
        self._letters.worked()

    @property
    def mark(self) -> str:
        """What tells the files of this kind of database."""
        return self._places[0].store.mark

    async def fetch(self, postgres: str, clickhouse: str) -> Any:
        """Return the rows of a statement on one of the connections, for what the service must know beside the events.

        Args:
            postgres: The statement for a PostgreSQL.
            clickhouse: The one for a ClickHouse.

        Raises:
            DatabaseUnavailableError: As for `write`.
        """

        def steps() -> Steps:
            if not self._clickhouse:
                return (yield Execute(postgres))
            given = {"database": self._clickhouse, "default_format": "JSONCompactEachRow"}
            answer = yield Post(clickhouse, given)
            return [json.loads(line) for line in answer.splitlines()]

        return await self._on_place(lambda place: place.run(steps()))

    async def ping(self, longest: float) -> None:
        """Do nothing but ask the database. Who asks meanwhile waits for the same answer, and takes no connection.

        Args:
            longest: Seconds to wait for the answer.

        Raises:
            DatabaseUnavailableError: As for `write`, or if there is no answer in time.
        """
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(self._probe(), name="adi-analytics ping")
        try:
            async with asyncio.timeout(longest):
                await asyncio.shield(self._ping)
        except TimeoutError:
            self._complain(SILENT, _REACH)
            raise DatabaseUnavailableError(SILENT) from None

    async def _probe(self) -> None:
        try:
            await self._on_place(lambda place: place.run(place.store.probe()))
        except DatabaseUnavailableError as error:
            self._complain(error.outage, _REACH)
            raise
        self._events.worked(_REACH)  # whether it takes events, only one that is written can show

    async def close(self) -> None:
        """Close the connections."""
        if self._ping is not None:
            self._ping.cancel()
            await asyncio.wait([self._ping])
        for place in self._places:
            await place.close()

    async def _on_place(self, work: Callable[[_Place], Awaitable[_Found]]) -> _Found:
        """Return what *work* does on a connection.

        One from before may have ended meanwhile, with the server: then the work is done once more, on a new one.
        """
        place = await self._free.get()
        try:
            if place.ready:
                try:
                    return await work(place)
                except place.store.errors as error:
                    fault = place.store.fault(error)
                    if fault.verdict is not Verdict.RETRY:
                        raise
                    await place.reset()
                    if place.ready or fault.kind in _SILENT:
                        raise
            await place.connect()
            return await work(place)
        except place.store.errors as error:
            outage = outage_of(place.store.fault(error), connected=place.ready)
            await place.close()
            raise DatabaseUnavailableError(outage) from error
        except BaseException:
            await place.close()
            raise
        finally:
            self._free.put_nowait(place)


async def _write(place: _Place, rows: list[bytes], first: int, written: Written) -> None:
    """Write *rows*, of which the first has the place *first*; around a bad row in halves."""
    if not rows:
        return
    try:
        stored = await place.run(place.store.write(chunked(rows), late=place.store.late_hours(rows)))
    except place.store.errors as error:
        await _recover(place, rows, first, written, error)
    else:
        written.stored += stored
        written.skipped += len(rows) - stored


async def _recover(place: _Place, rows: list[bytes], first: int, written: Written, error: Exception) -> None:
    found = place.store.fault(error)
    if found.verdict not in {Verdict.ROW, Verdict.DUPLICATE}:
        raise error
    await place.reset()
    await place.connect()
    if found.verdict is Verdict.DUPLICATE:
        try:
            stored, held = await place.run(place.store.merge(rows))
        except place.store.errors as again:
            fault = place.store.fault(again)
            if fault.verdict not in {Verdict.ROW, Verdict.DUPLICATE}:
                raise
            await place.reset()
            await place.connect()
            await _halve(place, rows, first, written, fault)
        else:
            written.stored += stored
            written.duplicates += held
            written.skipped += len(rows) - stored - held
    else:
        await _halve(place, rows, first, written, found)


async def _halve(place: _Place, rows: list[bytes], first: int, written: Written, fault: Fault) -> None:
    if len(rows) == 1:
        written.refused.append((first, fault))
        return
    middle = len(rows) // 2
    await _write(place, rows[:middle], first, written)
    await _write(place, rows[middle:], first + middle, written)
