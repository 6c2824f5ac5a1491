"""Checks what is kept of answers about people: the rows by which it is kept, and whether it fits together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, LiteralString

from psycopg.rows import dict_row

from adi_analytics._shared.sql import literal, quote
from adi_analytics.migrate.author import counts
from adi_analytics.migrate.drift.findings import Finding, show
from adi_analytics.migrate.files.manifest import Aggregate, Manifest
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection

_ROWS: Final[LiteralString] = "select rollup, known, known_rows, columns, merges, parts from analytics_meta.answers"


def rows(connection: Connection, snapshot: Manifest) -> Iterator[Finding]:
    """Yield what differs in the rows of ``analytics_meta.answers``."""
    entries = {e.rollup: e for e in [*snapshot.aggregates, *snapshot.retired] if e.answers is not None}
    with connection.cursor(row_factory=dict_row) as cursor:
        found = {values["rollup"]: values for values in cursor.execute(_ROWS)}
    for rollup, entry in entries.items():
        should, is_there = counts.answers_row(entry), found.get(rollup)
        if should != is_there:
            yield Finding(
                "error", f"row {rollup} of analytics_meta.answers", show(should), show(is_there or "missing"),
                f"{_delete(rollup)} {counts.register_answers(entry).sql}; {_forget(rollup)}",
            )  # fmt: skip
    for rollup in sorted(found.keys() - entries.keys()):
        yield Finding(
            "warning", f"row {rollup} of analytics_meta.answers", "absent", "present", _delete(rollup)
        )  # fmt: skip


def _delete(rollup: str) -> str:
    return f"delete from analytics_meta.answers where rollup = {literal(rollup)};"  # noqa: S608 - quoted


def _forget(rollup: str) -> str:
    return f"select analytics_meta.forget_counts({literal(rollup)});"


def kept(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield answers that no longer fit what they were made of, and those that nobody has kept up to date for long."""
    for entry in snapshot.aggregates:
        if entry.answers is None:
            continue
        problem = _problem(connection, database, entry)
        if problem is not None:
            yield Finding(
                "error", f"kept answers of {entry.name}", "those of the stored rows", problem, _forget(entry.rollup),
            )  # fmt: skip
        elif connection.execute(_BEHIND, [entry.rollup]).fetchone() is not None:
            yield Finding(
                "warning", f"kept answers of {entry.name}", "kept for all buckets that are over",
                "some are left: reading costs more than it must", advice="Run `analytics-migrate maintain`.",
            )  # fmt: skip


_BEHIND: Final[LiteralString] = """
select from analytics_meta.answers w join analytics_meta.aggregates a using (rollup)
where a.rollup = %s and a.active and a.refreshed_at is not null and w.until < analytics_meta.bucket_start(
    a.width, least(analytics_meta.stored_until(a.rollup), now() - 2 * a.refresh_every - a.refresh_window), a.time_zone
)
"""


def _problem(connection: Connection, database: Database, entry: Aggregate) -> str | None:
    """Return what is wrong with the answers of *entry*, by sums that must be equal."""
    for what, query in _sums(entry, quote(database.schema)):
        row = connection.execute(query.encode(), {"rollup": entry.rollup}).fetchone()
        if row is not None and row[0] != row[1]:
            return f"{what}: {row[0]} beside {row[1]}"
    return None


def _sums(entry: Aggregate, schema: str) -> Iterator[tuple[str, str]]:
    """Yield what is compared, and a query for the two values."""
    names, kinds = entry.relations[0].names, {view.kind for view in entry.views}
    places = {part: f"{schema}.{quote(str(getattr(names, part)))}" for part in ("answers", "known", "life")}
    chosen = [name for name in _SUMS if name in kinds]
    # Rows of an earlier version have no digest, but count.
    sums = [sum_ for name in chosen for sum_ in _SUMS[name] if not (entry.kept_members and "digest" in sum_[1])]
    for what, template in sums:
        yield what, template.format(**places)


_SUMS: Final = {
    "members": (
        ("new members", "select (select count(*) from {known}), (select coalesce(sum(new_members), 0) from {answers})"),
        (
            "members of all buckets",
            """
            select (select coalesce(sum(split_part(digest, ' ', 1)::bigint), 0) from analytics_meta.counted_buckets
                    where members = %(rollup)s),
                   (select coalesce(sum(members), 0) from {answers})
            """,
        ),
    ),
    "lifecycle": (
        (
            "new members of the lifecycle",
            "select (select count(returned) from {known}), (select coalesce(sum(new_members), 0) from {life})",
        ),
    ),
}
"""Values that must be equal, by the kind of a view of the question. Of a funnel there are none."""
