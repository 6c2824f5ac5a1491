"""Questions about people as plans like those of aggregates, which dialects and the manifest work with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.backends.describe import sentence
from adi_analytics_codegen.backends.people import PeopleView, views
from adi_analytics_codegen.backends.sql.expressions.values import SQL_TYPES
from adi_analytics_codegen.backends.sql.people import kept, stored
from adi_analytics_codegen.backends.sql.people.values import values
from adi_analytics_codegen.backends.sql.relations.measures import PublicColumn
from adi_analytics_codegen.backends.sql.relations.places import Places
from adi_analytics_codegen.backends.sql.relations.plan import Plan
from adi_analytics_codegen.backends.sql.text.statements import Statement, comment, view
from adi_analytics_codegen.backends.sql.text.templates import render
from adi_analytics_codegen.model.questions.aggregates import Aggregate
from adi_analytics_codegen.model.questions.people import Question, reads_every_event
from adi_analytics_codegen.model.readers import sources

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog


@dataclass(frozen=True, slots=True)
class PeoplePlan(Plan):
    """Everything that a question about people consists of."""

    question: Question
    views: tuple[PeopleView, ...]


def plan(catalog: Catalog, question: Question, described: Question | None = None) -> PeoplePlan:
    """Return what *question* consists of; the texts are about *described*, which is it in the terms of the catalog."""
    shown = views(described or question)
    aggregate = Aggregate(
        name=question.name,
        description=question.description,
        sources=sources(catalog, question),
        bucket_name=question.bucket_name,
        bucket_width=question.bucket_width,
        refresh=question.refresh,
        measures=(),
        at=question.at,
        all_events=reads_every_event(question),
        version=question.version,
        owner=question.owner,
        calendar=question.calendar,
    )
    columns = tuple(PublicColumn(c.name, SQL_TYPES[c.type], "", c.role) for c in shown[0].columns)
    return PeoplePlan(aggregate, stored.relation(catalog, question), columns, (), (), (), {}, question, shown)


def public_views(made: PeoplePlan) -> list[Statement]:
    """Return the statements of the public views: the same on every backend."""
    given = _given(made)
    return [
        view(one.name, [column.name for column in one.columns], render(f"people/{one.kind}", **given))
        for one in made.views
    ]


def answers(made: PeoplePlan) -> list[Statement]:
    """Return the statements of what is kept of the answers: the same on every backend."""
    return kept.statements(made.question, made, _given(made))


def _given(made: PeoplePlan) -> dict[str, Any]:
    """Return what the templates need."""
    places = Places(made, made.main)
    return {
        "live": places.live,
        "kept": places.kept,
        "columns": [column.name for column in made.main.columns],
        "at": partial(Places, made),
        "main": made.main,
        **values(made.question),
    }


def comments(made: PeoplePlan) -> list[Statement]:
    """Return the comments on the public views."""
    found = []
    for one in made.views:
        found.append(comment("view", one.name, None, sentence(one.text) if one.text else "Rows about people."))
        found += [comment("view", one.name, column.name, column.text) for column in one.columns]
    return found
