"""What an aggregate keeps of the version before: rows of buckets whose raw events are gone.

The public rows go into a table that the new views add. Members of trailing counts go into another one, which the live
view of the members adds, so that a count over 30 days stays exact while its first days are gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from adi_analytics._shared.sql import interval, literal, quote, shorten
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.files.manifest import Aggregate, PublicView, Relation, StoredStatement
from adi_analytics.migrate.files.statements import Runnable, Sql, Statement, Table, View, statement


def kept_members(entry: Aggregate, before: Aggregate) -> list[str]:
    """Return the names of the relations of members that keep the rows of *before*."""
    return [new.name for new, _ in same_members(entry, before)]


def same_members(entry: Aggregate, before: Aggregate) -> list[tuple[Relation, Relation]]:
    """Return the relations of members that mean the same in both versions: new and old."""
    old = {relation.fingerprint: relation for relation in before.relations if relation.keeps_rows}
    return [
        (relation, old[relation.fingerprint])
        for relation in entry.relations
        if relation.keeps_rows and relation.fingerprint in old
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
            yield statement(
                f"column {column.name} of the history of {view.name}",
                f"alter table {table} add column if not exists {quote(column.name)} {column.type}",
            )


def with_history(view: View, entry: Aggregate) -> View:
    """Return the statement of a public view of *entry* so that it adds the rows of its history."""
    columns = ", ".join(quote(name) for name in view.columns)
    bucket = quote(entry.bucket.column)
    until = boundary(entry)
    # Below the boundary a bucket is the former version's only if that has rows of it: events may come later.
    start, main = _unit_start(entry), quote(history_table(entry.views[0], entry))
    free = f"    or {start} not in (select distinct {start} from {main})\n" if entry.history_unit else ""  # noqa: S608 - quoted
    return msgspec.structs.replace(
        view,
        select=Sql(
            f"select {columns}\nfrom (\n{view.select}\n) as computed\n"
            f"where {bucket} >= {until}\n"
            f"{free}"
            f"union all\nselect {columns}\nfrom {quote(_history_table(view.object, entry))}\n"
            f"where {bucket} < {until}"
        ),
    )


_WEEK_START: Final = "timestamptz '2000-01-03 00:00:00+00'"
_DAY: Final = 86_400


def unit(entry: Aggregate, before: Aggregate) -> int:
    """Return the seconds in which buckets of all versions nest: a day or a week when their widths differ."""
    widths = {entry.bucket.width, before.bucket.width, before.history_unit or before.bucket.width}
    if len(widths) == 1:
        return entry.bucket.width
    return max(_DAY, *widths)


def require_same_calendar(entry: Aggregate, before: Aggregate) -> None:
    """Refuse a new version whose buckets are not those of the former one, if either goes by a calendar.

    Raises:
        UsageError: If they are not: rows of both could not stand side by side, counting each event once.
    """
    now, was = ((of.bucket.time_zone, of.bucket.width) for of in (entry, before))
    if now != was and (now[0] or was[0]):
        raise UsageError(
            f"the buckets of {entry.name} were {_words(before)} and are now {_words(entry)}: events would count twice, "
            "or not at all, where the rows of the two versions meet",
            "Put the old bucket back, and add an aggregate of another name with the new one.",
        )


def _words(entry: Aggregate) -> str:
    bucket = entry.bucket
    return f"{bucket.unit}s of {bucket.time_zone}" if bucket.unit else f"of {bucket.width} seconds"


def _unit_start(entry: Aggregate) -> str:
    bucket = quote(entry.bucket.column)
    if entry.history_unit in {0, entry.bucket.width}:  # 0: the views of an earlier release
        return bucket
    return f"date_bin({interval(entry.history_unit)}, {bucket}, {_WEEK_START})"


def boundary(entry: Aggregate) -> str:
    """Return the expression for the time below which an earlier version's rows are read."""
    where = f"where rollup = {literal(entry.rollup)}"
    return f"coalesce((select history_before from analytics_meta.aggregates {where}), '-infinity')"  # noqa: S608 - quoted


def stored(entry: Aggregate, backend: str) -> Iterator[StoredStatement]:
    """Yield the statements that make the relations of *entry* as they are after the swap."""
    live = live_views(entry, backend)
    return (live.get(made.object, made) for made in entry.stored(backend))


def live_views(entry: Aggregate, backend: str) -> dict[str, View]:
    """Return the live views that also read kept members, by name."""
    members = {relation.live: relation for relation in entry.relations if relation.name in entry.kept_members}
    return {
        made.object: _with_members(made, members[made.object], entry)
        for made in entry.stored(backend)
        if isinstance(made, View) and made.object in members
    }


def _with_members(live: View, relation: Relation, entry: Aggregate) -> View:
    kept = (
        f"select {_columns(relation)}\nfrom {quote(members_table(relation))}\n"
        f"where {quote(entry.bucket.column)} < {boundary(entry)}"
    )
    return msgspec.structs.replace(live, select=Sql(f"{live.select}\nunion all\n{kept}"))


def members_ddl(entry: Aggregate) -> list[Table]:
    """Return the statements that make the tables of kept members."""
    return [
        Table(
            f"table of kept rows of {relation.name}",
            members_table(relation),
            Sql(f" (\n    {_columns_with_types(relation)}\n)"),
        )
        for relation in entry.relations
        if relation.name in entry.kept_members
    ]


def _columns_with_types(relation: Relation) -> str:
    return ",\n    ".join(f"{quote(column.name)} {column.type}" for column in relation.columns)


def members_table(relation: Relation) -> str:
    """Return the name of the table of kept members of *relation*."""
    # The main relation's name and `_history` is that of what its view showed.
    return shorten(f"{relation.name}_{'kept' if relation.kind == 'people' else 'history'}")


def _columns(relation: Relation) -> str:
    return ", ".join(quote(column.name) for column in relation.columns)


def keep_members(entry: Aggregate, before: Aggregate, backend: str) -> list[Runnable]:
    """Copy the members of buckets whose raw rows are gone, and let the live views read them."""
    copies = [
        statement(
            f"kept rows of {new.name}",
            f"insert into {quote(members_table(new))} ({_columns(new)})\n"
            f"select {_columns(old)}\nfrom {quote(old.live)}\n"
            f"where {quote(entry.bucket.column)} < {boundary(entry)}",
        )
        for new, old in same_members(entry, before)
    ]
    views = [Statement("live view with kept rows", view.sql) for view in live_views(entry, backend).values()]
    return [*members_ddl(entry), *copies, *views]


def history_table(view: PublicView, entry: Aggregate) -> str:
    """Return the name of the table that keeps what an earlier version computed for *view*."""
    return _history_table(view.name, entry)


def _history_table(view: str, entry: Aggregate) -> str:
    # A rollup with a shortened name may not begin with the aggregate's: then all of it tells the versions apart.
    suffix = entry.rollup.removeprefix(entry.name)
    return shorten(f"{view}{suffix}_history")


def set_boundary(before: Aggregate, now: Aggregate) -> Statement:
    """Fix the time below which rows of the version before are read: the end of those that only it has."""
    kept = ""
    if before.history:
        table = quote(history_table(before.views[0], before))
        kept = f",\n    case when exists (select from {table}) then {boundary(before)} end"
    return statement(
        f"boundary of {now.rollup}",
        "update analytics_meta.aggregates\n"
        f"set history_before = greatest(\n    {_gone_before(before, now)}{kept}\n)\n"
        f"where rollup = {literal(now.rollup)}",
    )


def _gone_before(before: Aggregate, now: Aggregate) -> str:
    """Return the expression for the time below which raw rows are gone: the oldest raw row.

    Where trailing counts lack the members of the days before, because these mean something else in the new version,
    the old rows are kept for one more span, if there are any below; but never into the future.
    """
    public = now.views[0].name
    width, zone = interval(now.history_unit), now.bucket.zone
    if zone:
        width = now.bucket.interval
    reach = now.trailing - now.bucket.width if len(now.kept_members) < _members(now) else 0
    floor = f"analytics_meta.refresh_floor({width}{zone})"
    more = (
        f" + case when exists (select from {quote(public)} where {quote(before.bucket.column)} <"
        f" {floor})\n        then {interval(reach)} else interval '0' end"
        if reach > 0
        else ""
    )
    at = f"analytics_meta.bucket_end({width}, {floor}{more}{zone})" if zone else f"{floor}{more}"
    return f"least({at}, analytics_meta.bucket_start({width}, now(){zone}))"


def _members(entry: Aggregate) -> int:
    return sum(relation.keeps_rows for relation in entry.relations)


def copy_history(view: PublicView, before: Aggregate, now: Aggregate) -> Runnable:
    """Create the history of *view* and copy the rows of buckets whose raw rows are gone."""
    table = quote(history_table(view, now))
    old = {name for entry in before.views if entry.name == view.name for name in entry.columns}
    shared = [name for name in view.columns if name in old]
    made = history_ddl(view, now)
    if not old or now.bucket.column not in shared:
        return made
    names = ", ".join(quote(name) for name in shared)
    bucket = quote(now.bucket.column)
    gone = f"{bucket} < {_gone_before(before, now)}"
    if before.history:
        former = quote(history_table(before.views[0], before))
        kept = f"{bucket} in (select {bucket} from {former})"  # noqa: S608 - quoted
        gone = f"({gone}\n    or {bucket} < {boundary(before)} and {kept})"
    return statement(
        made.step,
        f"{made.sql};\ninsert into {table} ({names})\nselect {names} from {quote(view.name)}\nwhere {gone}",
    )


def history_ddl(view: PublicView, entry: Aggregate) -> Table:
    """Return the statement that creates the history table of *view*, which needs the relations of *entry*."""
    select = f"select * from (\n{entry.public_view(view).select}\n) as computed"  # noqa: S608 - names and literals are quoted
    return Table(f"history of {view.name}", history_table(view, entry), Sql(f" as\n{select}\nwith no data"))
