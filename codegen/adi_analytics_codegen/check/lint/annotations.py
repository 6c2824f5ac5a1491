"""Lints about annotations."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.lint.rule import Found, Lint
from adi_analytics_codegen.model.questions.people import Funnel, Members, Retention
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Aggregate
    from adi_analytics_codegen.model.questions.people import Question

_NOTICE: Final = timedelta(days=30)
_WORDS: Final[dict[type, str]] = {Members: "entity", Retention: "retention", Funnel: "funnel"}


def _expired(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for thing, what in _things(catalog):
        day = thing.annotations.expires
        if day is None or day - _NOTICE > loaded.today:
            continue
        message = f"the {what} expired on {day}" if day < loaded.today else f"the {what} expires on {day}"
        fix = "deprecate or remove it, or set a later day"
        yield thing.at, loaded.subjects.get(thing.at, thing.name), message, fix


def _things(catalog: Catalog) -> Iterator[tuple[Event | Field | Aggregate | Question, str]]:
    for event in catalog.events:
        yield event, "event"
        yield from ((field, "field") for field in every_field(event.fields))
    yield from ((aggregate, "aggregate") for aggregate in catalog.aggregates)
    yield from ((question, _WORDS[type(question)]) for question in questions(catalog))


ANNOTATION_LINTS: Final = {
    "expired": Lint(
        _expired, "An event, a field, an aggregate or a question about people has expired, or expires within 30 days."
    )
}
