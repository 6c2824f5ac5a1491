"""One request's events: read, written or put on disk, and a verdict for each that is not kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics.server.condition import Condition
from adi_analytics.server.ingest.backlog import NotDurableError
from adi_analytics.server.ingest.body import Limits, read_body
from adi_analytics.server.ingest.events import Accepted, Reader, Rejected, split
from adi_analytics.server.ingest.outage import BEHIND, Outage, named
from adi_analytics.server.ingest.writer import DatabaseUnavailableError, Written
from adi_analytics.server.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Sequence

    import msgspec

    from adi_analytics._shared.options import Settings
    from adi_analytics.server.ingest.backlog import Backlog
    from adi_analytics.server.ingest.writer import Writer

_NOT_KEPT: Final = "The events can't be kept on disk. Send them all again: one that is stored already counts once."
_TURN: Final = 200  # events read between two moments for other requests
_MOST_WAITING: Final = 32 * 2**20
"""Bytes of rows that wait for the database. More go to disk: a client may be gone, or come again before its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a request's events. ``received`` is the sum of all the others.

    Attributes:
        received: Events in the request.
        stored: In the table now, and not before.
        duplicates: In the table before.
        spooled: On disk, since the database is away or behind; they go to the table by themselves.
        skipped: Left out by a trigger of the table.
        rejected: Not kept, and why.
    """

    received: int
    stored: int
    duplicates: int
    spooled: int
    skipped: int
    rejected: list[Rejected]

    @property
    def kept(self) -> int:
        """How many need not be sent again."""
        return self.stored + self.duplicates + self.spooled + self.skipped


class Intake:
    """Takes the events of requests.

    Args:
        settings: The catalog and what rows need.
        writer: Brings rows to the table.
        backlog: Keeps them on disk while that is impossible.
        limits: What a request may cost.
    """

    def __init__(self, settings: Settings, writer: Writer, backlog: Backlog, limits: Limits) -> None:
        self._reader = Reader(settings)
        self._writer = writer
        self._backlog = backlog
        self._limits = limits
        self._waiting = 0
        self._pace = Condition("the database keeps up again, after %.1f s")

    async def take(self, pieces: AsyncIterable[bytes], encoding: str) -> Verdict:
        """Return what became of the events in a body that comes in *pieces*.

        It returns when each event is in the table, on disk or rejected.

        Raises:
            ProblemError: If the body can't be read, or its events can be kept nowhere.
        """
        accepted, rejected = await self._read(
            split(await read_body(pieces, encoding, self._limits), self._limits.events)
        )
        received = len(accepted) + len(rejected)
        rows = [event.row for event in accepted]
        written, spooled = Written(), 0
        try:
            if rows:
                written = await self._write(rows)
        except DatabaseUnavailableError as error:
            spooled = await self._keep(rows, error.outage)
        for at, fault in written.refused:
            event = accepted[at]
            message = f"The database refused it ({named(fault.code) if fault.code else fault.sentence})"
            rejected.append(
                Rejected(index=event.index, event_id=str(event.event_id), code="refused", path="$", message=message)
            )
        return Verdict(
            received=received,
            stored=written.stored,
            duplicates=written.duplicates,
            spooled=spooled,
            skipped=written.skipped,
            rejected=sorted(rejected, key=lambda one: one.index),
        )

    async def _read(self, items: Sequence[msgspec.Raw | bytes]) -> tuple[list[Accepted], list[Rejected]]:
        accepted: list[Accepted] = []
        rejected: list[Rejected] = []
        for index, item in enumerate(items):
            if index % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            verdict = self._reader.read(index, item)
            if isinstance(verdict, Accepted):
                accepted.append(verdict)
            else:
                rejected.append(verdict)
        return accepted, rejected

    async def _write(self, rows: list[bytes]) -> Written:
        size = sum(map(len, rows))
        if self._waiting and self._waiting + size > _MOST_WAITING:
            line = "the database is behind (%s); more go to disk, or are to be sent again"
            self._pace.failed(BEHIND.fault, BEHIND.level, line, BEHIND.log)
            raise DatabaseUnavailableError(BEHIND)
        self._waiting += size
        try:
            written = await self._writer.write(rows)
        finally:
            self._waiting -= size
        if not self._waiting:
            self._pace.worked()
        return written

    async def _keep(self, rows: list[bytes], outage: Outage) -> int:
        try:
            await self._backlog.keep(rows)
        except NotDurableError:
            detail = f"{outage.client} {_NOT_KEPT}"
            raise ProblemError(503, "not-durable", detail, headers={"Retry-After": "5"}) from None
        return len(rows)
