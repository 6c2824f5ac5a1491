"""What is kept of trailing counts: the statements that make, register and drop it. All of it can be computed again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adi_analytics._shared.sql import interval, literal, quote
from adi_analytics.migrate.files.manifest import Aggregate, Counts
from adi_analytics.migrate.files.statements import Function, Index, Runnable, Statement, Table, statement


def ddl(entry: Aggregate) -> Iterator[Table | Index | Function]:
    """Yield the statements that make the tables, indexes and functions of *entry*."""
    for counts in entry.counts:
        yield from entry.kept(counts)


def create(entry: Aggregate) -> list[Runnable]:
    """Return the statements that make what is kept, empty, and tell ``analytics_meta`` about it."""
    return [*ddl(entry), *(register(entry, counts) for counts in entry.counts)]


def lacks(before: Aggregate, entry: Aggregate) -> bool:
    """Whether *before*, written by an earlier release, keeps no trailing counts."""
    return bool(entry.counts) and not before.counts


def differ(before: Aggregate, now: Aggregate) -> bool:
    """Whether *now* needs other tables or functions than *before*."""
    return before.counts != now.counts


def row(entry: Aggregate, counts: Counts) -> dict[str, Any]:
    """Return the row of ``analytics_meta.counts``, the span in seconds."""
    names = entry.relations[counts.members].names
    return {
        "members": str(names.name),
        "rollup": entry.rollup,
        "keys": [*entry.dimensions, counts.member],
        "span": counts.span,
        **{part: str(getattr(names, part)) for part in ("counts", "counted", "recent", "recent_rows", "recency")},
    }


def register(entry: Aggregate, counts: Counts) -> Statement:
    """Return the statement that tells the procedures of ``analytics_meta`` about *counts*."""
    values = row(entry, counts)
    keys, span = values["keys"], values["span"]
    written = {name: literal(value) for name, value in values.items() if isinstance(value, str)}
    written |= {"keys": f"array[{', '.join(literal(key) for key in keys)}]", "span": interval(span)}
    names, texts = ", ".join(written), ",\n    ".join(written.values())
    return statement(
        f"register the counts of {values['members']}",
        f"insert into analytics_meta.counts ({names})\nvalues ({texts})",
    )


def forget(entry: Aggregate) -> list[Statement]:
    """Return the statement that takes the kept counts away, where the rows of members change behind their back."""
    if not entry.counts:
        return []
    return [
        statement(
            f"counts of {entry.rollup} start again", f"select analytics_meta.forget_counts({literal(entry.rollup)})"
        )
    ]


def drop(entry: Aggregate) -> list[Statement]:
    """Return the statements that drop what is kept, with its rows."""
    made = list(ddl(entry))
    functions = [e for e in made if isinstance(e, Function)]
    tables = [e for e in made if isinstance(e, Table)]
    dropped = [_drop("function", e.object) for e in functions] + [_drop("table", e.object) for e in tables]
    return [*dropped, *(s for counts in entry.counts for s in _forget_rows(entry, counts))]


def _drop(kind: str, name: str) -> Statement:
    return statement(f"drop {kind} {name}", f"drop {kind} if exists {quote(name)}")


def _forget_rows(entry: Aggregate, counts: Counts) -> Iterator[Statement]:
    name = entry.relations[counts.members].name
    for table in ("counts", "counted_buckets"):
        yield statement(
            f"forget {name} in {table}",
            f"delete from analytics_meta.{table} where members = {literal(name)}",  # noqa: S608 - quoted
        )
