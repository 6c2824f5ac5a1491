"""An answer: typed columns, rows, totals, and what one must know to read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from adi_analytics.query.model import frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.query.model.column import Column

Exactness: TypeAlias = Literal["exact", "approximate", "provisional", "incomplete"]
State: TypeAlias = Literal["final", "provisional", "incomplete"]


@dataclass(frozen=True, slots=True)
class Warn:
    """Something to know of an answer that is right all the same.

    Attributes:
        code: What kind of thing, for programs.
        message: The same for people.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The question as it was answered: every default filled in.

    Attributes:
        start: The first moment of the range.
        end: The moment after its last one.
        granularity: The length of a bucket; ``bucket`` when it is the aggregate's own, and no other word says it.
        compared: The range of the period before, as start and end; ``None`` without a comparison.
    """

    aggregate: str
    measures: tuple[str, ...]
    dimensions: tuple[str, ...]
    filters: dict[str, dict[str, Any]]
    start: datetime
    end: datetime
    granularity: str
    time_zone: str
    compare: str | None
    compared: tuple[datetime, datetime] | None
    order_by: tuple[str, ...]
    limit: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """An answer.

    Attributes:
        columns: What the values of a row are, in their order.
        rows: The rows, in the order asked for.
        states: For each row ``final``; ``provisional`` while its bucket is not over; ``incomplete`` where events of it
            were dropped before they were counted.
        totals: Each measure over the whole range, whatever the limit; ``None`` for one that has no right total.
        totals_columns: What the totals are: a percentile is exact for a bucket, and may be approximate over the range.
        state: The state of the whole range, which is that of the totals.
        query: The question as it was answered.
        watermark: Up to here the answer reads stored rows, from here on events; ``None`` when nothing is stored yet.
        at: When the database answered.
        next: Give it as ``after`` to get the rows that follow; ``None`` when there are none.
        warnings: What else to know.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    states: tuple[State, ...]
    totals: dict[str, Any]
    state: State
    query: Resolved
    watermark: datetime | None
    at: datetime
    next: str | None
    warnings: tuple[Warn, ...]
    statement: str = field(repr=False)
    totals_statement: str | None = field(default=None, repr=False)
    totals_columns: tuple[Column, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each row by column name."""
        names = [column.name for column in self.columns]
        return (dict(zip(names, row, strict=True)) for row in self.rows)

    def sql(self, *, totals: bool = False) -> str:
        """Return the statement of the rows, or of the totals. It runs in psql as it stands.

        It holds the values of filters. It asks for one row more than the limit, to know whether rows follow.
        """
        return (self.totals_statement or "") if totals else self.statement

    def exactness(self, row: int, column: str) -> Exactness:
        """Return how far one number can be trusted; what is said of the row goes before what is said of the column."""
        state = self.states[row]
        found = next(entry for entry in self.columns if entry.name == column)
        return found.exactness if state == "final" or found.role in {"bucket", "dimension"} else state

    def to_arrow(self) -> Any:
        """Return the rows as a table of pyarrow.

        Raises:
            FrameMissingError: If pyarrow is not installed.
        """
        return frames.to_arrow(self.columns, self.rows)

    def to_polars(self) -> Any:
        """Return the rows as a data frame of polars.

        Raises:
            FrameMissingError: If polars is not installed.
        """
        return frames.to_polars(self.columns, self.rows)

    def to_pandas(self) -> Any:
        """Return the rows as a data frame of pandas.

        Raises:
            FrameMissingError: If pandas is not installed.
        """
        return frames.to_pandas(self.columns, self.rows)
