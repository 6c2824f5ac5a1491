"""What the databases write differently. Parts and statements are put together alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from adi_analytics.query.model.describe import Measure
    from adi_analytics.query.resolve.filters import Test
    from adi_analytics.query.resolve.question import Question


class Dialect(Protocol):
    """The SQL of a database. Arguments are names of the catalog, or else expressions."""

    def name(self, of: str) -> str:
        """Return a name, quoted."""
        ...

    def relation(self, of: str, schema: str) -> str:
        """Return what is read, for the FROM of a statement whose columns `column` writes."""
        ...

    def column(self, of: str) -> str:
        """Return a column of the relation that is read."""
        ...

    def moment(self, at: datetime) -> str:
        """Return a time."""
        ...

    def test(self, test: Test) -> str:
        """Return a condition."""
        ...

    def measures_hold(self, column: str, measure: str) -> str:
        """Return whether the names in *column* are also those of *measure*."""
        ...

    def at(self, question: Question, bucket: str, *, previous: bool) -> str:
        """Return the start of the answer's bucket; that of the period before is moved to the one it meets."""
        ...

    def series(self, question: Question) -> str:
        """Return the SELECT of the starts of all buckets of the answer, as ``at``."""
        ...

    def null(self, measure: Measure) -> str:
        """Return no value, of the type of *measure*."""
        ...

    def group(self, keys: Sequence[str]) -> str:
        """Return how rows are grouped; without keys they are one group, even if there are none."""
        ...

    def any(self, column: str) -> str:
        """Return the value of the only row of a group."""
        ...

    def known(self, column: str) -> str:
        """Return a value of a group that is one."""
        ...

    def counted(self, column: str) -> str:
        """Return the sum of counts."""
        ...

    def summed(self, column: str, kind: str) -> str:
        """Return the sum of sums; the database says that the column is of the type *kind*."""
        ...

    def average(self, total: str, count: str, kind: str) -> str:
        """Return the quotient of a sum of sums, of the type *kind*, and of one of counts."""
        ...

    def extreme(self, measure: Measure, column: str) -> str:
        """Return the smallest or the largest value."""
        ...

    def largest(self, column: str) -> str:
        """Return the largest number."""
        ...

    def distinct(self, column: str) -> str:
        """Return the number of distinct values."""
        ...

    def percentile(self, quantile: float) -> str:
        """Return the percentile of rows with ``estimate``, ``up_to`` and ``total``."""
        ...

    def estimates(self, registers: str, keys: Sequence[str]) -> str:
        """Return the SELECT of an ``estimate`` for each group of *registers*, which has ``register`` and ``rho``."""
        ...

    def ratio(self, above: Sequence[str], under: Sequence[str], kinds: Sequence[str], *, whole: bool) -> str:
        """Return the quotient of two sums.

        Args:
            above: What is added up above the line.
            under: What is added up under it.
            kinds: The types that the database says these have; empty where it need not.
            whole: Whether all are counts.
        """
        ...

    def share(self, above: str, under: str) -> str:
        """Return the quotient of two sums of counts."""
        ...

    def sorted(self, expression: str, kind: str) -> str:
        """Return what *expression*, a value of the type *kind*, is sorted by."""
        ...

    def place(self, text: str, kind: str, expression: str) -> str:
        """Return the value of a cursor, to be compared with what *expression* is sorted by."""
        ...

    def shared(self, name: str) -> str:
        """Return the beginning of a common table that is read more than once."""
        ...

    def ending(self, *, sharing: bool) -> str:
        """Return what ends a statement, *sharing* a common table or not."""
        ...
