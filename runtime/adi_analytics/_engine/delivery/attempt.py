"""Delivery of one piece of work to the database, through every fault; a generator of effects."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.dead_letters.letter import refused_by_server
from adi_analytics._engine.delivery.effects import BREATHE, Connect, Disconnect, Reset, Steps, Wait
from adi_analytics._engine.delivery.faults import INTERRUPTED, Backoff, Fault, InterruptedWorkError, Verdict
from adi_analytics._engine.delivery.store import chunked
from adi_analytics._engine.delivery.work import Batch, Group, Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.dead_letters.file import DeadLetterFile
    from adi_analytics._engine.dead_letters.letter import DeadLetter
    from adi_analytics._engine.delivery.store import Store
    from adi_analytics._engine.delivery.unfinished import Unfinished
    from adi_analytics._engine.queue.consumer import Consumer

logger = logging.getLogger("adi_analytics.worker")

_TRIES: Final = 3  # failures in succession after which the row that may cause them is looked for
_HURRIED: Final = 0.25  # seconds; the longest pause while a flush or a stop waits
_NO_THRESHOLD: Final = 2**62  # no number of events ends a pause


class GaveUpError(Exception):
    """The time given for stopping is over; what is undelivered stays as it is."""


class Delivery:
    """Keeps a connection and brings work to the table through it.

    Args:
        consumer: Knows who waits, and has the books.
        store: Knows the database.
        file: Takes dead letters that the table doesn't.
        version: The version of this package, for dead letters.
        unfinished: Remembers what was logged, beyond this worker's life.
    """

    def __init__(
        self, consumer: Consumer, store: Store, file: DeadLetterFile, version: str, unfinished: Unfinished
    ) -> None:
        self._consumer = consumer
        self._queue = consumer.queue
        self._books = consumer.books
        self._store = store
        self._errors: tuple[type[Exception], ...] = (InterruptedWorkError, *store.errors)
        self._file = file
        self._version = version
        self._settings = consumer.queue.settings
        self._backoff = Backoff(self._settings.retry_base, self._settings.retry_cap)
        self._unfinished = unfinished
        self._connected = False
        self._doubtful = False
        self._healthy = True
        self._successes = 0

    @property
    def healthy(self) -> bool:
        """Whether the last thing that was tried worked."""
        return self._healthy

    def attempt(self, work: Work) -> Steps:
        """Try to settle all of *work*; returns whether it is. Faults that pass by themselves end the attempt."""
        fault: Fault | None = None
        while True:
            try:
                # In here, because finding out about one fault may meet the next.
                if fault is not None and not (yield from self._recover(fault, work)):
                    return False
                fault = None
                yield from self._connect()
                yield from self._write(work)
            except self._errors as error:
                fault = self._fault(error)
            else:
                self._recovered()
                if self._doubtful:
                    yield from self.close()
                return True

    def close(self) -> Steps:
        """Close the connection."""
        yield Disconnect()
        self._lose_connection()

    def _lose_connection(self) -> None:
        self._connected = self._doubtful = False
        self._books.set_connected(connected=False)

    def _connect(self) -> Steps:
        if not self._connected:
            yield Connect()
            yield from self._store.prepare()
            self._connected = True
            self._books.set_connected(connected=True)
            if self._unfinished.may_log("connected"):
                logger.info("connected to the database")

    def _write(self, work: Work) -> Steps:
        yield from self._write_groups(work)
        if isinstance(work, Batch):
            yield from self._stream(work)
        yield from self._keep_letters(work)  # first: the suspects may wait for long
        while (suspect := work.next) is not None:
            yield from self._write_group(work, suspect)
        yield from self._keep_letters(work)

    def _write_groups(self, work: Work) -> Steps:
        while work.groups:
            yield from self._write_group(work, work.groups[-1])

    def _keep_letters(self, work: Work) -> Steps:
        while work.letters:
            yield from self._keep(work, work.letters[-1])
            work.letters.pop()

    def _write_group(self, work: Work, group: Group) -> Steps:
        held = 0
        group.sent = True
        if group.merge:
            stored, held = yield from self._store.merge(group.rows)
            self._books.count("duplicates", held)
        else:
            stored = yield from self._store.write(chunked(group.rows), late=self._store.late_hours(group.rows))
        work.take_next()
        work.account_written(len(group.rows), stored + held)
        self._succeeded(work)

    def _stream(self, batch: Batch) -> Steps:
        """Write what is in no group yet. There is no group now, so a fault can't be taken for one of a group's rows."""
        late = self._store.late_hours_of(batch.moments()) if not batch.encoded else []
        while not batch.encoded:
            batch.commit((yield from self._store.write(batch.encode(), late=late)))
            self._succeeded(batch)

    def _succeeded(self, work: Work) -> None:
        """A transaction was committed."""
        self._books.count("batches")
        self._successes += 1
        self._backoff.reset()
        work.failures = 0

    # ---- faults ----------------------------------------------------------------------------------------------------

    def _fault(self, error: Exception) -> Fault:
        return INTERRUPTED if isinstance(error, InterruptedWorkError) else self._store.fault(error)

    def _recover(self, fault: Fault, work: Work) -> Steps:
        """Find out what *fault* means for *work*; returns whether to go on at once."""
        self._books.note_error(fault.code or fault.kind)
        writing = self._connected
        usable = yield Reset()
        if not usable:
            self._lose_connection()
        if fault.verdict in {Verdict.ROW, Verdict.DUPLICATE} and isinstance(work, Batch):
            work.regroup()
        if usable and (group := work.next) is not None and self._isolate(fault, work, group):
            return True
        if writing and fault.of_rows and self._suspect(fault, work):
            return True
        self._books.count("retries")
        self._complain(fault)
        # What refuses us may hold for this connection only: a server that was the primary until a failover, settings
        # of the role or the database that were mended since.
        yield from self.close()
        return False

    def _isolate(self, fault: Fault, work: Work, group: Group) -> bool:
        """Make the group in which *fault* happened smaller or gentler; ``False`` if that would not help."""
        if fault.verdict is Verdict.DUPLICATE and not group.merge:
            group.merge = True
        elif fault.verdict not in {Verdict.ROW, Verdict.DUPLICATE}:
            return False
        elif len(group.rows) > 1:
            work.split(fault.line)
        else:
            work.take_next()
            work.letters.append(self._letter(group.rows[0], fault))
        return True

    def _suspect(self, fault: Fault, work: Work) -> bool:
        """Look for the row that causes a *fault* which comes again and again; returns whether to go on at once.

        The server does not say whether it is about a row or about all. So the rows are told apart by halves. One that
        fails alone, and again, becomes a dead letter if the database took others meanwhile.
        """
        work.failures += 1
        if work.since is None:
            work.since = self._successes
        work.isolating = work.isolating or work.failures >= _TRIES
        if not work.isolating:
            return False
        if isinstance(work, Batch):
            work.regroup()
        group = work.next
        if group is None:  # it was about a dead letter
            return False
        if len(group.rows) > 1:
            work.split(fault.line)
        elif group.suspect and work.since < self._successes:
            work.take_next()
            work.letters.append(self._letter(group.rows[0], fault))
            return True
        else:
            work.suspect_next()
        return work.failures == 1 and not work.stuck

    def _letter(self, row: bytes, fault: Fault) -> DeadLetter:
        ids, version = self._store.text_ids, self._version
        letter = refused_by_server(row, fault.message, fault.code, text_ids=ids, version=version)
        logger.debug("the server refused an event of type %s with the code %s", letter.row.event_type, fault.code)
        return letter

    def _keep(self, work: Work, letter: DeadLetter) -> Steps:
        try:
            yield from self._store.dead_letter(letter)
        except self._errors as error:
            fault = self._fault(error)
            if fault.verdict is Verdict.RETRY:
                raise
            yield Reset()
            self._doubtful = True
            self.keep_in_file(work, letter, fault.code)
        else:
            work.account("dead_lettered", 1, letter.reason)

    def keep_in_file(self, work: Work, letter: DeadLetter, code: str | None = None) -> None:
        """Keep *letter* in the file, because the table can't be had."""
        try:
            self._file.append(letter)
        except OSError as error:
            if self._unfinished.may_log("letters"):
                logger.error(  # noqa: TRY400 - a traceback would add our own lines to the one that matters
                    "lost an event of type %s: neither the table of dead letters (%s) nor the file%s took it: %s",
                    letter.row.event_type,
                    code,
                    f" {self._file.path}" if self._file.path else "",
                    error.strerror,
                )
            work.account("dropped", 1, "dead_letter_failed")
        else:
            work.account("dead_lettered", 1, letter.reason)
            if self._unfinished.may_log("letters in the file"):
                logger.error(
                    "the table of dead letters can't be had%s: they go to %s%s",
                    f" ({code})" if code else "",
                    self._file.path,
                    "" if self._store.mark else "; `analytics-migrate dead-letters import` brings them back",
                )

    def _complain(self, fault: Fault) -> None:
        self._healthy = False
        if fault is INTERRUPTED:
            return
        if self._unfinished.may_log(f"fault {fault.code}"):
            self._unfinished.complain()
            if fault.verdict is Verdict.RETRY:
                code = fault.code or (fault.kind if self._connected else fault.text)
                logger.warning("the database can't take events now (%s); they wait", code)
            else:
                line = "the database refuses all events (%s: %s); they wait until it is repaired"
                logger.error(line, fault.code or fault.kind, fault.sentence)

    def _recovered(self) -> None:
        since = self._unfinished.complained_at
        if since is not None:  # no line without a complaint, and one after each: the log's last word is true
            self._unfinished.end_complaint()
            logger.info("the database takes events again, after %.1f s", time.monotonic() - since)
        self._healthy = True
        self._backoff.reset()

    def pause(self, pressure: Callable[[], int], relieve: Callable[[], Steps]) -> Steps:
        """Wait before the next attempt, until the time is over or a flush or a stop begins to wait.

        Args:
            pressure: Returns the number of queued events at which to *relieve* the queue meanwhile.
            relieve: Does that, and returns whether it could.

        Raises:
            GaveUpError: If the time given for stopping is over.
        """
        queue, consumer, relievable = self._queue, self._consumer, True
        hurried, pause = consumer.hurried, self._backoff.next()
        end = time.monotonic() + (min(pause, _HURRIED) if hurried else pause)
        while (left := min(end, consumer.stop_at or end) - time.monotonic()) > 0:
            if queue.park(pressure() if relievable else _NO_THRESHOLD):
                yield Wait(left)
                if consumer.hurried and not hurried:
                    break  # a flush or a stop came meanwhile: try at once
            else:
                queue.unpark()
                relievable = yield from relieve()
        queue.unpark()
        if consumer.stop_at is not None and time.monotonic() >= consumer.stop_at:
            raise GaveUpError
        yield BREATHE
