"""What is kept of trailing counts and of answers about people: statements that make, register and drop it.

All of it can be computed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from adi_analytics._shared.sql import interval, literal, quote
from adi_analytics.migrate.files.kept import Counts
from adi_analytics.migrate.files.manifest import Aggregate
from adi_analytics.migrate.files.statements import Function, Index, Runnable, Statement, Table, statement


def ddl(entry: Aggregate) -> Iterator[Table | Index | Function]:
    """Yield the statements that make the tables, indexes and functions of *entry*."""
    for counts in entry.counts:
        yield from entry.kept(counts)
    if entry.answers is not None:
        yield from entry.kept(entry.answers)


def create(entry: Aggregate) -> list[Runnable]:
    """Return the statements that make what is kept, empty, and tell ``analytics_meta`` about it."""
    made: list[Runnable] = [*ddl(entry), *(register(entry, counts) for counts in entry.counts)]
    return made if entry.answers is None else [*made, register_answers(entry)]


def lacks(before: Aggregate, entry: Aggregate) -> bool:
    """Whether *before*, written by an earlier release, keeps something else than *entry* or keeps it in another way."""
    return differ(before, entry) and bool(entry.counts or entry.answers)


def differ(before: Aggregate, now: Aggregate) -> bool:
    """Whether *now* needs other tables or functions than *before*."""
    return (before.counts, before.answers) != (now.counts, now.answers)


def any_table(entry: Aggregate) -> bool:
    """Whether *entry* keeps anything."""
    return bool(entry.counts or entry.answers)


def same_tables(before: Aggregate, now: Aggregate) -> bool:
    """Whether only the functions of *now* differ from those of *before*: then what is kept stays right."""
    sides = [[made for made in ddl(entry) if not isinstance(made, Function)] for entry in (before, now)]
    rows = [([row(e, c) for c in e.counts], answers_row(e)) for e in (before, now)]
    return sides[0] == sides[1] and rows[0] == rows[1] and bool(sides[0])


def replace_functions(before: Aggregate, now: Aggregate) -> list[Runnable]:
    """Return the statements that give *now* its functions in place of those of *before*."""
    old, new = ([made for made in ddl(entry) if isinstance(made, Function)] for entry in (before, now))
    return [*(_drop("function", made.object) for made in old if made not in new), *(m for m in new if m not in old)]


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


def answers_row(entry: Aggregate) -> dict[str, Any] | None:
    """Return the row of ``analytics_meta.answers``, if there is one."""
    if entry.answers is None:
        return None
    names, known = entry.relations[0].names, entry.answers.known
    return {
        "rollup": entry.rollup,
        "known": str(names.known) if known else None,
        "known_rows": str(names.known_rows) if known else None,
        "columns": [one.column for one in known],
        "merges": [one.merge for one in known],
        "parts": [
            {
                "table": str(getattr(names, part.table)),
                "function": str(getattr(names, part.function)),
                "before": part.before,
                "after": part.after,
            }
            for part in entry.answers.parts
        ],
    }


def register(entry: Aggregate, counts: Counts) -> Statement:
    """Return the statement that tells the procedures of ``analytics_meta`` about *counts*."""
    values = row(entry, counts)
    keys, span = values["keys"], values["span"]
    written = {name: literal(value) for name, value in values.items() if isinstance(value, str)}
    written |= {"keys": f"array[{', '.join(literal(key) for key in keys)}]", "span": interval(span)}
    return _insert(f"register the counts of {values['members']}", "counts", written)


def register_answers(entry: Aggregate) -> Statement:
    """Return the statement that tells the procedures of ``analytics_meta`` about the answers of *entry*."""
    values = answers_row(entry) or {}
    written = {name: "null" if value is None else literal(_text(value)) for name, value in values.items()}
    return _insert(f"register the answers of {entry.rollup}", "answers", written)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    simple = all(isinstance(one, str) for one in value)  # names of our own: they need no quotes
    return f"{{{','.join(value)}}}" if simple else json.dumps(value)


def _insert(step: str, table: str, values: dict[str, str]) -> Statement:
    names, texts = ", ".join(values), ",\n    ".join(values.values())
    return statement(step, f"insert into analytics_meta.{table} ({names})\nvalues ({texts})")


def forget(entry: Aggregate) -> list[Statement]:
    """Return the statement that takes what is kept away, where the rows of members change behind its back."""
    if not any_table(entry):
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
    rows = [s for counts in entry.counts for s in _forget_rows(entry, counts)]
    if entry.answers is not None:
        rows += [_delete("answers", "rollup", entry.rollup), _delete("counted_buckets", "members", entry.rollup)]
    return [*dropped, *rows]


def _drop(kind: str, name: str) -> Statement:
    return statement(f"drop {kind} {name}", f"drop {kind} if exists {quote(name)}")


def _forget_rows(entry: Aggregate, counts: Counts) -> Iterator[Statement]:
    name = str(entry.relations[counts.members].name)
    yield _delete("counts", "members", name)
    yield _delete("counted_buckets", "members", name)


def _delete(table: str, key: str, name: str) -> Statement:
    return statement(
        f"forget {name} in {table}",
        f"delete from analytics_meta.{table} where {key} = {literal(name)}",  # noqa: S608 - quoted
    )
