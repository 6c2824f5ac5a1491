"""The events table and what belongs to it, on each backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.expressions.values import SQL_TYPES
from adi_analytics_codegen.backends.sql.text.names import identifier, interval, literal, seconds
from adi_analytics_codegen.backends.sql.text.statements import Statement, index, policy, table
from adi_analytics_codegen.backends.sql.text.templates import render
from adi_analytics_codegen.model.tables import dead_letters_table, default_partition, shorten

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog

# What compression.sql.jinja says.
_COMPRESSION: Final = {
    "segment_by": ["event_type"],
    "order_by": [{"column": "timestamp", "descending": True}, {"column": "event_id", "descending": False}],
}


def hypertable(catalog: Catalog) -> list[Statement]:
    """Return the statements for both editions of TimescaleDB: none calls a function of the community edition."""
    storage = catalog.storage
    create = render("create_hypertable", storage=storage, table=storage.table)
    return [
        table("table of events", storage.table, f" {_events(catalog)}"),
        Statement("call", "hypertable of events", storage.table, {"sql": create}),
        *_indexes(catalog),
        _dead_letters(catalog),
    ]


def partitioned(catalog: Catalog) -> list[Statement]:
    """Return the statements for native partitions."""
    storage = catalog.storage
    name = identifier(storage.table)
    first = render("first_partitions", storage=storage, table=storage.table)
    return [
        table("table of events", storage.table, f' {_events(catalog)} partition by range ("timestamp")'),
        table("default partition of events", default_partition(catalog), f" partition of {name} default"),
        *_indexes(catalog),
        Statement("call", "first partitions of events", storage.table, {"sql": first}),
        _dead_letters(catalog),
    ]


def policies(catalog: Catalog) -> list[Statement]:
    """Return the statements that let TimescaleDB compress old chunks and drop older ones."""
    storage = catalog.storage
    target = literal(identifier(storage.table))
    made = []
    if storage.compress_after is not None:
        after = storage.compress_after
        sql = f"select add_compression_policy({target}::regclass, {interval(after)})"
        made += [
            _compression(catalog),
            policy("compression policy", "compression", storage.table, {"after": seconds(after)}, sql),
        ]
    if storage.retention is not None:
        # TimescaleDB's own policy drops rows that are not stored in the aggregates yet.
        sql = "select add_job('analytics_meta.retention_job'::regproc, interval '1 hour')"
        made.append(policy("retention job", "retention", storage.table, {"after": seconds(storage.retention)}, sql))
    return made


def no_policies(_: Catalog) -> list[Statement]:
    """Return nothing: `analytics-migrate maintain` does what the policies do."""
    return []


def _compression(catalog: Catalog) -> Statement:
    name = catalog.storage.table
    sql = render("compression", table=name)
    return Statement("compression", "compression settings", name, {**_COMPRESSION, "sql": sql})


def _events(catalog: Catalog) -> str:
    return render("events_table", table=catalog.storage.table, user_id=SQL_TYPES[catalog.user_id])


def _dead_letters(catalog: Catalog) -> Statement:
    name = dead_letters_table(catalog)
    return table("table of dead letters", name, f" {render('dead_letters_table', dead_letters_table=name)}")


def _indexes(catalog: Catalog) -> list[Statement]:
    name = catalog.storage.table
    made = [
        _index(name, "user_id", 'user_id, "timestamp" desc', "user_id is not null"),
        _index(name, "event_type", 'event_type, "timestamp" desc'),
        _index(name, "service", 'service, "timestamp" desc'),
    ]
    if catalog.storage.index_data:
        using = f" on {identifier(name)} using gin (data jsonb_path_ops)"
        made.append(index("index on data", shorten(f"{name}_data_idx"), name, using))
    return made


def _index(name: str, column: str, columns: str, where: str | None = None) -> Statement:
    own = shorten(f"{name}_{column}_timestamp_idx")
    return index(f"index on {column}", own, name, f" on {identifier(name)} ({columns})", where)
