"""Statements for each backend, laid out by the templates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.names import identifier, interval, literal, shorten, unused
from adi_analytics_codegen.backends.sql.relations import BUCKET_RATIO

if TYPE_CHECKING:
    from jinja2 import Environment

    from adi_analytics_codegen.backends.sql.relations import Plan, Relation
    from adi_analytics_codegen.model.model import Catalog

_STEP: Final = re.compile(r"^-- step: (.+)\n", re.MULTILINE)
_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n)+")
_DISTRIBUTION_COLUMNS: Final = ("measures", "lower_bound", "upper_bound", "estimate", "row_count")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement, without a semicolon, and what it is about: unique in its list."""

    step: str
    sql: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """What makes a backend: the start of a row's bucket, and the templates of each part."""

    bucket: str
    meta: tuple[str, ...]
    storage: str
    storage_policies: tuple[str, ...]
    relation: str
    state: tuple[str, ...]
    policies: tuple[str, ...]


_BIN: Final = """date_bin({width}, "timestamp", timestamptz '2000-01-03 00:00:00+00')"""
"""Buckets are counted from a Monday in UTC, as ``time_bucket`` does."""

DIALECTS: Final = {
    "timescaledb": Dialect(
        bucket='time_bucket({width}, "timestamp")',
        meta=("storage_meta",),
        storage="storage_hypertable",
        storage_policies=("storage_policies",),
        relation="relation_continuous",
        state=(),
        policies=("policies_continuous",),
    ),
    "timescaledb_apache": Dialect(
        bucket=_BIN,
        meta=("storage_meta", "storage_rollups"),
        storage="storage_hypertable",
        storage_policies=(),
        relation="relation_rollup",
        state=("state_rollup",),
        policies=(),
    ),
    "postgres": Dialect(
        bucket=_BIN,
        meta=("storage_meta", "storage_rollups", "storage_partitions"),
        storage="storage_partitioned",
        storage_policies=(),
        relation="relation_rollup",
        state=("state_rollup",),
        policies=(),
    ),
}


def storage_statements(catalog: Catalog, backend: str) -> dict[str, list[Statement]]:
    """Return the statements of the events table and what belongs to it, by part."""
    dialect = DIALECTS[backend]
    values = {"storage": catalog.storage, "table": catalog.storage.table, "dead_letters_table": dead_letters(catalog)}
    return {
        "meta": _render(dialect.meta, values),
        "create": _render((dialect.storage,), values),
        "policies": _render(dialect.storage_policies, values),
    }


def aggregate_statements(catalog: Catalog, plan: Plan, backend: str) -> dict[str, list[Statement]]:
    """Return the statements of an aggregate, by part."""
    dialect = DIALECTS[backend]
    values = _values(catalog, plan, backend)
    return {
        "create": [step for relation in plan.relations for step in _relation(dialect.relation, relation, values)],
        "state": _render(dialect.state, values),
        "view": _render(("views",), values),
        "policies": _render(dialect.policies, values),
        "drop": _render(("drop_views", f"drop_{dialect.relation}"), values),
    }


def definition(catalog: Catalog, plan: Plan, relation: Relation, backend: str) -> str:
    """Return the SELECT that computes the rows of *relation* from all events."""
    (statement,) = _render(("definition",), {**_values(catalog, plan, backend), "relation": relation})
    return statement.sql


def distribution_columns(plan: Plan) -> dict[str, str]:
    """Return the names of the distribution view's own columns: as they are called here, unless a dimension is."""
    taken = {plan.main.bucket, *plan.dimensions}
    return {name: unused(name, taken) for name in _DISTRIBUTION_COLUMNS}


def dead_letters(catalog: Catalog) -> str:
    """Return the name of the table of events that could not be stored."""
    table = catalog.storage.table
    return shorten(f"{table.removesuffix('_events')}_dead_letters")


def _values(catalog: Catalog, plan: Plan, backend: str) -> dict[str, Any]:
    return {
        "table": catalog.storage.table,
        "plan": plan,
        "main": plan.main,
        "refresh": plan.aggregate.refresh,
        "bucket": DIALECTS[backend].bucket.format(width=interval(plan.aggregate.bucket_width)),
        "names": distribution_columns(plan),
        "bucket_ratio": BUCKET_RATIO,
        "estimate_factor": repr(2 / (BUCKET_RATIO + 1)),
    }


def _relation(template: str, relation: Relation, values: dict[str, Any]) -> list[Statement]:
    return _render((template,), {**values, "relation": relation})


def _render(templates: tuple[str, ...], values: dict[str, Any]) -> list[Statement]:
    """Return the statements of *templates*, cut at their step lines."""
    statements = []
    for name in templates:
        text = _environment().get_template(f"{name}.sql.jinja").render(values)
        _, *parts = _STEP.split(text)
        steps = zip(parts[::2], parts[1::2], strict=True)
        statements += [Statement(step, _BLANK_LINES.sub("\n", sql).strip()) for step, sql in steps]
    return statements


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # not needed by those who only ask for names

    environment = Environment(
        loader=PackageLoader("adi_analytics_codegen", "templates/sql"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - SQL, not HTML: every name and literal goes through a filter of its own
    )
    environment.filters.update(name=identifier, literal=literal, interval=interval, shorten=shorten)
    return environment
