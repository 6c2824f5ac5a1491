"""Comments on the tables and the public views, from the catalog's descriptions: the same on every backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.describe import measure_text, ratio_text, sentence, where_text
from adi_analytics_codegen.backends.sql.text.names import unused
from adi_analytics_codegen.backends.sql.text.statements import Statement, comment
from adi_analytics_codegen.model.kinds import MeasureKind
from adi_analytics_codegen.model.questions.aggregates import ENVIRONMENT, HOSTNAME, META, SERVICE, USER_ID
from adi_analytics_codegen.model.rows.items import fields_read
from adi_analytics_codegen.model.tables import dead_letters_table
from adi_analytics_codegen.model.text.zones import width_text, zone_text

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.relations.plan import Plan
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Dimension, Measure

_EVENTS: Final = {
    "id": "Number that the database gives to each row. event_id identifies the event.",
    "timestamp": "When the event happened.",
    "event_type": "Name of the event in the catalog.",
    "service": "Service that reported the event.",
    "user_id": "User whom the event is about, when there is one.",
    "data": "Fields of the event, as the catalog describes them.",
    "event_id": "Id of the event. It stays the same when the event is sent again.",
    "meta": "How the event was sent: host, environment, version of the event, sample rate and context.",
}
_DEAD_LETTERS: Final = {
    "id": "Number of the dead letter.",
    "created_at": "When the dead letter was stored.",
    "event_id": "Id of the event.",
    "timestamp": "When the event happened, when that is known.",
    "event_type": "Name of the event in the catalog.",
    "service": "Service that reported the event, when that is known.",
    "reason": "Kind of fault.",
    "sqlstate": "Error code of the server, when it refused the row.",
    "message": "What was wrong.",
    "library_version": "Version of adi-analytics that stored the dead letter.",
    "payload": "The row as JSON text.",
    "replayed_at": "When the event was sent again; null until then.",
}
_DISTRIBUTION: Final = {
    "measures": "Percentiles that read these values.",
    "lower_bound": "Lower bound of the size class.",
    "upper_bound": "Upper bound of the size class.",
    "estimate": "Value to use for all values of the size class; wrong by less than 1 %.",
    "row_count": "Number of values in the size class.",
}
"""What a column of a distribution view holds, in the view's order."""
_SKETCH: Final = {
    "measures": "Distinct counts that this is a sketch of.",
    "register": "Register of the sketch, from 0 to 4095.",
    "rho": "Largest place of the first one in the hashes of the register; merge several with max.",
}
"""What a column of a view of sketches holds, in the view's order."""

_UNIT_KEPT: Final = frozenset(MeasureKind) - {MeasureKind.COUNT, MeasureKind.DISTINCT}


def on_tables(catalog: Catalog) -> list[Statement]:
    """Return the comments on the events table and on the table of dead letters."""
    return [
        *_commented("table", catalog.storage.table, f"Events of the catalog {catalog.name}, a row each.", _EVENTS),
        *_commented("table", dead_letters_table(catalog), "Events that could not be stored, and why.", _DEAD_LETTERS),
    ]


@dataclass(frozen=True, slots=True)
class Described:
    """An aggregate in the words of its catalog, not in those of the wire."""

    catalog: Catalog
    aggregate: Aggregate


def on_views(described: Described, plan: Plan) -> list[Statement]:
    """Return the comments on the public views of an aggregate, which *plan* makes."""
    catalog, aggregate = described.catalog, described.aggregate
    keys = _keys(catalog, aggregate)
    columns = keys | {measure.name: _measure(catalog, aggregate, measure) for measure in aggregate.measures}
    for ratio in aggregate.derived:
        columns[ratio.name] = _told(ratio.description, f"{ratio_text(ratio, aggregate)}; null when the divisor is 0")
    about = _own(aggregate.description) or "An aggregate of events."
    if aggregate.each:
        about += f" Its rows are the items of {aggregate.each}."
    if aggregate.where:
        about += f" Only rows where {where_text(aggregate.where, _column)}."
    made = _commented("view", aggregate.name, about, columns)
    if plan.distributions:
        about = f"Values behind the percentiles of {aggregate.name}, counted by size class."
        own = dict(zip(distribution_columns(plan).values(), _DISTRIBUTION.values(), strict=True))
        made += _commented("view", plan.distribution_view, about, keys | own)
    if plan.sketches:
        about = f"Sketches behind the mergeable counts of {aggregate.name}: see docs/reference/aggregates.md."
        own = dict(zip(sketch_columns(plan).values(), _SKETCH.values(), strict=True))
        made += _commented("view", plan.sketch_view, about, keys | own)
    return made


def sketch_columns(plan: Plan) -> dict[str, str]:
    """Return the names of the own columns of the view of sketches: as they are called here, unless a dimension is."""
    taken = {plan.main.bucket, *plan.dimensions}
    return {name: unused(name, taken) for name in _SKETCH}


def distribution_columns(plan: Plan) -> dict[str, str]:
    """Return the names of the distribution view's own columns: as they are called here, unless a dimension is."""
    taken = {plan.main.bucket, *plan.dimensions}
    return {name: unused(name, taken) for name in _DISTRIBUTION}


def _commented(on: str, name: str, about: str, columns: dict[str, str]) -> list[Statement]:
    return [comment(on, name, None, about), *(comment(on, name, column, text) for column, text in columns.items())]


def _keys(catalog: Catalog, aggregate: Aggregate) -> dict[str, str]:
    keys = {aggregate.bucket_name: f"Start of the bucket of {width_text(aggregate)}, in {zone_text(aggregate)}."}
    return keys | {dimension.name: _dimension(catalog, aggregate, dimension) for dimension in aggregate.dimensions}


def _dimension(catalog: Catalog, aggregate: Aggregate, dimension: Dimension) -> str:
    """Return the catalog's words for *dimension*, else those for its field, once each; then the unit."""
    if dimension.of in META:
        return _own(dimension.description) or _META[dimension.of]
    if dimension.of in _COLUMNS:
        return _own(dimension.description) or _EVENTS[_COLUMNS[dimension.of]]
    fields = fields_read(catalog, aggregate, dimension.of, aggregate.where)
    texts = [_own(dimension.description)] if dimension.description else [_own(field.description) for field in fields]
    return _joined([*(texts if any(texts) else [f"{dimension.of} of the event."]), _unit(fields)])


_COLUMNS: Final = {USER_ID: "user_id", SERVICE: "service"}
_META: Final = {
    ENVIRONMENT: "Environment that the event came from, such as production.",
    HOSTNAME: "Host that the event came from.",
}


def _column(name: str) -> str:
    """Return *name*, a reference to a column as the column is called."""
    return f"meta.{META[name]}" if name in META else _COLUMNS.get(name, name)


def _unit(fields: list[Field]) -> str:
    units = list(dict.fromkeys(field.unit for field in fields if field.unit))
    return f"Unit: {', '.join(units)}." if units else ""


def _measure(catalog: Catalog, aggregate: Aggregate, measure: Measure) -> str:
    text = _told(measure.description, measure_text(measure, _column))
    if not measure.has_unit or measure.kind not in _UNIT_KEPT:
        return text
    where = (*aggregate.where, *measure.where)
    return _joined([text, _unit([f for of in measure.fields for f in fields_read(catalog, aggregate, of, where)])])


def _told(description: str, computed: str) -> str:
    """Return the catalog's words, when there are any, and how the value is computed."""
    return _joined([_own(description), f"{computed[:1].upper()}{computed[1:]}."])


def _own(description: str) -> str:
    return sentence(description) if description.strip() else ""


def _joined(sentences: list[str]) -> str:
    return " ".join(dict.fromkeys(filter(None, sentences)))
