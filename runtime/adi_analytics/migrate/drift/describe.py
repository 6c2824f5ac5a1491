"""Reads what relations and functions look like, in words that two databases with the same objects share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

from adi_analytics.migrate.server.connection import Connection

_RELATIONS: Final[LiteralString] = """
select c.oid, c.relname::text, c.relkind::text, c.relpersistence = 'u' as unlogged,
       c.relrowsecurity or c.relforcerowsecurity as row_security,
       case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
       case when c.relkind = 'v' then pg_get_viewdef(c.oid) end as definition,
       case when c.relispartition then pg_get_expr(c.relpartbound, c.oid) end as bound,
       (select string_agg(o, ', ' order by o) from unnest(c.reloptions) o) as options,
       obj_description(c.oid, 'pg_class') as comment
from pg_catalog.pg_class c
where c.relnamespace = %s::text::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""

_COLUMNS: Final[LiteralString] = """
select a.attrelid, a.attname::text, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as not_null,
       a.attidentity::text as identity, a.attgenerated::text as generated, pg_get_expr(d.adbin, d.adrelid) as value,
       case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end as collation,
       case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
           as storage,
       (
           select format('as %%s increment %%s minvalue %%s maxvalue %%s %%s', s.seqtypid::regtype,
                         s.seqincrement, s.seqmin, s.seqmax, case when s.seqcycle then 'cycle' else 'no cycle' end)
           from pg_catalog.pg_depend p join pg_catalog.pg_sequence s on s.seqrelid = p.objid
           where p.classid = 'pg_class'::regclass and p.refclassid = 'pg_class'::regclass
               and p.refobjid = a.attrelid and p.refobjsubid = a.attnum and p.deptype = 'i'
       ) as numbers,
       col_description(a.attrelid, a.attnum) as comment
from pg_catalog.pg_attribute a
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = any(%s) and a.attnum > 0 and not a.attisdropped
"""

# What a partition has from its parent is reported with the parent. PostgreSQL 18 also lists NOT NULL here; it is
# compared as a property of the column.
_CONSTRAINTS: Final[LiteralString] = """
select c.conrelid, c.conname::text, pg_get_constraintdef(c.oid, true) as definition, c.convalidated as validated
from pg_catalog.pg_constraint c
where c.conrelid = any(%s) and c.contype <> 'n' and c.conparentid = 0
"""

_INDEXES: Final[LiteralString] = """
select i.indrelid, x.relname::text, pg_get_indexdef(i.indexrelid, 0, true) as definition,
       i.indisvalid and i.indisready as valid
from pg_catalog.pg_index i
join pg_catalog.pg_class x on x.oid = i.indexrelid
where i.indrelid = any(%s) and not x.relispartition
"""

# TimescaleDB puts two triggers of its own on a hypertable.
_TRIGGERS: Final[LiteralString] = """
select t.tgrelid, t.tgname::text, pg_get_triggerdef(t.oid, true) as definition, t.tgenabled::text as enabled
from pg_catalog.pg_trigger t
join pg_catalog.pg_proc p on p.oid = t.tgfoid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where t.tgrelid = any(%s) and not t.tgisinternal and t.tgparentid = 0 and not (
    n.nspname like '\\_timescaledb%%' and t.tgname in ('ts_insert_blocker', 'ts_cagg_invalidation_trigger')
)
"""

_RULES: Final[LiteralString] = """
select r.ev_class, r.rulename::text, pg_get_ruledef(r.oid, true) as definition
from pg_catalog.pg_rewrite r
where r.ev_class = any(%s) and r.rulename <> '_RETURN'
"""

_POLICIES: Final[LiteralString] = """
select p.polrelid, p.polname::text, coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') as definition
from pg_catalog.pg_policy p
where p.polrelid = any(%s)
"""

_FUNCTIONS: Final[LiteralString] = """
select p.proname::text, pg_get_function_identity_arguments(p.oid) as arguments,
       pg_get_function_arguments(p.oid) as full_arguments, pg_get_function_result(p.oid) as result,
       p.prokind::text as kind, l.lanname::text as language,
       p.provolatile::text as volatility, p.prosecdef as security_definer, p.proisstrict as strict,
       array_to_string(p.proconfig, '; ') as settings,
       case when p.prosqlbody is null then p.prosrc end as source, pg_get_function_sqlbody(p.oid) as body
from pg_catalog.pg_proc p
join pg_catalog.pg_language l on l.oid = p.prolang
where p.pronamespace = %s::text::regnamespace
"""

Properties = dict[str, Any]


@dataclass(slots=True)
class Description:
    """Objects by kind and name.

    Attributes:
        objects: ``kind name`` -> properties, for example ``column events.data`` -> its type and more.
        oids: Name of a relation -> its oid.
    """

    objects: dict[str, Properties] = field(default_factory=dict)
    oids: dict[str, int] = field(default_factory=dict)


_KINDS: Final = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}


def describe(connection: Connection, schema: str, *, names: set[str] | None = None) -> Description:
    """Describe the relations and functions of *schema*; only those in *names* when it is given."""
    found = Description()
    by_oid: dict[int, str] = {}
    for oid, name, kind, unlogged, security, key, definition, bound, options, comment in connection.execute(
        _RELATIONS, (schema,)
    ):
        if names is not None and name not in names:
            continue
        by_oid[oid], found.oids[name] = name, oid
        found.objects[f"{_KINDS[kind]} {name}"] = {
            "partitioned by": key,
            "unlogged": unlogged,
            "row security": security,
            "definition": definition,
            "partition": bound,
            "options": options,
            "comment": comment,
        }
    _details(connection, by_oid, found)
    for row in connection.execute(_FUNCTIONS, (schema,)):
        if names is None or row[0] in names:
            found.objects[f"function {row[0]}({row[1]})"] = dict(zip(_FUNCTION_KEYS, row[2:], strict=True))
    return found


_FUNCTION_KEYS: Final = (
    "arguments", "result", "kind", "language", "volatility", "security definer", "strict", "settings", "source", "body",
)  # fmt: skip


def _details(connection: Connection, by_oid: dict[int, str], found: Description) -> None:
    oids = list(by_oid)
    details: tuple[tuple[LiteralString, str, tuple[str, ...]], ...] = (
        (
            _COLUMNS,
            "column",
            ("type", "not null", "identity", "generated", "default", "collation", "storage", "numbers", "comment"),
        ),
        (_CONSTRAINTS, "constraint", ("definition", "validated")),
        (_INDEXES, "index", ("definition", "valid")),
        (_TRIGGERS, "trigger", ("definition", "enabled")),
        (_RULES, "rule", ("definition",)),
        (_POLICIES, "policy", ("definition",)),
    )
    for query, kind, keys in details:
        for relation, name, *values in connection.execute(query, (oids,)):
            found.objects[f"{kind} {by_oid[relation]}.{name}"] = dict(zip(keys, values, strict=True))
