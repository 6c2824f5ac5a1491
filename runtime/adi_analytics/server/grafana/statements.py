"""The SQL of panels and variables, with Grafana's macros, over the public views.

Numbers of several groups are put together only where that is right: counts and sums are added. Of an average, a
percentile or a distinct count each group has a line of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adi_analytics.query.model.describe import Aggregate, Dimension, Measure

ALL: Final = "'__all'"
"""What a variable stands for while all is chosen, as SQL: Grafana puts it in as it is."""
MOST: Final = 1000
"""Most rows of a table, and values of a variable."""
LINES: Final = 10
"""Most groups that have a line of their own: those with the most rows of events."""

_ADDED: Final = {"count": "sum", "sum": "sum", "min": "min", "max": "max"}
_UNUSABLE: Final = re.compile(r"\W", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the panels of an aggregate show of it.

    Attributes:
        aggregate: The aggregate.
        dimensions: Those whose values answers may show.
    """

    aggregate: Aggregate
    dimensions: tuple[Dimension, ...]

    def variable(self, dimension: Dimension) -> str:
        """Return the name of the variable that chooses values of *dimension*."""
        return _UNUSABLE.sub("_", f"{self.aggregate.name}_{dimension.name}")

    @property
    def is_whole(self) -> bool:
        """Whether all its dimensions are shown, so that each row of the view is a group of its own."""
        return len(self.dimensions) == len(self.aggregate.dimensions)

    def added(self, measure: Measure) -> str | None:
        """Return the SQL of *measure* over several groups; ``None`` if it has no right value there."""
        if measure.kind in _ADDED:
            return f"{_ADDED[measure.kind]}({quote(measure.name)})"
        if measure.kind != "ratio":
            return None
        numerator, denominator = (
            [self.added(self.aggregate.measure(side)) for side in sides]
            for sides in (measure.parts.numerator, measure.parts.denominator)
        )
        if None in numerator or None in denominator:
            return None
        above, below = (" + ".join(map(str, sides)) for sides in (numerator, denominator))
        return f"({above})::float8 / nullif({below}, 0)"


def values(shown: Shown, dimension: Dimension) -> str:
    """Return the statement of the values that a variable offers."""
    lines = [f"select distinct {_text(dimension)}", f"from {quote(shown.aggregate.name)}", f"where {_time(shown)}"]
    return "\n".join([*lines, "order by 1", f"limit {MOST}"])


def over_time(shown: Shown, measures: Mapping[str, Measure]) -> str:
    """Return the statement of lines, by title: one for each measure, or if must be one for each group, too."""
    bucket = f'{quote(shown.aggregate.bucket.column)} as "time"'
    added = {title: shown.added(measure) for title, measure in measures.items()}
    if not shown.aggregate.dimensions:
        columns = [f"{quote(measure.name)} as {quote(title)}" for title, measure in measures.items()]
        return _select(shown, [bucket, *columns], [], "order by 1")
    if all(added.values()):
        columns = [f"{sql} as {quote(title)}" for title, sql in added.items()]
        return _select(shown, [bucket, *columns], [], "group by 1", "order by 1")
    columns = [f"{_text(one)} as {quote(one.name)}" for one in shown.dimensions]
    columns += [f"{quote(measure.name)} as {quote(title)}" for title, measure in measures.items()]
    return _select(shown, [bucket, *columns], _largest(shown), "order by 1")


def by_group(shown: Shown, dimensions: Sequence[Dimension], measures: Mapping[str, Measure]) -> str:
    """Return the statement of a table with a row for each group, of what can be added up over the time."""
    columns = [f"{quote(one.name)}" for one in dimensions]
    columns += [f"{sql} as {quote(title)}" for title, measure in measures.items() if (sql := shown.added(measure))]
    places = ", ".join(str(number + 1) for number in range(len(dimensions)))
    return _select(
        shown, columns, [], f"group by {places}", f"order by {len(dimensions) + 1} desc nulls last", f"limit {MOST}"
    )  # fmt: skip


def stored_rows(shown: Shown, measures: Mapping[str, Measure]) -> str:
    """Return the statement of a table of the newest rows as they are."""
    columns = [quote(shown.aggregate.bucket.column), *(quote(one.name) for one in shown.dimensions)]
    columns += [f"{quote(measure.name)} as {quote(title)}" for title, measure in measures.items()]
    return _select(shown, columns, [], "order by 1 desc", f"limit {MOST}")


def of_people(view: str, bucket: str, columns: Mapping[str, str]) -> str:
    """Return the statement of lines of a view about people."""
    listed = ",\n    ".join([f'{quote(bucket)} as "time"', *(f"{quote(c)} as {quote(t)}" for t, c in columns.items())])
    return f"select\n    {listed}\nfrom {quote(view)}\nwhere $__timeFilter({quote(bucket)})\norder by 1"


def _select(shown: Shown, columns: list[str], more: list[str], *ends: str) -> str:
    where = "\n    and ".join([_time(shown), *(_chosen(shown, one) for one in shown.dimensions), *more])
    lines = ["select", "    " + ",\n    ".join(columns), f"from {quote(shown.aggregate.name)}", f"where {where}", *ends]
    return "\n".join(lines)


def _largest(shown: Shown) -> list[str]:
    """Return the condition that a row is of one of the groups with the most events, if the aggregate counts them."""
    counted = next((one for one in shown.aggregate.measures if one.kind == "count"), None)
    if counted is None:
        return []
    group = f"row({', '.join(quote(one.name) for one in shown.dimensions)})::text"
    inner = _select(shown, [group], [], "group by 1", f"order by sum({quote(counted.name)}) desc", f"limit {LINES}")
    return [f"{group} in (\n{inner}\n)"]


def _time(shown: Shown) -> str:
    return f"$__timeFilter({quote(shown.aggregate.bucket.column)})"


def _chosen(shown: Shown, dimension: Dimension) -> str:
    chosen = f"(${{{shown.variable(dimension)}:sqlstring}})"
    return f"({ALL} in {chosen} or {_text(dimension)} in {chosen})"


def _text(dimension: Dimension) -> str:
    return f"coalesce({quote(dimension.name)}::text, {literal('')})"
