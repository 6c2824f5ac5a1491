"""Rows on disk while the database is away, and their way to the table when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from adi_analytics._engine.dead_letters.letter import refused_by_server
from adi_analytics._engine.spool.spool import Spool, SpoolFullError
from adi_analytics._shared.catalog import has_text_ids
from adi_analytics._shared.version import __version__
from adi_analytics.server.condition import Condition
from adi_analytics.server.ingest.writer import DatabaseUnavailableError

if TYPE_CHECKING:
    from adi_analytics._shared.options import Settings
    from adi_analytics.server.ingest.writer import Writer

logger = logging.getLogger("adi_analytics.server")


class NotDurableError(Exception):
    """Rows can't be kept: there is no spool, or it is full or broken."""


class Backlog:
    """The service's spool. What a process leaves there, the next one delivers.

    Args:
        settings: The spool's directory and sizes.
        writer: Brings the rows to the table.
        pause: Seconds between two tries.
    """

    def __init__(self, settings: Settings, writer: Writer, pause: float) -> None:
        self._spool = Spool(settings, writer.mark) if settings.spool != "off" else None
        self._writer = writer
        self._pause = pause
        self._text_ids = has_text_ids(settings.catalog)
        self._disk = Condition("events can be kept on disk again, after %.1f s")
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> bool:
        """Whether rows wait on disk."""
        return self._spool is not None and self._spool.waiting

    def size(self) -> int:
        """Return the bytes that wait on disk, of all processes with the same folder."""
        return 0 if self._spool is None else self._spool.size()

    async def keep(self, rows: list[bytes]) -> None:
        """Write *rows* to disk and sync them.

        Raises:
            NotDurableError: If that can't be done.
        """
        spool = self._spool
        if spool is None:
            raise NotDurableError
        async with self._turn:
            try:
                await asyncio.to_thread(spool.append, rows)
            except (OSError, SpoolFullError) as error:
                said = (error.strerror or "a fault of the disk") if isinstance(error, OSError) else "the spool is full"
                self._disk.failed(said, logging.ERROR, "events can't be kept on disk: %s", said)
                raise NotDurableError from error
            self._disk.worked()

    def start(self) -> None:
        """Begin to deliver what is on disk, in the background."""
        if self._spool is not None:
            self._task = asyncio.create_task(self._run(), name="adi-analytics backlog")

    async def close(self) -> None:
        """End the background's work; what is on disk stays there."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._spool is not None:
            await asyncio.to_thread(self._spool.close)

    async def _run(self) -> None:
        while True:
            try:
                while await self._deliver_next():
                    pass
            except Exception:
                logger.exception("the events on disk could not be delivered; they stay there, and are tried again")
            await asyncio.sleep(self._pause)

    async def _deliver_next(self) -> bool:
        """Deliver the oldest segment; ``False`` if there is none, or the database is away."""
        spool = self._spool
        if spool is None:
            return False
        async with self._turn:
            await asyncio.to_thread(spool.adopt)
            found = await asyncio.to_thread(spool.next) if spool.waiting else None
        if found is None:
            return False
        segment, content = found
        try:
            await self._deliver(content.rows)
        except DatabaseUnavailableError:
            spool.put_back(segment)
            return False
        except BaseException:
            spool.put_back(segment)
            raise
        async with self._turn:
            await asyncio.to_thread(spool.remove, segment)
        return True

    async def _deliver(self, rows: list[bytes]) -> None:
        written = await self._writer.write(rows)
        for at, fault in written.refused:
            letter = refused_by_server(
                rows[at], fault.message, fault.code, text_ids=self._text_ids, version=__version__
            )
            await self._writer.keep(letter)
        letters = len(written.refused)
        line = "delivered %d events that waited on disk; %d that the database refused became dead letters"
        logger.info(line, len(rows) - letters, letters)
