"""One aggregate's statements: create, publish, replace by a new version, drop.

A changed aggregate is built beside the old one, filled, and then the public views are swapped in one transaction. Rows
older than the raw events exist in the old version only: the swap copies them into a history table, which the new
views add.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from adi_analytics._shared.sql import interval, literal, quote, shorten
from adi_analytics.migrate.author import counts, history
from adi_analytics.migrate.errors import ForgottenMigrationError
from adi_analytics.migrate.files.manifest import Aggregate, Relation
from adi_analytics.migrate.files.statements import Runnable, Statement, View, statement


def settle(entry: Aggregate, before: Aggregate | None, taken: Collection[str]) -> Aggregate:
    """Return *entry* with names that are free beside the versions in the database.

    Raises:
        ForgottenMigrationError: If stored rows change their meaning while the version stays the same.
        UsageError: If the buckets are now those of another calendar.
    """
    if before is not None:
        history.require_same_calendar(entry, before)  # no version helps
        _check_version(entry, before, same=_only_adds_columns(entry, before))
        entry = msgspec.structs.replace(entry, history_unit=history.unit(entry, before))
    settled = entry
    for revision in itertools.count(2):
        if not any(relation.name in taken for relation in settled.relations):
            break
        settled = _revision(entry, revision)
    return settled if before is None else _keeping(settled, before)


def _keeping(entry: Aggregate, before: Aggregate) -> Aggregate:
    """Return *entry* with what it keeps of *before*: stored rows that mean the same, else what views made of them."""
    kept = history.kept_members(entry, before)
    return msgspec.structs.replace(entry, kept_members=kept, history=before.history or len(kept) < len(entry.relations))


_SUFFIXES: Final = {"rollup": "", "people": "", "users": "_users", "distribution": "_distribution", "sketch": "_sketch"}


def _revision(entry: Aggregate, revision: int) -> Aggregate:
    """Return *entry* with names for another relation of the same version: ``<aggregate>_v1r2``."""
    base = f"{entry.name}_v{entry.version}r{revision}"
    seen: Counter[str] = Counter()
    relations = []
    for relation in entry.relations:
        seen[relation.kind] += 1
        number = "" if seen[relation.kind] == 1 else f"_{seen[relation.kind]}"
        relations.append(_renamed(relation, shorten(f"{base}{_SUFFIXES[relation.kind]}{number}")))
    return msgspec.structs.replace(entry, relations=relations)


def _renamed(relation: Relation, name: str) -> Relation:
    return msgspec.structs.replace(
        relation,
        name=name,
        live=shorten(f"{name}_live"),
        rows_function=shorten(f"{name}_rows"),
        index=shorten(f"{name}_{relation.columns[0].name}_idx"),
    )


def _check_version(entry: Aggregate, before: Aggregate, *, same: bool) -> None:
    highest = max(before.version, before.catalog_version)
    if entry.version > highest or (same and entry.version == highest):
        return
    raise ForgottenMigrationError(
        f"the rows of {entry.name} change, but its version is {entry.version} (the migrations know {highest})",
        f"Set `version: {highest + 1}` at {entry.name} in events.yaml{_or_finer(entry)}, run "
        "`analytics-codegen generate` and try again.",
        changes=(entry.name,),
    )


def _or_finer(entry: Aggregate) -> str:
    """Return what to add when the ``percentiles`` of another aggregate may make *entry*: it is in no file then."""
    finer, _, rollup = entry.name.rpartition("_by_")
    return f" (at {finer}, if its `percentiles` make it)" if finer and rollup in {"day", "week"} else ""


def _only_adds_columns(entry: Aggregate, before: Aggregate) -> bool:
    """Whether the same rows are read and grouped alike, and every old measure means what it meant."""
    return entry.rows == before.rows and before.measures.items() <= entry.measures.items()


def reword(before: Aggregate, entry: Aggregate) -> Aggregate:
    """Return *before* with the views of *entry*: its stored rows are the same.

    Raises:
        ForgottenMigrationError: If a column changes its meaning, as a trailing count over another span does.
    """
    if any(before.measures.get(name, now) != now for name, now in entry.measures.items()):
        _check_version(entry, before, same=False)
    return msgspec.structs.replace(
        before,
        columns=entry.columns,
        views=entry.views,
        trailing=entry.trailing,
        dimensions=entry.dimensions,
        counts=entry.counts,
        answers=entry.answers,
        fingerprint=entry.fingerprint,
        rows=entry.rows,
        measures=entry.measures,
        comments=entry.comments,
        catalog_version=entry.version,
    )


def lacks_unit(entry: Aggregate) -> bool:
    """Whether an earlier release wrote its views: they hide events that come late and are older than the swap."""
    return entry.history and not entry.history_unit


def with_unit(entry: Aggregate, retired: Sequence[Aggregate]) -> Aggregate:
    """Return *entry* with the views of this release; *retired* are the versions that were replaced."""
    former = next((other for other in reversed(retired) if other.name == entry.name), entry)
    return msgspec.structs.replace(entry, history_unit=history.unit(entry, former))


def reschedule(now: Aggregate, entry: Aggregate) -> Aggregate:
    """Return *now* with the refresh of *entry*."""
    ddl = {
        backend: msgspec.structs.replace(made, policies=entry.ddl[backend].policies)
        for backend, made in now.ddl.items()
    }
    return msgspec.structs.replace(now, refresh=entry.refresh, ddl=ddl)


def create(entry: Aggregate, backend: str) -> list[Runnable]:
    """Return the statements that create the stored relations of *entry*, to be filled later."""
    watermark = statement(
        f"watermark of {entry.rollup}",
        f"insert into analytics_meta.rollups (rollup) values ({literal(entry.rollup)}) on conflict do nothing",  # noqa: S608 - names and literals are quoted
    )
    backfill = statement(
        f"backfill of {entry.rollup}",
        f"insert into analytics_meta.backfills (relation) values ({literal(entry.rollup)})",  # noqa: S608 - names and literals are quoted
    )
    state = [] if backend == "timescaledb" else [watermark]
    zone = statement(f"time zone of {entry.rollup}", f"select now() at time zone {entry.bucket.zone.lstrip(', ')}")
    return [
        *([zone] if entry.bucket.zone else []),  # fails where the server knows no such zone
        *entry.stored(backend), *counts.create(entry), *state, *entry.policies(backend), register(entry), backfill
    ]  # fmt: skip


def register(entry: Aggregate) -> Statement:
    """Return the statement that tells the procedures of ``analytics_meta`` about *entry*."""
    relations = json.dumps([{"name": r.name, "rows": r.rows_function} for r in entry.relations])
    refresh, zone = entry.refresh, entry.bucket.zone
    return statement(
        f"register {entry.rollup}",
        "insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,\n"
        f"    refresh_every, refresh_window, refresh_lag{', time_zone' if zone else ''})\n"
        f"values ({literal(entry.rollup)}, {literal(entry.name)}, {entry.version},\n"
        f"    {literal(relations)},\n"
        f"    {literal(entry.bucket.column)}, {entry.bucket.interval},\n"
        f"    {interval(refresh.every)}, {interval(refresh.window)}, {interval(refresh.lag)}{zone})",
    )


def only_appends(before: Aggregate, now: Aggregate) -> bool:
    """Whether `create or replace view` can do it: old columns first, unchanged, and the same views."""
    if [view.name for view in before.views] != [view.name for view in now.views]:
        return False
    old = [(column.name, column.type) for column in before.columns]
    return old == [(column.name, column.type) for column in now.columns][: len(old)]


def publish(entry: Aggregate, before: Aggregate | None) -> list[Runnable]:
    """Return the statements that make the public views of *entry*, with comments, over those of *before* if any."""
    views = public_views(entry)
    if before is None:
        return [*views, *entry.comments]
    made: list[Runnable] = [*history.widen_histories(entry, before), *views, *entry.comments]
    anew = False
    if before.rollup == entry.rollup and counts.differ(before, entry):  # a new version has made its own already
        anew = not counts.same_tables(before, entry)
        renewed = [*counts.drop(before), *counts.create(entry)] if anew else counts.replace_functions(before, entry)
        made = [*renewed, *made]
    if only_appends(before, entry) and not (anew and counts.any_table(before)):
        return made
    dropped = [statement(f"drop view {v.name}", f"drop view {quote(v.name)}") for v in reversed(before.views)]
    return [_remember_grants(before), *dropped, *made, _restore_grants(entry)]


def public_views(entry: Aggregate) -> list[View]:
    """Return the statements of the public views, with the rows of an earlier version if they add these."""
    historic = [view.name for view in entry.historic_views] if entry.history else []
    views = (entry.public_view(view) for view in entry.views)
    return [history.with_history(view, entry) if view.object in historic else view for view in views]


def _names(entry: Aggregate) -> str:
    return ", ".join(literal(view.name) for view in entry.views)


def _remember_grants(entry: Aggregate) -> Statement:
    return statement(
        f"remember the grants of {entry.name}",
        "create temporary table kept_grants on commit drop as\n"
        "select c.relname::text as view_name, a.grantee, a.privilege_type, a.is_grantable\n"
        "from pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a\n"
        f"where c.relnamespace = quote_ident(current_schema())::regnamespace and c.relname in ({_names(entry)})\n"
        "    and a.grantee <> c.relowner",
    )


def _restore_grants(entry: Aggregate) -> Statement:
    return statement(
        f"grant again on {entry.name}",
        "do $do$\ndeclare\n    kept record;\nbegin\n"
        "    for kept in select * from kept_grants where to_regclass(quote_ident(view_name)) is not null loop\n"
        "        execute format(\n"
        "            'grant %s on %I to %s%s', kept.privilege_type, kept.view_name,\n"
        "            case when kept.grantee = 0 then 'public' else kept.grantee::regrole::text end,\n"
        "            case when kept.is_grantable then ' with grant option' else '' end\n"
        "        );\n"
        "    end loop;\n    drop table kept_grants;\nend\n$do$",
    )


def change_policies(before: Aggregate, now: Aggregate, backend: str) -> list[Runnable]:
    """Return the statements that give *now* its refresh policy instead of that of *before*."""
    refresh = now.refresh
    statements: list[Runnable] = [
        statement(
            f"refresh of {now.rollup}",
            f"update analytics_meta.aggregates set refresh_every = {interval(refresh.every)},\n"  # noqa: S608 - names and literals are quoted
            f"    refresh_window = {interval(refresh.window)}, refresh_lag = {interval(refresh.lag)}\n"
            f"where rollup = {literal(now.rollup)}",
        )
    ]
    if backend == "timescaledb":
        statements += [*_stop_policies(before), *now.policies(backend)]
    return statements


def _stop_policies(entry: Aggregate) -> list[Statement]:
    # `if_not_exists` of add_..._policy would keep an old policy without a word: remove, then add.
    return [
        statement(
            f"remove the refresh policy of {relation.name}",
            f"select remove_continuous_aggregate_policy({literal(quote(relation.name))}::regclass, if_exists => true)",
        )
        for relation in entry.relations
    ]


def swap(before: Aggregate, now: Aggregate, backend: str) -> list[Runnable]:
    """Return the statements that let the public views read *now* instead of *before*, losing no row."""
    stop = statement(
        f"retire {before.rollup}",
        f"update analytics_meta.aggregates set active = false where rollup = {literal(before.rollup)}",  # noqa: S608 - names and literals are quoted
    )
    histories = [history.copy_history(view, before, now) for view in now.historic_views] if now.history else []
    policies = _stop_policies(before) if backend == "timescaledb" else []
    kept = history.keep_members(now, before, backend)
    again = counts.forget(now) if kept else []
    return [history.set_boundary(before, now), *kept, *again, *histories, *publish(now, before), *policies, stop]


def drop(entry: Aggregate, backend: str, *, views: bool = True) -> list[Statement]:
    """Return the statements that drop *entry* with its rows; without *views* the public views stay."""
    public = [view.name for view in reversed(entry.views)] if views else []
    statements = [_drop("view", name) for name in public]
    statements += counts.drop(entry)
    statements += [_drop("view", relation.live) for relation in entry.relations]
    for relation in entry.relations:
        statements += _drop_stored(relation, backend)
    if entry.history:
        statements += [
            _drop_table(f"history of {v.name}", history.history_table(v, entry)) for v in entry.historic_views
        ]
    statements += [
        _drop_table(f"kept rows of {r.name}", history.members_table(r))
        for r in entry.relations
        if r.name in entry.kept_members
    ]
    return [*statements, *_forget(entry, backend)]


def _drop_stored(relation: Relation, backend: str) -> list[Statement]:
    if backend == "timescaledb":
        return [_drop("materialized view", relation.name, "continuous aggregate")]
    return [
        _drop("function", relation.rows_function, arguments="(timestamptz, timestamptz)"),
        _drop("table", relation.name),
    ]


def _drop(kind: str, name: str, word: str = "", arguments: str = "") -> Statement:
    return statement(f"drop {word or kind} {name}", f"drop {kind} if exists {quote(name)}{arguments}")


def _drop_table(what: str, name: str) -> Statement:
    return statement(f"drop {what}", f"drop table if exists {quote(name)}")


def _forget(entry: Aggregate, backend: str) -> list[Statement]:
    rows = [("aggregates", "rollup"), ("backfills", "relation")]
    if backend != "timescaledb":
        rows.insert(0, ("rollups", "rollup"))
    return [
        statement(
            f"forget {entry.rollup} in {table}",
            f"delete from analytics_meta.{table} where {key} = {literal(entry.rollup)}",  # noqa: S608 - names and literals are quoted
        )
        for table, key in rows
    ]
