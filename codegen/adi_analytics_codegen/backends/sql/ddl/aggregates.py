"""The stored relations and the public views of an aggregate, on each backend."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.backends.sql.ddl.comments import distribution_columns, sketch_columns
from adi_analytics_codegen.backends.sql.relations.places import Places
from adi_analytics_codegen.backends.sql.relations.plan import BUCKET_RATIO
from adi_analytics_codegen.backends.sql.text.names import seconds
from adi_analytics_codegen.backends.sql.text.statements import (
    Statement,
    continuous_aggregate,
    function,
    index,
    policy,
    table,
    view,
)
from adi_analytics_codegen.backends.sql.text.templates import render

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.relations.plan import Plan, Relation
    from adi_analytics_codegen.model.catalog import Catalog


def continuous(catalog: Catalog, plan: Plan, relation: Relation, bucket: str) -> list[Statement]:
    """Return the statements of a continuous aggregate and its live view."""
    values = _values(catalog, plan, relation, bucket)
    places = Places(plan, relation)
    return [
        continuous_aggregate(places.name.plain, render("stored_select", **values)),
        view(places.live.plain, _columns(relation), render("live_continuous", **values)),
    ]


def rollup(catalog: Catalog, plan: Plan, relation: Relation, bucket: str) -> list[Statement]:
    """Return the statements of a table, of the function that computes its rows, and of its live view."""
    values = _values(catalog, plan, relation, bucket)
    places = Places(plan, relation)
    name = places.name.plain
    return [
        table(f"table {name}", name, f" {render('rollup_table', **values)}"),
        index(f"index on {name}", places.index.plain, name, f"\n    {render('rollup_index', **values)}"),
        function(places.rows_function.plain, render("rows_function", **values)),
        view(places.live.plain, _columns(relation), render("live_rollup", **values)),
    ]


def policies(plan: Plan) -> list[Statement]:
    """Return the statements that let TimescaleDB refresh the continuous aggregates."""
    refresh = plan.aggregate.refresh
    spans = {key: seconds(getattr(refresh, key)) for key in ("every", "window", "lag")}
    made = []
    for relation in plan.relations:
        name = Places(plan, relation).name
        sql = render("refresh_policy", name=name, refresh=refresh)
        made.append(policy(f"refresh policy of {name.plain}", "refresh", name.plain, spans, sql))
    return made


def no_policies(_: Plan) -> list[Statement]:
    """Return nothing: `analytics-migrate maintain` does what the policies do."""
    return []


def public_views(plan: Plan) -> list[Statement]:
    """Return the statements of the public views: the same on every backend."""
    values = {"plan": plan, "main": plan.main, "at": partial(Places, plan)}
    aggregate = plan.aggregate.name
    made = [view(aggregate, [column.name for column in plan.columns], render("public_view", **values))]
    if plan.distributions:
        names = distribution_columns(plan)
        columns = [plan.main.bucket, *plan.dimensions, *names.values()]
        factor = repr(2 / (BUCKET_RATIO + 1))
        select = render("distribution_view", names=names, bucket_ratio=BUCKET_RATIO, estimate_factor=factor, **values)
        made.append(view(plan.distribution_view, columns, select))
    if plan.sketches:
        names = sketch_columns(plan)
        columns = [plan.main.bucket, *plan.dimensions, *names.values()]
        made.append(view(plan.sketch_view, columns, render("sketch_view", names=names, **values)))
    return made


def _columns(relation: Relation) -> list[str]:
    return [column.name for column in relation.columns]


def _values(catalog: Catalog, plan: Plan, relation: Relation, bucket: str) -> dict[str, Any]:
    return {
        "table": catalog.storage.table,
        "relation": relation,
        "own": Places(plan, relation),
        "main": Places(plan, plan.main),
        "bucket": bucket,
    }
