"""Lints about aggregates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.lint.rule import Found, Lint
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Sensitivity, Status, Store
from adi_analytics_codegen.model.questions.aggregates import USER_ID
from adi_analytics_codegen.model.readers import references
from adi_analytics_codegen.model.rows.items import field_read, is_of_item, with_items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field, Location
    from adi_analytics_codegen.model.questions.aggregates import Aggregate


def _declared(catalog: Catalog) -> Iterator[Aggregate]:
    """Yield the aggregates that the catalog names: what is made for one of them has its dimensions."""
    return (aggregate for aggregate in catalog.aggregates if not aggregate.coarser_than)


def _draft_aggregated(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for aggregate in _declared(catalog):
        for name in () if aggregate.all_events else aggregate.sources:
            event = catalog.event(name)
            if event is not None and event.status is Status.DRAFT:
                message = f"{name} is a draft and may change under the aggregate"
                yield aggregate.at, f"aggregates.{aggregate.name}", message, "make the event stable first"


def _wide_dimension(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    wide = {FieldType.UUID, FieldType.FLOAT, FieldType.DECIMAL, FieldType.DATETIME}
    for aggregate in _declared(catalog):
        for dimension in aggregate.dimensions:
            if dimension.type in wide or dimension.of == USER_ID:
                message = f"dimension {dimension.name} is {dimension.type}: there may be as many rows as events"
                yield dimension.at, f"aggregates.{aggregate.name}.{dimension.name}", message, "count it with distinct"


_FEW: Final = 1000
"""So many values of a whole number are few enough to group by it."""


def _free_dimension(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for aggregate in _declared(catalog):
        for dimension in aggregate.dimensions:
            fields = (
                field_read(event, dimension.of, aggregate.each)
                for event in catalog.events
                if event.name in aggregate.sources
            )
            if any(field is not None and _is_free(field) for field in fields):
                message = (
                    f"dimension {dimension.name} is any {dimension.type}: a sender can make as many rows as events"
                )
                fix = "group by an enum, or give the field a pattern or bounds"
                yield dimension.at, f"aggregates.{aggregate.name}.{dimension.name}", message, fix


def _is_free(field: Field) -> bool:
    if field.enum is not None or field.const is not None:
        return False
    if field.type is FieldType.INT:
        return field.min is None or field.max is None or field.max - field.min >= _FEW
    return field.type is FieldType.STRING and (field.pattern is None or field.format is not None)


def _column_unfilled(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    filling = {event.name for event in catalog.events if event.user_id_field is not None}
    for aggregate in _declared(catalog):
        if filling.isdisjoint(aggregate.sources) and any(of == USER_ID for _, of in references(aggregate)):
            message = f"{USER_ID} is empty in every event that the aggregate reads"
            fix = "name the field that fills it under columns of the events"
            yield aggregate.at, f"aggregates.{aggregate.name}", message, fix


def _personal_aggregated(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for aggregate in _declared(catalog):
        for name, of, at in _shown(aggregate):
            sources = filter(None, map(catalog.event, aggregate.sources))
            if any(_is_personal(with_items(event, aggregate.each), of) for event in sources):
                message = f'column {name} shows the personal field "{of}" for as long as the aggregate is kept'
                yield at, f"aggregates.{aggregate.name}.{name}", message, "show something else, or give a reason"


def _event_repeated(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for aggregate in _declared(catalog):
        for measure in aggregate.measures if aggregate.each else ():
            if measure.kind in _ADDING and not any(is_of_item(of, aggregate.each) for of in measure.fields):
                message = f"{measure.name} takes {measure.of} of the event once for each item of {aggregate.each}"
                fix = "take a field of the item, or make an aggregate of the events"
                yield measure.at, f"aggregates.{aggregate.name}.{measure.name}", message, fix


_ADDING: Final = frozenset({MeasureKind.SUM, MeasureKind.AVG, MeasureKind.PERCENTILE})


def _shown(aggregate: Aggregate) -> Iterator[tuple[str, str, Location]]:
    """Yield the columns that hold values as they were sent."""
    for dimension in aggregate.dimensions:
        yield dimension.name, dimension.of, dimension.at
    for measure in aggregate.measures:
        if measure.of and measure.kind in {MeasureKind.FIRST, MeasureKind.LAST, MeasureKind.MIN, MeasureKind.MAX}:
            yield measure.name, measure.of, measure.at


def _is_personal(event: Event, of: str) -> bool:
    fields, found = event.fields, None
    for part in of.split("."):
        found = next((field for field in fields if field.name == part), None)
        if found is None:
            return False
        if found.sensitivity in {Sensitivity.PERSONAL, Sensitivity.SECRET} and found.store is Store.KEEP:
            return True
        fields = found.fields
    return False


AGGREGATE_LINTS: Final = {
    "draft-aggregated": Lint(_draft_aggregated, "An aggregate names a draft, which may change without notice."),
    "wide-dimension": Lint(
        _wide_dimension,
        "An aggregate groups by a uuid, a float or a time, and may have as many rows as there are events.",
    ),
    "free-dimension": Lint(
        _free_dimension,
        "An aggregate groups by a string without a pattern, or by a whole number without bounds that leave at most "
        "1000 values. `$service` is exempt.",
    ),
    "column-unfilled": Lint(
        _column_unfilled, "An aggregate reads `$user_id`, and none of its events fills the column."
    ),
    "event-repeated": Lint(
        _event_repeated,
        "An aggregate with `each` adds up, averages or ranks a field of the event: it counts once for each item.",
    ),
    "personal-aggregated": Lint(
        _personal_aggregated,
        "An aggregate shows values of a personal field. Aggregates outlive the retention of events.",
    ),
}
