"""Arguments of a question as JSON: the parameters of its path over HTTP, each with the type that it has in JSON."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.server.problems import ProblemError
from adi_analytics.server.read import schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from adi_analytics.server.read.endpoint import Endpoint
    from adi_analytics.server.read.parameters import Parameter

_FILTER: Final = "filter."
_FILTERS: Final = "filters"
_NULL: Final = "exists"
_SORTED: Final = "order_by"
_WHAT: Final = (
    "Dimension to a value, a list of values (any of them), null (has none), or an object of operators, "
    'such as {"gte": 400, "lt": 500}.'
)


def schema_of(name: str, endpoint: Endpoint) -> dict[str, Any]:
    """Return the JSON Schema of the arguments for the question called *name*."""
    return _schema({"const": name}, [endpoint])


def schema_for(questions: Mapping[str, Endpoint]) -> dict[str, Any]:
    """Return the JSON Schema of the arguments for any of *questions*, by name.

    It has what any of them takes. It is an object without ``oneOf``, which several clients refuse. Columns to sort by
    are texts: the names of all columns, each twice, would be most of it.
    """
    name = {"type": "string", "enum": list(questions), "description": "What to ask, as `list` names it."}
    made = _schema(name, questions.values())
    if _SORTED in made["properties"]:
        made["properties"][_SORTED]["items"] = {"type": "string"}
    return made


def _schema(name: Mapping[str, Any], endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    properties: dict[str, Any] = {"name": name}
    filters: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        for one in endpoint.parameters.values():
            if one.name.startswith(_FILTER):
                _, dimension, *operator = one.name.split(".")
                filters.setdefault(dimension, {})[operator[0] if operator else "in"] = dict(one.schema)
            else:
                properties[one.name] = _merged(properties.get(one.name), _property(one))
    if filters:
        made = schemas.record({dimension: _filter(found) for dimension, found in filters.items()}, filters, _WHAT)
        properties[_FILTERS] = {key: value for key, value in made.items() if key != "required"}
    return {"type": "object", "properties": properties, "required": ["name"], "additionalProperties": False}


def _property(one: Parameter) -> dict[str, Any]:
    if one.many == "no":
        return {**one.schema, "description": one.description}
    return schemas.array(one.schema, minItems=1, uniqueItems=True, description=one.description)


def _merged(before: dict[str, Any] | None, one: dict[str, Any]) -> dict[str, Any]:
    """Return what both say: the values of each, and of two descriptions the first without its default."""
    if before is None:
        return one
    made = {**before}
    if before["description"] != one["description"]:
        made["description"] = before["description"].partition(" Default:")[0]
    if "enum" in one:
        made["enum"] = list(dict.fromkeys((*before["enum"], *one["enum"])))
    if "items" in one:
        values = dict.fromkeys((*before["items"]["enum"], *one["items"]["enum"]))
        made["items"] = {**one["items"], "enum": list(values)}
    return made


def _filter(operators: dict[str, Any]) -> dict[str, Any]:
    one = operators["in"]
    several = schemas.array(one, minItems=1)
    compared = {"type": "object", "properties": operators | {"in": several}, "minProperties": 1}
    return {"anyOf": [one, several, {"type": "null"}, compared | {"additionalProperties": False}]}


def values_of(endpoint: Endpoint, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values for *endpoint* that the arguments *given* mean.

    Raises:
        ProblemError: If one is unknown, or has a wrong value.
    """
    known = endpoint.parameters
    plain = [name for name in known if not name.startswith(_FILTER)]
    dimensions = list(dict.fromkeys(name.split(".")[1] for name in known if name.startswith(_FILTER)))
    takes = [*plain, *([_FILTERS] if dimensions else [])]
    made: dict[str, Any] = {}
    for name, value in given.items():
        if name not in takes:
            raise unknown("argument", name, takes)
        if name != _FILTERS:
            made[name] = _value(known[name], value, name)
        elif not isinstance(value, dict):
            example = {dimensions[0]: _example_of(known[f"{_FILTER}{dimensions[0]}"])}
            raise _wrong(_FILTERS, "it is not an object", "an object with dimensions as keys", example)
        else:
            for dimension, wanted in value.items():
                if dimension not in dimensions:
                    raise unknown("dimension to filter by", dimension, dimensions)
                made |= dict(_filtered(known, dimension, wanted))
    return made


def _filtered(known: Mapping[str, Parameter], dimension: str, wanted: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters that a filter means, with their values."""
    whole, place = f"{_FILTER}{dimension}", f"{_FILTERS}.{dimension}"
    if wanted is None:
        yield f"{whole}.{_NULL}", False
    elif not isinstance(wanted, dict):
        yield whole, _value(known[whole], wanted, place)
    else:
        operators = [name.removeprefix(f"{whole}.") for name in known if name.startswith(f"{whole}.")]
        for operator, value in wanted.items():
            if operator not in ("in", *operators):
                raise unknown(f"operator of {place}", operator, ["in", *operators])
            name = whole if operator == "in" else f"{whole}.{operator}"
            yield name, _value(known[name], value, f"{place}.{operator}")


def _value(one: Parameter, given: Any, place: str) -> Any:
    """Return the value of a parameter that *given* means: its text is read as over HTTP."""
    several = isinstance(given, list) and one.many != "no"
    found = given if several else [given]
    try:
        values = [one.read(_text(value)) for value in found]
    except ValueError:
        values = []
    if not values:
        raise _wrong(place, "the value is not valid", _expected(one), _example_of(one))
    return values[0] if one.many == "no" else values


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(value)


def _expected(one: Parameter) -> str:
    if one.many == "commas":
        return f"a list with some of {', '.join(one.schema['enum'])}"
    return f"{one.expected}, or a list of such" if one.many == "repeated" else one.expected


def _example_of(one: Parameter) -> Any:
    values = one.example.split(",") if one.many == "commas" else [one.example]
    if one.schema["type"] != "string":
        values = [json.loads(value) for value in values]
    return values[0] if one.many == "no" else values


def _wrong(place: str, problem: str, expected: str, example: Any) -> ProblemError:
    shown = json.dumps(example)
    detail = f"{place}: {problem}. Expected {expected.rstrip('.')}, such as {shown}."
    return ProblemError(400, "wrong-argument", detail, parameter=place, expected=expected, example=example)


def unknown(what: str, name: Any, known: list[str]) -> ProblemError:
    """Return the problem of a name that nothing has: what was meant, and what there is."""
    close = get_close_matches(str(name), known, n=1)
    meant = f" Did you mean {close[0]}?" if close else ""
    listed = f"Known: {', '.join(known)}." if known else "There is none."
    detail = f"There is no such {what}.{meant} {listed}"
    return ProblemError(400, "unknown-argument", detail, parameter=str(name)[:100], expected="a known one", known=known)
