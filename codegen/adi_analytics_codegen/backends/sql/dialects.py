"""The backends as a table: what makes each, and a catalog's statements on all of them, made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.ddl import aggregates, comments, counts, storage
from adi_analytics_codegen.backends.sql.people import plans as people
from adi_analytics_codegen.backends.sql.relations.plan import plan
from adi_analytics_codegen.backends.sql.text.names import interval, literal
from adi_analytics_codegen.backends.sql.text.statements import Statement
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.rows.items import in_rows

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.relations.plan import Counts, Plan, Relation
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate
    from adi_analytics_codegen.model.questions.people import Question

Parts = dict[str, list[Statement]]
"""Part -> statements, in the order in which they run."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What makes a backend.

    Attributes:
        bucket: The start of a row's bucket, with ``{width}`` to fill.
        calendar: The same for days, weeks and months of a time zone, with ``{width}``, ``{unit}`` and ``{zone}``.
        storage: Makes the statements of the events table.
        storage_policies: Makes those of its policies.
        relation: Makes the statements of a stored relation.
        policies: Makes those of an aggregate's policies.
    """

    bucket: str
    calendar: str
    storage: Callable[[Catalog], list[Statement]]
    storage_policies: Callable[[Catalog], list[Statement]]
    relation: Callable[[Catalog, Plan, Relation, str], list[Statement]]
    policies: Callable[[Plan], list[Statement]]

    def start(self, aggregate: Aggregate) -> str:
        """Return the expression for the start of a row's bucket."""
        calendar = aggregate.calendar
        if calendar is None:
            return self.bucket.format(width=interval(aggregate.bucket_width))
        width, zone = interval(aggregate.bucket_width), literal(calendar.zone)
        return self.calendar.format(width=width, unit=literal(calendar.unit), zone=zone)


_BIN: Final = """date_bin({width}, "timestamp", timestamptz '2000-01-03 00:00:00+00')"""
"""Buckets are counted from a Monday in UTC, as ``time_bucket`` does."""

_TRUNCATED: Final = """date_trunc({unit}, "timestamp" at time zone {zone}) at time zone {zone}"""
"""Unlike the function that takes a time zone, these are immutable. A week begins on a Monday."""

DIALECTS: Final = {
    "timescaledb": Dialect(
        'time_bucket({width}, "timestamp")',
        'time_bucket({width}, "timestamp", {zone})',
        storage.hypertable,
        storage.policies,
        aggregates.continuous,
        aggregates.policies,
    ),
    "timescaledb_apache": Dialect(
        _BIN, _TRUNCATED, storage.hypertable, storage.no_policies, aggregates.rollup, aggregates.no_policies
    ),
    "postgres": Dialect(
        _BIN, _TRUNCATED, storage.partitioned, storage.no_policies, aggregates.rollup, aggregates.no_policies
    ),
}


@dataclass(frozen=True, slots=True)
class PlannedAggregate:
    """An aggregate or a question about people, with statements in which the names of relations are places to fill.

    Attributes:
        views: The public views.
        comments: The comments on them.
        counts: What is kept of the trailing counts, by relation of members.
        answers: The statements of what is kept of a question's answers.
        parts: Backend -> part -> statements of the stored relations.
    """

    plan: Plan
    views: list[Statement]
    comments: list[Statement]
    counts: list[tuple[Counts, list[Statement]]]
    parts: dict[str, Parts]
    answers: list[Statement] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Planned:
    """Everything that a catalog needs in a database: what the manifest and the SQL files are written from."""

    storage: dict[str, Parts]
    comments: list[Statement]
    aggregates: list[PlannedAggregate]


def planned(catalog: Catalog) -> Planned:
    """Return the statements of *catalog* on every backend."""
    on_wire = in_rows(catalog)
    pairs = zip(catalog.aggregates, on_wire.aggregates, strict=True)
    asked = zip(questions(catalog), questions(on_wire), strict=True)
    return Planned(
        {
            backend: {"create": dialect.storage(catalog), "policies": dialect.storage_policies(catalog)}
            for backend, dialect in DIALECTS.items()
        },
        comments.on_tables(catalog),
        [
            *(_planned(on_wire, stored, comments.Described(catalog, aggregate)) for aggregate, stored in pairs),
            *(_asked(on_wire, stored, question) for question, stored in asked),
        ],
    )


def planned_aggregate(catalog: Catalog, name: str) -> PlannedAggregate:
    """Return the statements of the aggregate or question called *name* on every backend."""
    return next(entry for entry in planned(catalog).aggregates if entry.plan.aggregate.name == name)


def _planned(catalog: Catalog, aggregate: Aggregate, described: comments.Described) -> PlannedAggregate:
    """Return the statements of *aggregate*, as it is on the wire, on every backend."""
    made = plan(catalog, aggregate)
    kept = [(each, counts.kept(made, each)) for each in made.counts]
    views, texts = aggregates.public_views(made), comments.on_views(described, made)
    return PlannedAggregate(made, views, texts, kept, _parts(catalog, made))


def _asked(catalog: Catalog, question: Question, described: Question) -> PlannedAggregate:
    """Return the statements of *question*, as it is on the wire, on every backend; texts are about *described*."""
    made = people.plan(catalog, question, described)
    views, texts = people.public_views(made), people.comments(made)
    return PlannedAggregate(made, views, texts, [], _parts(catalog, made), people.answers(made))


def _parts(catalog: Catalog, made: Plan) -> dict[str, Parts]:
    return {
        backend: {
            "create": [
                statement
                for relation in made.relations
                for statement in dialect.relation(catalog, made, relation, dialect.start(made.aggregate))
            ],
            "policies": dialect.policies(made),
        }
        for backend, dialect in DIALECTS.items()
    }
