"""What an aggregate keeps of the version before: rows of buckets whose raw events are gone.

The public rows go into a table that the new views add. Members of trailing counts go into another one, which the live
view of the members adds, so that a count over 30 days stays exact while its first days are gone.
"""

from __future__ import annotations

from collections.abc import Iterator

from adi_analytics._shared.sql import interval, literal, quote, shorten
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.files.manifest import Aggregate, Relation, Statement, View


def kept_members(entry: Aggregate, before: Aggregate) -> list[str]:
    """Return the names of the relations of members that keep the rows of *before*."""
    return [new.name for new, _ in _same_members(entry, before)]


def _same_members(entry: Aggregate, before: Aggregate) -> list[tuple[Relation, Relation]]:
    """Return the relations of members that mean the same in both versions: new and old."""
    old = {relation.fingerprint: relation for relation in before.relations if relation.kind == "users"}
    return [
        (relation, old[relation.fingerprint])
        for relation in entry.relations
        if relation.kind == "users" and relation.fingerprint in old
    ]


def widen_histories(entry: Aggregate, before: Aggregate) -> Iterator[Statement]:
    """Yield the columns that the history of *before* lacks; only for an aggregate that keeps its rows."""
    if not before.history or before.rollup != entry.rollup:
        return
    had = {column.name for column in before.columns}
    view = entry.views[0]
    for column in entry.columns:
        if column.name not in had:
            table = quote(history_table(view, entry))
            yield Statement(
                f"column {column.name} of the history of {view.name}",
                f"alter table {table} add column if not exists {quote(column.name)} {column.type}",
            )


def with_history(statement: Statement, view: View, entry: Aggregate) -> Statement:
    """Return the statement of *view* so that it adds the rows of its history."""
    head = f"create or replace view {quote(view.name)} as\n"
    if not statement.sql.startswith(head):
        raise UsageError(
            f"the manifest's view {view.name} has an unknown form", "Run `analytics-codegen generate` again."
        )
    columns = ", ".join(quote(name) for name in view.columns)
    bucket = quote(entry.bucket.column)
    boundary = _boundary(entry)
    return Statement(
        statement.step,
        f"{head}select {columns}\nfrom (\n{statement.sql.removeprefix(head)}\n) as computed\n"
        f"where {bucket} >= {boundary}\n"
        f"union all\nselect {columns}\nfrom {quote(history_table(view, entry))}\nwhere {bucket} < {boundary}",
    )


def _boundary(entry: Aggregate) -> str:
    """Return the expression for the time below which an earlier version's rows are read."""
    where = f"where rollup = {literal(entry.rollup)}"
    return f"coalesce((select history_before from analytics_meta.aggregates {where}), '-infinity')"  # noqa: S608 - quoted


def live_views(entry: Aggregate, backend: str) -> dict[str, str]:
    """Return the live views that also read kept members: the statement as generated -> as it is after the swap."""
    changed = {}
    for relation in entry.relations:
        if relation.name not in entry.kept_members:
            continue
        head = f"create or replace view {quote(relation.live)} as\n"
        made = next(s.sql for s in entry.ddl[backend]["create"] if s.sql.startswith(head))
        changed[made] = (
            f"{made}\nunion all\nselect {_columns(relation)}\nfrom {quote(members_table(relation))}\n"
            f"where {quote(entry.bucket.column)} < {_boundary(entry)}"
        )
    return changed


def members_ddl(entry: Aggregate) -> list[Statement]:
    """Return the statements that make the tables of kept members."""
    return [
        Statement(
            f"table of kept rows of {relation.name}",
            f"create table {quote(members_table(relation))} (\n    "
            + ",\n    ".join(f"{quote(column.name)} {column.type}" for column in relation.columns)
            + "\n)",
        )
        for relation in entry.relations
        if relation.name in entry.kept_members
    ]


def members_table(relation: Relation) -> str:
    """Return the name of the table of kept members of *relation*."""
    return shorten(f"{relation.name}_history")


def _columns(relation: Relation) -> str:
    return ", ".join(quote(column.name) for column in relation.columns)


def keep_members(entry: Aggregate, before: Aggregate, backend: str) -> list[Statement]:
    """Copy the members of buckets whose raw rows are gone, and let the live views read them."""
    copies = [
        Statement(
            f"kept rows of {new.name}",
            f"insert into {quote(members_table(new))} ({_columns(new)})\n"
            f"select {_columns(old)}\nfrom {quote(old.live)}\n"
            f"where {quote(entry.bucket.column)} < {_boundary(entry)}",
        )
        for new, old in _same_members(entry, before)
    ]
    views = [Statement("live view with kept rows", text) for text in live_views(entry, backend).values()]
    return [*members_ddl(entry), *copies, *views]


def history_table(view: View, entry: Aggregate) -> str:
    """Return the name of the table that keeps what an earlier version computed for *view*."""
    # A rollup with a shortened name may not begin with the aggregate's: then all of it tells the versions apart.
    suffix = entry.rollup.removeprefix(entry.name)
    return shorten(f"{view.name}{suffix}_history")


def set_boundary(before: Aggregate, now: Aggregate) -> Statement:
    """Fix the time below which rows of the version before are read: the oldest raw row.

    Where trailing counts lack the members of the days before, because these mean something else in the new version,
    the old rows are kept for one more span, if there are any below; but never into the future.
    """
    public = now.views[0].name
    reach = now.trailing - now.bucket.width if len(now.kept_members) < _members(now) else 0
    more = (
        f" + case when exists (select from {quote(public)} where {quote(before.bucket.column)} <"
        f" analytics_meta.refresh_floor(width))\n        then {interval(reach)} else interval '0' end"
        if reach > 0
        else ""
    )
    return Statement(
        f"boundary of {now.rollup}",
        "update analytics_meta.aggregates\n"
        "set history_before = least(\n"
        f"    analytics_meta.refresh_floor(width){more},\n"
        "    analytics_meta.bucket_start(width, now())\n"
        ")\n"
        f"where rollup = {literal(now.rollup)}",
    )


def _members(entry: Aggregate) -> int:
    return sum(relation.kind == "users" for relation in entry.relations)


def copy_history(view: View, before: Aggregate, now: Aggregate) -> Statement:
    """Create the history of *view* and copy the rows of buckets whose raw rows are gone."""
    table = quote(history_table(view, now))
    old = {name for entry in before.views if entry.name == view.name for name in entry.columns}
    shared = [name for name in view.columns if name in old]
    lead = history_ddl(view, now)
    if not old or now.bucket.column not in shared:
        return Statement(f"history of {view.name}", lead)
    names = ", ".join(quote(name) for name in shared)
    return Statement(
        f"history of {view.name}",
        f"{lead};\ninsert into {table} ({names})\nselect {names} from {quote(view.name)}\n"
        f"where {quote(now.bucket.column)} < {_boundary(now)}",
    )


def history_ddl(view: View, entry: Aggregate) -> str:
    """Return the statement that creates the history table of *view*, which needs the relations of *entry*."""
    return (
        f"create table {quote(history_table(view, entry))} as\nselect * from (\n{_body(view, entry)}\n) as computed\n"
        "with no data"
    )


def _body(view: View, entry: Aggregate) -> str:
    head = f"create or replace view {quote(view.name)} as\n"
    # The views are the same text on every backend.
    texts = [s.sql for parts in entry.ddl.values() for s in parts["view"] if s.sql.startswith(head)]
    return texts[0].removeprefix(head)
