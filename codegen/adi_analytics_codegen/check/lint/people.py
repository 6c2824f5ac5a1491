"""Lints about entities, retention and funnels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.lint.rule import Found, Lint
from adi_analytics_codegen.model.kinds import FieldType, Status, Store
from adi_analytics_codegen.model.questions.people import Order, section
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.rows.results import REVEALING
from adi_analytics_codegen.model.walk import field_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.model.catalog import Catalog


def _draft_asked(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for question in questions(catalog):
        named = {selection.event or "": selection.at for selection in reversed(question.selections)}
        for event in catalog.events:
            if event.name in named and event.status is Status.DRAFT:
                message = f"{event.name} is a draft and may change under it"
                yield named[event.name], section(question), message, "make the event stable first"


def _strict_funnel(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for funnel in catalog.funnels:
        if funnel.order is Order.STRICT:
            message = "a strict funnel stores the time of every event of its members"
            fix = "use order: ordered, with exclude for what must not come between"
            yield funnel.at, section(funnel), message, fix


def _free_funnel_dimension(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for funnel in catalog.funnels:
        own = funnel.dimension
        if own is not None and own.type in {FieldType.UUID, FieldType.FLOAT, FieldType.DATETIME}:
            message = f"dimension {own.name} is {own.type}: there may be as many rows as attempts"
            yield own.at, f"{section(funnel)}.{own.name}", message, "group by an enum"


def _personal_entity(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for members in catalog.members:
        for event in catalog.events:
            field = field_at(event.fields, members.entity.of)
            if field is not None and field.store is Store.KEEP and field.sensitivity in REVEALING:
                message = f'the personal field "{members.entity.of}" is kept for as long as its members are'
                yield members.at, section(members), message, "set store: hash, or use a pseudonym"
                break


PEOPLE_LINTS: Final = {
    "draft-asked": Lint(_draft_asked, "A retention or a funnel names a draft, which may change without notice."),
    "strict-funnel": Lint(
        _strict_funnel, "A funnel has `order: strict`, so all events of its members are stored once more, as times."
    ),
    "wide-funnel-dimension": Lint(
        _free_funnel_dimension, "A funnel groups by a uuid, a float or a time, and may have as many rows as attempts."
    ),
    "personal-entity": Lint(
        _personal_entity,
        "A personal field identifies the members of an entity. Members outlive the retention of events.",
    ),
}
