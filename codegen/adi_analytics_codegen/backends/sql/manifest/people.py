"""Questions about people in the manifest: entries like those of aggregates, with fingerprints of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.expressions.conditions import FieldTypes
from adi_analytics_codegen.backends.sql.manifest.fingerprints import SEMANTICS, conditions, cut_up, digest, stored_type
from adi_analytics_codegen.model.kinds import FieldType, Sensitivity
from adi_analytics_codegen.model.questions.aggregates import USER_ID
from adi_analytics_codegen.model.questions.people import Funnel, Members, Order, Question, Retention, reads_every_event
from adi_analytics_codegen.model.rows.items import field_read

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.people.plans import PeoplePlan
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Dimension
    from adi_analytics_codegen.model.questions.people import Selection


def rows_print(catalog: Catalog, question: Question) -> str:
    """Return what changes when the stored rows may be others."""
    entity = question.entity
    return digest(
        [
            "people",
            SEMANTICS,
            catalog.storage.table,
            cut_up(question.bucket_name, question),
            [entity.of, stored_type(entity.type)],
            _stored(catalog, question),
        ]
    )


def meanings(question: Question) -> dict[str, str]:
    """Return what changes when the public views mean something else, by the key of the catalog that says it."""
    if isinstance(question, Retention):
        return {"mode": digest(question.mode), "on": digest(question.on)}
    if isinstance(question, Funnel):
        return {"order": digest(question.order), "within": digest(question.within)}
    return {}


def whole_print(catalog: Catalog, question: Question) -> str:
    """Return what changes when a reader of the public views may see other rows or columns."""
    return digest([rows_print(catalog, question), meanings(question), _shown(question)])


def _shown(question: Question) -> list[Any]:
    if isinstance(question, Retention):
        return [question.periods]
    if isinstance(question, Funnel):
        return [[step.name for step in question.steps], question.dimension.name if question.dimension else None]
    return []


def _stored(catalog: Catalog, question: Question) -> list[Any]:
    if isinstance(question, Members):
        return ["members"]
    if isinstance(question, Retention):
        return ["retention", *(_selection(catalog, one) for one in (question.start, question.returns))]
    own = question.dimension
    return [
        "funnel",
        [_selection(catalog, step.selection) for step in question.steps],
        [_selection(catalog, one) for one in question.exclude],
        None if own is None else [own.of, stored_type(own.type)],
        reads_every_event(question) and question.order is Order.STRICT,
    ]


def _selection(catalog: Catalog, selection: Selection) -> list[Any]:
    if selection.others:
        return ["any of", *sorted((_selection(catalog, replace(one, others=())) for one in selection.each), key=str)]
    event = catalog.event(selection.event or "")
    tests = [] if event is None else conditions(selection.where, FieldTypes((event,), catalog.user_id))
    return [selection.event, tests]


def asked(catalog: Catalog, made: PeoplePlan) -> dict[str, Any]:
    """Return what the query layer must know to ask for the public views."""
    question = made.question
    own = question.dimension if isinstance(question, Funnel) else None
    return {
        "kind": _KINDS[type(question)],
        "entity": question.entity.name,
        "dimensions": [] if own is None else [_dimension(catalog, question, own)],
        "views": [
            {
                "kind": view.kind,
                "columns": [{"name": c.name, "type": _plain(c.type), "role": c.role} for c in view.columns],
            }
            for view in made.views
        ],
    }


_KINDS: Final[dict[type, str]] = {Members: "members", Retention: "retention", Funnel: "funnel"}


def _dimension(catalog: Catalog, question: Question, own: Dimension) -> dict[str, Any]:
    """Return the type of *own*, and the most that a value of it reveals in the events that have it."""
    named = {selection.event for selection in question.selections}
    read = (field_read(event, own.of, "") for event in catalog.events if event.name in named)
    found = {Sensitivity.PSEUDONYMOUS if own.of == USER_ID else Sensitivity.NONE}
    found |= {field.sensitivity for field in read if field is not None}
    return {"name": own.name, "type": _plain(own.type), "sensitivity": str(max(found, key=list(Sensitivity).index))}


def _plain(kind: FieldType) -> str:
    return str(FieldType.STRING if kind is FieldType.ENUM else kind)
