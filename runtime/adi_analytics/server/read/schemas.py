"""JSON Schemas of answers: precise to each column of each aggregate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adi_analytics.query.model.describe import Aggregate, Dimension, Measure

TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "decimal": {"type": "number"},
    "bool": {"type": "boolean"},
    "uuid": {"type": "string", "format": "uuid"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}
"""The JSON Schema of each type of a dimension or measure."""

STATES: Final = ("final", "provisional", "incomplete")


def nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return *schema* with null beside its type."""
    return {**schema, "type": [schema["type"], "null"]}


def reference(name: str) -> dict[str, str]:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": dict(items), **more}


def record(
    properties: Mapping[str, Mapping[str, Any]], optional: Iterable[str] = (), description: str = ""
) -> dict[str, Any]:
    """Return the schema of an object with exactly these members."""
    left_out = set(optional)
    made: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    made["required"] = [name for name in properties if name not in left_out]
    return {"description": description, **made} if description else made


def column(of: Dimension | Measure, text: str) -> dict[str, Any]:
    """Return the schema of a dimension's or a measure's values."""
    made = nullable(TYPES[of.type])
    if text:
        made["description"] = text
    if of.unit is not None:
        made["x-unit"] = of.unit
    return made


def previous(measures: Iterable[str]) -> dict[str, str]:
    """Return the names that columns of the period before may have, each with its measure."""
    known = list(measures)
    made = {}
    for measure in known:
        name = f"previous_{measure}"
        made[name] = measure
        while name in known:
            name += "_"
            made[name] = measure
    return made


def answer(aggregate: Aggregate, dimensions: Iterable[Dimension], measures: Iterable[Measure]) -> dict[str, Any]:
    """Return the schema of an answer about *aggregate*."""
    bucket = {aggregate.bucket.column: {**TYPES["datetime"], "description": aggregate.text(aggregate.bucket.column)}}
    grouped = {one.name: column(one, aggregate.text(one.name)) for one in dimensions}
    values = {one.name: column(one, aggregate.text(one.name)) for one in measures}
    before = {
        name: {**values[measure], "description": f"{measure} in the period before, with `compare`."}
        for name, measure in previous(values).items()
    }
    row = {**bucket, **grouped, **before, **values}
    totals = {**before, **values}
    return result(row, record(totals, totals, "Each measure over the whole range, whatever the limit."))


def people(aggregate: Aggregate, kinds: Iterable[str]) -> dict[str, Any]:
    """Return the schema of an answer about people, which shows one of several views."""
    row: dict[str, Any] = {}
    for kind in kinds:
        view, shown = aggregate.view(kind)
        for one in shown:
            known = TYPES[one.type]
            row[one.name] = {**(known if one.role == "bucket" else nullable(known)),
                             "description": aggregate.text(one.name, view)}  # fmt: skip
    return result(row, record({}))


def result(row: Mapping[str, Any], totals: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an answer with such rows and totals; a row has the columns that were asked for."""
    return record(
        {
            "columns": array(reference("Column")),
            "rows": array(record(row, row)),
            "states": array(reference("State"), description="How far each row can be trusted."),
            "totals": totals,
            "totals_columns": array(reference("Column"), description="What the totals are; they may be less exact."),
            "state": reference("State"),
            "query": reference("Query"),
            "watermark": reference("Watermark"),
            "next": {"type": ["string", "null"], "description": "Give it as `after` for the rows that follow."},
            "warnings": array(reference("Warning")),
            "at": {**TYPES["datetime"], "description": "When the database answered."},
        }
    )


_TEXT: Final = {"type": "string"}
_MAYBE: Final = {"type": ["string", "null"]}
_TIME: Final = TYPES["datetime"]
BUCKET: Final = record(
    {
        "column": _TEXT,
        "width": {"type": "integer", "description": "The width of a bucket in seconds."},
        "unit": _TEXT,
        "time_zone": _TEXT,
    },
    ["unit", "time_zone"],
)
"""The schema of buckets: those of a calendar have a unit and a time zone."""

SHARED: Final[Mapping[str, Mapping[str, Any]]] = {
    "State": {
        "type": "string",
        "enum": list(STATES),
        "description": (
            "`final`; `provisional` while the bucket is not over; `incomplete` where events were dropped before they "
            "were counted."
        ),
    },
    "Watermark": {**nullable(_TIME), "description": "Up to here stored rows are read, from here on events."},
    "Column": record(
        {
            "name": _TEXT,
            "type": {"type": "string", "enum": list(TYPES)},
            "role": {"type": "string", "enum": ["bucket", "dimension", "measure", "previous"]},
            "unit": _MAYBE,
            "exactness": {"type": "string", "enum": ["exact", "approximate"]},
            "bound": {"type": ["number", "null"], "description": "The largest relative error; null without one."},
            "description": _TEXT,
            "standard_error": {"type": ["number", "null"], "description": "Of an estimate, relative; null when exact."},
        }
    ),
    "Warning": record({"code": _TEXT, "message": _TEXT}),
    "Query": record(
        {
            "aggregate": _TEXT, "measures": array(_TEXT), "dimensions": array(_TEXT), "filters": {"type": "object"},
            "start": _TIME, "end": {**_TIME, "description": "The moment after the last one."},
            "granularity": _TEXT, "time_zone": _TEXT, "compare": _MAYBE,
            "compared": {"type": ["array", "null"], "items": _TIME}, "order_by": array(_TEXT),
            "limit": {"type": ["integer", "null"]},
        },
        description="The question, with every default filled in.",
    ),
    "Problem": {
        "type": "object",
        "description": "A problem document (RFC 9457).",
        "properties": {
            "type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT,
            "parameter": _TEXT, "expected": _TEXT, "example": _TEXT,
        },
        "required": ["type", "title", "status", "detail"],
    },
}  # fmt: skip
"""Schemas that answers share."""
