"""What a database must tell first: where the aggregate's rows are, up to when they are stored, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._shared.sql import line_literal, shorten
from adi_analytics.query.model.errors import QueryDatabaseError
from adi_analytics.query.model.facts import Coarser, Facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics.query.model.describe import Aggregate

_FACTS: Final = """
select i.events_schema, i.catalog, now(), nullif(analytics_meta.stored_until(a.rollup), '-infinity'),
    case when coalesce((
            select pg_catalog.pg_relation_size(c.oid) from pg_catalog.pg_class c
            where c.relname = a.rollup || '_history' and c.relnamespace = (
                    select n.oid from pg_catalog.pg_namespace n where n.nspname = i.events_schema
                )
        ), 1) > 0 then nullif(a.history_before, '-infinity') end,  -- it counts if an earlier version left rows
    case
        when b.status = 'done' then case when upper(e.ranges) is not null then least(b.done_to, upper(e.ranges)) end
        when i.backend = 'timescaledb' then b.done_to  -- elsewhere all is read from events until it is filled
    end,
    array(
        select r ->> 'name' from jsonb_array_elements(a.relations) with ordinality as r (r, place) order by place
    ),
    array(
        select c.relname::text from pg_catalog.pg_class c
        where c.relnamespace = (
                select n.oid from pg_catalog.pg_namespace n where n.nspname = i.events_schema
            )
            and c.relkind = 'v' and pg_catalog.has_table_privilege(c.oid, 'select')
    )
from analytics_meta.installation i
left join analytics_meta.aggregates a on a.aggregate = {aggregate} and a.active
left join analytics_meta.backfills b on b.relation = a.rollup
left join analytics_meta.expired e on true
order by b.started_at nulls last
limit 1
"""
"""A new version is there while it is filled; until the public view reads it, the one that was filled before counts."""

_MIGRATE: Final = "Run `analytics-migrate all` with the catalog's migrations."


def facts_statement(aggregate: Aggregate) -> str:
    """Return the statement that asks for the facts."""
    return _FACTS.format(aggregate=line_literal(aggregate.name))


def with_coarser(facts: Facts, coarser: Aggregate, catalog: str, row: Sequence[Any] | None) -> Facts:
    """Return *facts* with those of the aggregate with longer buckets, if the database has it."""
    if row is None or not row[6]:
        return facts
    return replace(facts, coarser=Coarser(coarser, facts_of(coarser, catalog, row)))


def facts_of(aggregate: Aggregate, catalog: str, row: Sequence[Any] | None) -> Facts:
    """Return the facts that the statement's row holds.

    Raises:
        QueryDatabaseError: If the database has another catalog, or not this aggregate.
    """
    found = None if row is None else row[1]
    if found is not None and found != catalog:
        raise QueryDatabaseError(
            None,
            f"the database belongs to the catalog {found}, not to {catalog}",
            "Give that catalog, or its database.",
        )
    if row is None or not row[6]:
        raise QueryDatabaseError(None, f"the database has no aggregate {aggregate.name}", _MIGRATE)
    schema, _, now, watermark, history, incomplete, relations, readable = row
    live = tuple(shorten(f"{relation}_live") for relation in relations)
    return Facts(schema, live, frozenset(readable), now, watermark, history, incomplete)
