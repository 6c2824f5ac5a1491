"""Checks of what is kept beside the stored rows: trailing counts, and the rows of the version before.

What is kept of an earlier version has no events any more. It is compared with that version for as long as
`analytics-migrate new --drop-retired` has not dropped it; afterwards nothing knows what was there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adi_analytics._shared.sql import literal, quote
from adi_analytics.migrate.author import history
from adi_analytics.migrate.drift.findings import Finding
from adi_analytics.migrate.files.kept import Counts
from adi_analytics.migrate.files.manifest import Aggregate, Manifest
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table of rows of the version before.

    Attributes:
        before: The name of the version.
        bucket: The column of the buckets.
        rows: What the rows were copied from, as the end of a SELECT.
        columns: The columns that were copied.
        keys: Those of them that tell the rows apart.
    """

    table: str
    before: str
    bucket: str
    rows: str
    columns: list[str]
    keys: list[str]


def histories(connection: Connection, _: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield tables of an earlier version's rows that lack some of them."""
    for entry in snapshot.aggregates:
        before = next((other for other in reversed(snapshot.retired) if other.name == entry.name), None)
        if before is not None:
            for kept in [*_public_rows(entry, before), *_members(entry, before)]:
                yield from _lacks(connection, kept)


def _limit(entry: Aggregate, before: Aggregate) -> str:
    """Return the expression for the time below which all stored rows of *before* were copied."""
    return f"least({history.boundary(entry)}, analytics_meta.stored_until({literal(before.rollup)}))"


def _public_rows(entry: Aggregate, before: Aggregate) -> Iterator[_Kept]:
    bucket, limit = quote(entry.bucket.column), _limit(entry, before)
    for view in entry.historic_views if entry.history else ():
        former = next((other for other in before.historic_views if other.name == view.name), None)
        if former is None:
            continue
        rows = f"({before.public_view(former).select}) former where {bucket} < {limit}"
        if before.history:
            table = quote(history.history_table(former, before))
            rows = f"{table} former where {bucket} < least({history.boundary(before)}, {limit})"
        columns = [name for name in view.columns if name in former.columns]
        keys = [name for name in (entry.bucket.column, *entry.dimensions) if name in columns]
        yield _Kept(history.history_table(view, entry), before.rollup, entry.bucket.column, rows, columns, keys)


def _members(entry: Aggregate, before: Aggregate) -> Iterator[_Kept]:
    bucket, limit = entry.bucket.column, _limit(entry, before)
    for new, old in history.same_members(entry, before):
        if new.name in entry.kept_members:
            rows = f"{quote(old.live)} former where {quote(bucket)} < {limit}"
            columns = [column.name for column in new.columns]
            keys = [column.name for column in new.columns if column.role in {"bucket", "dimension", "member"}]
            yield _Kept(history.members_table(new), before.rollup, bucket, rows, columns, keys)


def _lacks(connection: Connection, kept: _Kept) -> Iterator[Finding]:
    bucket, table = f"former.{quote(kept.bucket)}", quote(kept.table)
    same = " and ".join(f"kept.{quote(key)} is not distinct from former.{quote(key)}" for key in kept.keys)
    lost = f"{kept.rows} and not exists (select from {table} kept where {same})"
    query = f"select count(*), min({bucket})::text, max({bucket})::text from {lost}"  # noqa: S608 - quoted
    count, since, until = connection.execute(query.encode()).fetchone() or (0, "", "")
    if count:
        names = ", ".join(map(quote, kept.columns))
        yield Finding(
            "error", f"kept rows {kept.table}", f"every row of {kept.before} that has no events any more",
            f"{count} are missing, from {since} to {until}",
            f"insert into {table} ({names}) select {names} from {lost};",  # noqa: S608 - quoted
        )  # fmt: skip


_ALL: Final = "select * from"

# The number of rows that are stored and not computed, or the other way round.
_DIFFERENT: Final = """(select count(*) from (
    ((table {stored}) except all ({computed})) union all (({computed}) except all (table {stored}))
) d)"""

# Members of which the digest changed are counted again by the next `maintain`.
_COUNTED: Final = """
select c.until::text, {different}
from analytics_meta.kept() c
where c.relation = {members} and c.until > '-infinity'
    and not exists (select from analytics_meta.recounts r where r.rollup in (c.rollup, c.relation))
    and not exists (
        select from analytics_meta.digests({members}, '-infinity', c.until) d
        full join (select * from analytics_meta.counted_buckets where members = {members}) k on k.bucket = d.bucket
        where k.digest is distinct from d.digest
    )
"""


def trailing_counts(connection: Connection, _: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield kept trailing counts that are not what the stored members give."""
    for entry in snapshot.aggregates:
        for counts in entry.counts:
            yield from _counts_differ(connection, entry, counts)


def _counts_differ(connection: Connection, entry: Aggregate, counts: Counts) -> Iterator[Finding]:
    names = entry.relations[counts.members].names
    recent = f"{quote(names.recent_rows)}('-infinity', c.until)"
    keys = ", ".join(map(quote, [entry.bucket.column, *entry.dimensions]))
    computed = {
        quote(names.counts): f"{_ALL} {quote(names.counted)}('-infinity', c.until, false)",
        quote(names.recent): f"{_ALL} {recent}",
        quote(names.recency): f"select {keys}, count(*) from {recent} group by {keys}",  # noqa: S608 - quoted
    }
    yield from _compared(connection, entry, f"trailing counts of {entry.name}", str(names.name), computed)


def answers(connection: Connection, _: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield kept answers about people that are not what the stored rows give."""
    for entry in snapshot.aggregates:
        if entry.answers is None:
            continue
        names = entry.relations[0].names
        computed = {}
        if entry.answers.known:
            computed[quote(names.known)] = f"{_ALL} {quote(names.known_rows)}('-infinity', c.until)"
        for part in entry.answers.parts:
            end = f"c.until - interval '{part.before} seconds'"
            function = quote(getattr(names, part.function))
            computed[quote(getattr(names, part.table))] = f"{_ALL} {function}('-infinity', {end})"
        yield from _compared(connection, entry, f"answers of {entry.name}", str(names.name), computed)


def _compared(
    connection: Connection, entry: Aggregate, what: str, relation: str, computed: dict[str, str]
) -> Iterator[Finding]:
    """Yield how tables beside *relation* differ from what is *computed* for each."""
    numbers = ", ".join(_DIFFERENT.format(stored=table, computed=rows) for table, rows in computed.items())
    query = _COUNTED.format(different=numbers, members=literal(relation))
    row = connection.execute(query.encode()).fetchone()
    different = [(table, count) for table, count in zip(computed, row[1:], strict=True) if count] if row else []
    if row is not None and different:
        rollup = literal(entry.rollup)
        yield Finding(
            "error", what, f"until {row[0]} what the rows of {relation} give",
            ", ".join(f"{count} rows of {table} differ" for table, count in different),
            f"select analytics_meta.forget_counts({rollup}); select analytics_meta.recount({rollup}, true);",
        )  # fmt: skip
