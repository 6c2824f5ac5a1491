"""The questions of a catalog by name, and what each one is: its measures, dimensions, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from adi_analytics.query.model.errors import MeasureRefusedError
from adi_analytics.query.resolve.measures import of_one, of_several
from adi_analytics.query.resolve.people import VIEWS
from adi_analytics.server.mcp.arguments import schema_of
from adi_analytics.server.read.aggregates import entry_of, public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from adi_analytics.query.model.describe import Aggregate, Dimension, Measure, People
    from adi_analytics.query.resolve.measures import Chosen
    from adi_analytics.server.read.endpoint import Endpoint

_PLACE: Final = "#/$defs/"


def questions_of(endpoints: Iterable[Endpoint]) -> dict[str, Endpoint]:
    """Return what can be asked, by name: that of the catalog, or the path where two have the same."""
    found: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        if endpoint.about is not None:
            name = endpoint.path.rpartition("/")[2]
            found[name if name not in found else endpoint.path[1:]] = endpoint
    return found


def kind_of(aggregate: Aggregate) -> str:
    """Return what *aggregate* is: ``aggregate``, or a question about people: ``members``, ``retention``, ``funnel``."""
    return "aggregate" if aggregate.people is None else aggregate.people.kind


def listed(questions: Mapping[str, Endpoint]) -> list[dict[str, Any]]:
    """Return a line about each question."""
    return [
        {"name": name, "kind": kind_of(endpoint.about), "description": endpoint.about.description}
        for name, endpoint in questions.items()
        if endpoint.about is not None
    ]


def described(name: str, endpoint: Endpoint, events: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return all about a question: its columns, how far they can be trusted, where they come from, what can be asked.

    Args:
        name: What it is called here.
        endpoint: What answers it.
        events: The JSON Schema of any event, which says what values a field may have.
    """
    aggregate = endpoint.about
    assert aggregate is not None, name  # noqa: S101 - questions have one
    made: dict[str, Any] = {
        "name": name,
        "kind": kind_of(aggregate),
        "description": aggregate.description,
        "owner": aggregate.owner,
    }
    made |= {"version": aggregate.version, "bucket": msgspec.to_builtins(aggregate.bucket)}
    if aggregate.people is None:
        made |= _measured(aggregate, events)
    else:
        made |= _about_people(aggregate, aggregate.people, events)
    return {**made, "lineage": _lineage(aggregate), "arguments": schema_of(name, endpoint)}


def _measured(aggregate: Aggregate, events: Mapping[str, Any] | None) -> dict[str, Any]:
    entry = entry_of(aggregate)
    measures = public(aggregate)[1]
    return {
        "measures": [
            {**one, "exactness": _exactness(aggregate, measure)}
            for one, measure in zip(entry["measures"], measures, strict=True)
        ],
        "dimensions": [{**one, **_values(aggregate, one["name"], events)} for one in entry["dimensions"]],
    }


def _about_people(aggregate: Aggregate, people: People, events: Mapping[str, Any] | None) -> dict[str, Any]:
    shown = {}
    for show, kind in VIEWS[people.kind].items():
        view, columns = aggregate.view(kind)
        shown[show] = [
            {"name": one.name, "type": one.type, "role": one.role, "description": aggregate.text(one.name, view)}
            for one in columns
        ]
    dimensions = [
        {"name": one.name, "type": one.type, **_values(aggregate, one.name, events)} for one in people.dimensions
    ]
    return {"entity": people.entity, "shows": shown, "dimensions": dimensions}


def _exactness(aggregate: Aggregate, measure: Measure) -> dict[str, Any]:
    """Return how far *measure* can be trusted: of one bucket with all dimensions, and put together from several.

    It is said for a role that may read all that is stored.
    """
    ways = {"one_bucket": of_one, "several_buckets": of_several}
    return {name: _trust(way, measure, aggregate) for name, way in ways.items()}


def _trust(way: Callable[[Measure, Aggregate], Chosen], measure: Measure, aggregate: Aggregate) -> dict[str, Any]:
    try:
        chosen = way(measure, aggregate)
    except MeasureRefusedError as error:
        return {"exactness": "refused", "reason": error.problem, "instead": error.remedy}
    if chosen.exact:
        return {"exactness": "exact"}
    known = {"bound": chosen.bound, "standard_error": chosen.standard_error}
    return {"exactness": "approximate"} | {key: value for key, value in known.items() if value is not None}


def _lineage(aggregate: Aggregate) -> dict[str, Any]:
    """Return the events that are read, and the field that each dimension holds."""
    people = aggregate.people
    shown: Iterable[Dimension] = public(aggregate)[0] if people is None else people.dimensions
    fields = {one.name: _field(aggregate, one.name) for one in shown}
    return {
        "events": list(aggregate.sources),
        "all_events": aggregate.all_events,
        "dimensions": {name: of for name, of in fields.items() if of},
    }


def _field(aggregate: Aggregate, dimension: str) -> str:
    keys = (key for relation in aggregate.relations for key in relation.keyed_by if key.column == dimension)
    return next((key.of for key in keys), "")


def _values(aggregate: Aggregate, dimension: str, events: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values that the catalog allows for the field of *dimension*, if it names them."""
    of = _field(aggregate, dimension)
    if events is None or not of or of.startswith("$"):
        return {}
    found: dict[Any, None] = {}
    for schema in _sources(aggregate, events):
        known = _allowed(schema, of, events)
        if known is None:
            return {}
        found |= dict.fromkeys(known)
    return {"values": list(found)} if found else {}


def _sources(aggregate: Aggregate, events: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON Schemas of the events that are read."""
    for schema in events.get("$defs", {}).values():
        kind = schema.get("properties", {}).get("type", {})
        if kind.get("const") in aggregate.sources:
            yield schema


def _allowed(schema: Mapping[str, Any], path: str, events: Mapping[str, Any]) -> list[Any] | None:
    """Return the values that a field may have, none for an event without it; ``None`` if any is allowed."""
    schema = _followed(schema, events)
    if not path:
        return _named(schema)
    for name, inner in schema.get("properties", {}).items():
        if path == name or path.startswith(f"{name}."):
            return _allowed(inner, path[len(name) + 1 :], events)
    return []


def _followed(schema: Mapping[str, Any], events: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what *schema* refers to; of one that also allows null, the rest; of a list, its items."""
    place = schema.get("$ref", "")
    if place.startswith(_PLACE):
        return _followed(events["$defs"][place.removeprefix(_PLACE)], events)
    if "items" in schema:
        return _followed(schema["items"], events)
    other = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return _followed(other[0], events) if len(other) == 1 else schema


def _named(schema: Mapping[str, Any]) -> list[Any] | None:
    if "enum" in schema:
        return [value for value in schema["enum"] if value is not None]
    if "const" in schema:
        return [schema["const"]]
    kinds = schema.get("type", ())
    return [False, True] if set([kinds] if isinstance(kinds, str) else kinds) - {"null"} == {"boolean"} else None
