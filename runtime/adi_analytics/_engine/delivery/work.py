"""Work for the database: rows still to be written, and rows that were refused."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.dead_letters.letter import DeadLetter
from adi_analytics._engine.delivery.store import CHUNK
from adi_analytics._engine.rows.before_send import enrich, unenrich
from adi_analytics._engine.rows.encode import EncodeFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from adi_analytics._engine.queue.books import Books
    from adi_analytics._engine.queue.ledger import Item, Outcome
    from adi_analytics._engine.rows.encode import RowEncoder
    from adi_analytics._engine.spool.spool import Segment
    from adi_analytics._shared.options import Settings

_CHUNK_BYTES: Final = 2**18  # rows encoded between two breaths, if they are large
_SMALLEST_PIECE: Final = 64  # rows; smaller pieces cost more statements than they save rows


@dataclass(slots=True)
class Group:
    """Rows written in one transaction.

    Attributes:
        rows: The rows.
        merge: Whether some are in the table already, and are left out.
        suspect: Whether it is a single row that failed, for a reason that may not be its own.
        sent: Whether the server may have taken it, without our knowing.
    """

    rows: list[bytes]
    merge: bool = False
    suspect: bool = False
    sent: bool = False


class Work:
    """Rows still to be written, in groups that shrink around the rows that the server refuses.

    Args:
        account: Called for each outcome of rows: the outcome, how many, and the reason.
        rows: The rows.
        edges: Before which of the rows another group begins.
    """

    def __init__(
        self, account: Callable[[Outcome, int, str], None], rows: list[bytes] | None = None, edges: Sequence[int] = ()
    ) -> None:
        self.account = account
        rows = rows or []
        pieces = [rows[start:end] for start, end in pairwise((0, *edges, len(rows)))]
        self.groups = [Group(piece) for piece in reversed(pieces) if piece]
        """A stack: the last group is next, and stays until it is settled."""
        self.suspects: list[Group] = []
        """Rows that failed alone, for a reason that may not be theirs. They come last, the first one next."""
        self.letters: list[DeadLetter] = []
        """Refused rows that are not yet kept as dead letters."""
        self.failures = 0
        """How often in succession the server failed to write, for a reason that may not be a row's."""
        self.since: int | None = None
        """How many transactions had succeeded when it failed so first."""
        self.isolating = False
        """Whether the row that causes such a failure is looked for."""
        self._faults = 0

    @property
    def next(self) -> Group | None:
        """The group to write next."""
        return self.groups[-1] if self.groups else self.suspects[0] if self.suspects else None

    @property
    def stuck(self) -> bool:
        """Whether only suspects are left; rows of others would show whether the database takes any."""
        return bool(self.suspects) and not self.groups

    def take_next(self) -> Group:
        """Return the next group and forget it: it is settled."""
        return self.groups.pop() if self.groups else self.suspects.pop(0)

    def suspect_next(self) -> None:
        """Put the next group, which is a single row, behind all others."""
        group = self.take_next()
        group.suspect = True
        self.suspects.append(group)

    def split(self, line: int | None) -> None:
        """Replace the next group by smaller ones, given the 1-based *line* that the server names.

        The named row goes alone, so the server itself says whether it was the one.
        """
        group = self.groups.pop()
        self._faults += 1
        rows, total = group.rows, len(group.rows)
        if line is None or not 1 <= line <= total:
            pieces = [rows[: total // 2], rows[total // 2 :]]
        else:
            pieces = [rows[: line - 1], rows[line - 1 : line], *self._cut(rows[line:])]
        self.groups.extend(Group(piece, group.merge) for piece in reversed(pieces) if piece)

    def account_written(self, number: int, stored: int) -> None:
        """Account for *number* rows that the server took without an error, and of which *stored* are in the table."""
        self.account("delivered", stored, "")
        if stored < number:  # a trigger left the others out
            self.account("dropped", number - stored, "not_stored")

    def _cut(self, rows: list[bytes]) -> list[list[bytes]]:
        # With many bad rows, sending the whole rest again for each would cost the square of their number.
        size = max(_SMALLEST_PIECE, len(rows) >> min(self._faults - 1, 32))
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    @property
    def rows(self) -> list[bytes]:
        """The rows that are not yet settled, in their order."""
        return [row for group in (*reversed(self.groups), *self.suspects) for row in group.rows]

    @property
    def edges(self) -> tuple[int, ...]:
        """Before which of `rows` a group that was sent begins or ends."""
        found, at = set[int](), 0
        for group in (*reversed(self.groups), *self.suspects):
            end = at + len(group.rows)
            found |= {at, end} if group.sent else set()
            at = end
        return tuple(sorted(found))

    def take_rows(self) -> list[bytes]:
        """Return the rows and forget them: the caller keeps them from now on."""
        rows, self.groups, self.suspects = self.rows, [], []
        return rows


class Batch(Work):
    """Items of the queue, encoded while the server already reads the first of them.

    Args:
        books: Count the items as in flight.
        settings: The size of a transaction, and ``before_send``.
        items: The items.
        encoder: Makes rows of them.
        version: The version of this package, for dead letters.
    """

    def __init__(self, books: Books, settings: Settings, items: list[Item], encoder: RowEncoder, version: str) -> None:
        super().__init__(books.settle)
        self._books = books
        self._settings = settings
        self._items = items
        self._encoder = encoder
        self._version = version
        self._next = 0
        self._sent: list[bytes] = []

    @property
    def encoded(self) -> bool:
        """Whether every item was looked at and no row waits outside of the groups."""
        return self._next == len(self._items) and not self._sent

    @property
    def stuck(self) -> bool:
        """The same, and all items were looked at."""
        return super().stuck and self.encoded

    def moments(self) -> list[int]:
        """Return the timestamps of the items, in microseconds since 1970."""
        return [item[2] // 1000 for item in self._items]

    def encode(self) -> Iterator[list[bytes]]:
        """Yield rows by the chunk, up to the size of a transaction; those of an interrupted call come first.

        They count as sent, for `commit` or `regroup`. Items that can't be rows become letters.
        """
        for start in range(0, len(self._sent), CHUNK):
            yield self._sent[start : start + CHUNK]
        size = sum(map(len, self._sent))
        while self._next < len(self._items) and size < self._settings.max_batch_bytes:
            chunk = self._encode_chunk(min(_CHUNK_BYTES, self._settings.max_batch_bytes - size))
            size += sum(map(len, chunk))
            yield chunk

    def encode_rest(self) -> Iterator[None]:
        """Encode what is left without sending it, a chunk at a time; afterwards all rows are in the groups."""
        self.regroup()
        while self._next < len(self._items):
            for _ in self.encode():
                yield
            self.regroup(sent=False)

    def commit(self, stored: int) -> None:
        """The rows sent are done with; *stored* of them are in the table."""
        self.account_written(len(self._sent), stored)
        self._sent = []

    def regroup(self, *, sent: bool = True) -> None:
        """Make a group of the rows sent, to look for the one at fault or to leave out duplicates."""
        if self._sent:
            self.groups.insert(0, Group(self._sent, sent=sent))  # the bottom of the stack: rows keep their order
            self._sent = []

    def _encode_chunk(self, room: int) -> list[bytes]:
        rows: list[bytes] = []
        for item in self._items[self._next : self._next + CHUNK]:
            row = self._encode(item)
            self._next += 1  # at once after it: if anything interrupts this loop, no item is accounted for twice
            if row is not None:
                rows.append(row)
                self._sent.append(row)
                room -= len(row)
                if room <= 0:
                    break
        return rows

    def _encode(self, item: Item) -> bytes | None:
        hook = self._settings.before_send
        asked = (item, {}) if hook is None else self._ask(hook, item)
        if asked is None:
            return None
        try:
            return self._encoder.encode(*asked)
        except EncodeFault as fault:
            self.letters.append(DeadLetter(fault.row, fault.reason, fault.message, None, self._version))
            return None

    def _ask(self, hook: Callable[..., object], item: Item) -> tuple[Item, dict[str, str]] | None:
        reason = "before_send"
        try:
            given = enrich(item, self._settings)
            answer = hook(given)
            if answer is not None:
                return unenrich(answer, given)  # type: ignore[arg-type]  # a wrong type is the hook's error, caught below
        except BaseException as error:
            # The hook is the user's; whatever it raises, even SystemExit, must not stop the others' events. But in the
            # main thread it may be a signal handler's, for the program; then the event is asked about again.
            if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
                raise
            # The event is not sent: the hook may have been about to remove something from it.
            self._books.count("hook_errors")
            reason = "before_send_error"
        self.account("dropped", 1, reason)
        return None


class SpooledWork(Work):
    """Rows that are on disk until they are settled.

    Args:
        account: As for `Work`.
        rows: The rows.
        segment: Where they were read from; ``None`` for rows just written, which are delivered from memory.
        edges: As for `Work`.
    """

    def __init__(
        self,
        account: Callable[[Outcome, int, str], None],
        rows: list[bytes],
        segment: Segment | None,
        edges: Sequence[int] = (),
    ) -> None:
        super().__init__(account, rows, edges)
        self.segment = segment
