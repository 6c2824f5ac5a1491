"""The SQL files: statements in the order in which they run, each ended by a semicolon at the end of a line."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.backends.clickhouse.expressions import buckets
from adi_analytics_codegen.backends.clickhouse.expressions.names import identifier, literal
from adi_analytics_codegen.backends.clickhouse.expressions.values import TYPES
from adi_analytics_codegen.backends.clickhouse.people import stored, views
from adi_analytics_codegen.backends.clickhouse.relations import made
from adi_analytics_codegen.backends.sql.ddl.comments import distribution_columns, sketch_columns
from adi_analytics_codegen.backends.sql.manifest.document import rows_print_of
from adi_analytics_codegen.backends.sql.people import plans as people
from adi_analytics_codegen.backends.sql.relations.plan import BUCKET_RATIO, plan
from adi_analytics_codegen.backends.text import environment
from adi_analytics_codegen.model.questions.calendars import longest
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.tables import CLICKHOUSE_BUCKETS, dead_letters_table, local_table

if TYPE_CHECKING:
    from jinja2 import Environment

    from adi_analytics_codegen.backends.sql.relations.plan import Plan
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate
    from adi_analytics_codegen.model.questions.people import Question


def storage_file(catalog: Catalog, *, cluster: bool) -> str:
    """Return the SQL of the events table and of what belongs to it, on one node or on a *cluster*."""
    table = catalog.storage.table
    return _render(
        "events",
        cluster=cluster,
        table=table,
        own=local_table(table) if cluster else table,
        dead_letters=dead_letters_table(catalog),
        user_id=TYPES[catalog.user_id],
        buckets=CLICKHOUSE_BUCKETS,
    )


def meta_file(catalog: Catalog, *, cluster: bool) -> str:
    """Return the SQL of the views that say what *catalog*, as it is on the wire, consists of."""
    plans = [(one, plan(catalog, one)) for one in catalog.aggregates]
    asked = [(one, people.plan(catalog, one)) for one in questions(catalog)]
    retention = catalog.storage.retention
    return _render(
        "meta",
        cluster=cluster,
        catalog=catalog.name,
        table=catalog.storage.table,
        dead_letters=dead_letters_table(catalog),
        retention=None if retention is None else int(retention.total_seconds()),
        made=[
            {
                "name": one.name,
                "plan": planned,
                "start": buckets.start(one, "_at"),
                "longest": buckets.micros(longest(one.bucket_width, one.calendar)),
                "every": buckets.micros(one.refresh.every),
                "lag": buckets.micros(one.refresh.lag),
            }
            for one, planned in (*plans, *asked)
        ],
    )


def aggregate_file(catalog: Catalog, aggregate: Aggregate, *, cluster: bool) -> str:
    """Return the SQL of *aggregate*, as it is on the wire, on one node or on a *cluster*."""
    found = made(catalog, aggregate)
    return _render(
        "aggregate",
        cluster=cluster,
        table=catalog.storage.table,
        buckets=CLICKHOUSE_BUCKETS,
        until=buckets.start(aggregate, "max(until)"),
        aggregate=aggregate,
        prints=_prints(catalog, found.plan),
        plan=found.plan,
        relations=list(found.relations.values()),
        of=found.relations,
        public=found.public,
        number=lambda bucket: buckets.number(aggregate, bucket),
        buckets_in=lambda span: buckets.buckets_in(span, aggregate),
        ratio=BUCKET_RATIO,
        factor=repr(2 / (BUCKET_RATIO + 1)),
        distribution=distribution_columns(found.plan),
        sketch=sketch_columns(found.plan),
    )


def people_file(catalog: Catalog, question: Question, *, cluster: bool) -> str:
    """Return the SQL of *question*, as it is on the wire, on one node or on a *cluster*."""
    relation = stored.relation(catalog, question)
    given = views.values(question, relation)
    name = f"people/{views.template(question)}"
    return _render(
        name,
        cluster=cluster,
        table=catalog.storage.table,
        buckets=CLICKHOUSE_BUCKETS,
        until=buckets.start(question, "max(until)"),
        about=question.description,
        prints=_prints(catalog, people.plan(catalog, question)),
        **given,
    )


def _prints(catalog: Catalog, made: Plan) -> dict[str, str]:
    """Return what changes with the stored rows, or with their columns, for each stored table."""
    return {one.name: rows_print_of(catalog, made, one) for one in made.relations}


def _render(name: str, **values: Any) -> str:
    lines = _environment().get_template(f"{name}.sql.jinja").render(values).splitlines()
    return "\n".join(line.rstrip() for line in lines).replace("\n;", ";").strip() + "\n"


@cache
def _environment() -> Environment:
    made = environment("clickhouse")
    made.filters.update(name=identifier, literal=literal, prefixed=lambda name, prefix: prefix + name)
    return made
