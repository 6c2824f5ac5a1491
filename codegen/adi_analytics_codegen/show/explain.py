"""All that the catalog knows about one event, aggregate, question about people, or rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.backends.describe import class_text, field_text, wire_text
from adi_analytics_codegen.check.rules import RULES
from adi_analytics_codegen.model.questions.people import Members, section
from adi_analytics_codegen.model.readers import columns_fed, questions, questions_of_event, readers_of_event
from adi_analytics_codegen.model.tables import shorten
from adi_analytics_codegen.model.text.zones import width_text, zone_text

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.questions.aggregates import Aggregate
    from adi_analytics_codegen.model.questions.people import Question


def known(catalog: Catalog) -> list[str]:
    """Return the names that can be explained."""
    things = (*catalog.events, *catalog.aggregates, *questions(catalog))
    entities = (members.entity.name for members in catalog.members)
    return [*(thing.name for thing in things), *entities, *RULES]


def explain(catalog: Catalog, name: str) -> dict[str, Any] | None:
    """Return what is known about what is called *name* as JSON data, or ``None``.

    Args:
        catalog: The catalog.
        name: An event, an aggregate, an entity, a retention, a funnel, one of their public views, or a rule.
    """
    event = catalog.event(name)
    if event is not None:
        return _event(catalog, event)
    aggregate = next((one for one in catalog.aggregates if name in _names_of(one)), None)
    if aggregate is not None:
        return _aggregate(catalog, aggregate)
    question = next((one for one in questions(catalog) if name in _names_asked(one)), None)
    if question is not None:
        return _question(catalog, question)
    rule = RULES.get(name)
    return None if rule is None else {"rule": name, "kind": rule.kind, "severity": rule.severity, "text": rule.text}


def _names_of(aggregate: Aggregate) -> tuple[str, ...]:
    return (aggregate.name, *(shorten(f"{aggregate.name}_{view}") for view in ("distribution", "sketch")))


def _names_asked(question: Question) -> tuple[str, ...]:
    from adi_analytics_codegen.backends.people import views

    own = (question.entity.name,) if isinstance(question, Members) else ()
    return (*own, *(view.name for view in views(question)))


def _event(catalog: Catalog, event: Event) -> dict[str, Any]:
    from adi_analytics_codegen.backends.docs import deep, type_text
    from adi_analytics_codegen.backends.json_schema import JsonSchemas

    asking = questions_of_event(catalog, event.name)
    return {
        "event": event.name,
        **({} if event.wire is None else {"in_json": event.wire}),
        "about": class_text(event),
        "domain": event.domain,
        "version": event.version,
        "status": str(event.status),
        "owner": event.owner,
        **event.annotations.as_keys(),
        "python": f"{catalog.python_package}.{event.class_name}",
        "columns": {"user_id": event.user_id_field, "service": event.service_field},
        "fields": {
            path: f"{type_text(catalog, field)}{'?' * field.optional} {field_text(field)} {wire_text(field)}".strip()
            for path, field in deep("", event.fields)
        },
        "read_by": {one.name: columns_fed(one, event.name) for one in readers_of_event(catalog, event.name)},
        **({"counts_in": ", ".join(one.name for one in asking)} if asking else {}),
        "sql": _query(catalog, event),
        "schema": JsonSchemas(catalog).event(event),
    }


def _query(catalog: Catalog, event: Event) -> str:
    """Return the statement that reads the rows of *event*, for people to paste."""
    from adi_analytics_codegen.backends.sql.text.names import literal

    columns = '"timestamp", user_id, service, data'
    return f"select {columns} from {catalog.storage.table} where event_type = {literal(event.type)}"  # noqa: S608 - quoted


def _aggregate(catalog: Catalog, aggregate: Aggregate) -> dict[str, Any]:
    from adi_analytics_codegen.backends import sql
    from adi_analytics_codegen.backends.describe import where_text
    from adi_analytics_codegen.backends.docs import code, measure_text, ratio_text
    from adi_analytics_codegen.backends.sql.files import sql_of
    from adi_analytics_codegen.show import kept

    columns = {aggregate.bucket_name: _bucket_text(aggregate)}
    columns |= {dimension.name: f"{dimension.of}, {dimension.type}" for dimension in aggregate.dimensions}
    columns |= {measure.name: measure_text(measure) for measure in aggregate.measures}
    columns |= {ratio.name: ratio_text(ratio, aggregate) for ratio in aggregate.derived}
    beside = kept.companions(catalog, aggregate)
    coarser = next((one.name for one in catalog.aggregates if one.coarser_than == aggregate.name), None)
    return {
        "aggregate": aggregate.name,
        "about": aggregate.description,
        "version": aggregate.version,
        "owner": aggregate.owner,
        **aggregate.annotations.as_keys(),
        **({"each": f"its rows are the items of {aggregate.each}"} if aggregate.each else {}),
        **kept.timing(aggregate),
        "columns": columns,
        **({"where": where_text(aggregate.where, code)} if aggregate.where else {}),
        "reads": {name: columns_fed(aggregate, name) for name in aggregate.sources},
        **({"views": beside} if beside else {}),
        **({"percentiles_by_longer_buckets": coarser} if coarser else {}),
        "stored": kept.stored(catalog, aggregate.name),
        "sql": {backend: sql_of(catalog, aggregate.name, backend) for backend in sql.BACKENDS},
    }


def _bucket_text(aggregate: Aggregate) -> str:
    if aggregate.calendar is None:
        return "start of the bucket"
    return f"start of the bucket of {width_text(aggregate)}, in {zone_text(aggregate)}"


def _question(catalog: Catalog, question: Question) -> dict[str, Any]:
    from adi_analytics_codegen.backends import people, sql
    from adi_analytics_codegen.backends.sql.files import sql_of
    from adi_analytics_codegen.show import kept

    return {
        "question": question.name,
        "asked_as": section(question),
        "about": question.description,
        "version": question.version,
        "owner": question.owner,
        **question.annotations.as_keys(),
        "counts": question.entity.of,
        **kept.timing(question),
        **kept.settings(question),
        "reads": people.reads(question),
        "views": {view.name: [column.name for column in view.columns] for view in people.views(question)},
        "stored": kept.stored(catalog, question.name),
        "sql": {backend: sql_of(catalog, question.name, backend) for backend in sql.BACKENDS},
    }


def as_text(facts: dict[str, Any]) -> str:
    """Return *facts* for people: a line each, mappings indented, SQL and schemas last and as they are."""
    blocks = []
    for key, value in facts.items():
        if key == "schema":
            blocks.append(f"\nschema:\n{json.dumps(value, indent=2, ensure_ascii=False)}")
        elif key == "sql" and isinstance(value, dict):
            blocks += [f"\nsql for {backend}:\n{text}" for backend, text in value.items()]
        elif isinstance(value, dict):
            lines = [f"  {name}: {_shown(item)}" for name, item in value.items()]
            blocks.append("\n".join([f"{key}:", *lines]) if lines else f"{key}: nothing")
        else:
            blocks.append(f"{key}: {_shown(value) if key.startswith('x-') else value}")
    return "\n".join(blocks)


def _shown(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
