"""What a measure is to a reader: which kind of number, how it is written, and whether buckets can be put together."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.model.errors import MeasureRefusedError
from adi_analytics.query.resolve.measures import of_several
from adi_analytics.server.read.dashboard.titles import measure_title

if TYPE_CHECKING:
    from adi_analytics.query.model.describe import Aggregate, Measure
    from adi_analytics.query.resolve.measures import Chosen
    from adi_analytics.server.read.dashboard.shown import ShownSection


class Family(Enum):
    """Kinds of numbers that can share an axis."""

    EVENTS = "events"
    PEOPLE = "people"
    SUMS = "sums"
    LEVELS = "levels"
    SHARES = "shares"
    QUOTIENTS = "quotients"
    SAMPLES = "samples"


_FAMILIES: Final = {
    "count": Family.EVENTS, "distinct": Family.PEOPLE, "sum": Family.SUMS, "avg": Family.LEVELS, "min": Family.LEVELS,
    "max": Family.LEVELS, "percentile": Family.LEVELS, "first": Family.SAMPLES, "last": Family.SAMPLES,
}  # fmt: skip
_NUMBERS: Final = frozenset({"int", "float", "decimal"})
_COUNTED: Final = frozenset({"count", "distinct"})
_DURATIONS: Final = {
    "us": "duration_us", "ms": "duration_ms", "s": "duration_s", "seconds": "duration_s", "min": "duration_min",
    "minutes": "duration_min", "h": "duration_h", "hours": "duration_h",
}  # fmt: skip
_SIZES: Final = frozenset({"B", "byte", "bytes"})
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def family(measure: Measure) -> Family:
    """Return which kind of number *measure* is."""
    if measure.kind == "ratio":
        return Family.QUOTIENTS
    return _FAMILIES[measure.kind] if measure.type in _NUMBERS else Family.SAMPLES


def is_share(measure: Measure, aggregate: Aggregate) -> bool:
    """Return whether *measure* is a ratio of counts, which reads as percent."""
    sides = (*measure.parts.numerator, *measure.parts.denominator)
    return measure.kind == "ratio" and all(aggregate.measure(side).kind in _COUNTED for side in sides)


def unit_of(measure: Measure, aggregate: Aggregate) -> str | None:
    """Return the unit of *measure*; of a ratio that of what is divided by a count."""
    if measure.kind != "ratio":
        return measure.unit
    units = {aggregate.measure(side).unit for side in measure.parts.numerator}
    counted = all(aggregate.measure(side).kind in _COUNTED for side in measure.parts.denominator)
    return units.pop() if counted and len(units) == 1 else None


def format_of(measure: Measure, aggregate: Aggregate) -> str:
    """Return how the values of *measure* are written: its unit says it, or that it is a share."""
    if is_share(measure, aggregate):
        return "percent"
    unit = unit_of(measure, aggregate) or ""
    if unit in _SIZES:
        return "bytes"
    if _CURRENCY.fullmatch(unit):
        return "currency"
    return _DURATIONS.get(unit, "number")


def is_merged(measure: Measure, aggregate: Aggregate) -> bool:
    """Return whether *measure* has a value over several stored rows, and not only for each."""
    return _merged(measure, aggregate) is not None


def exactness(measure: Measure, aggregate: Aggregate) -> str:
    """Return how exact *measure* is over several buckets: ``exact`` or ``approximate``. Of one bucket each is exact."""
    merged = _merged(measure, aggregate)
    return "exact" if merged is None or merged.exact else "approximate"


def _merged(measure: Measure, aggregate: Aggregate) -> Chosen | None:
    try:
        return of_several(measure, aggregate)
    except MeasureRefusedError:
        return None


def shown_measure(measure: Measure, aggregate: Aggregate, own: ShownSection) -> dict[str, Any]:
    """Return *measure* as the page needs it, as the catalog shows it."""
    stated = own.measure(measure.name)
    return {
        "name": measure.name,
        "title": title_in(measure, own),
        "unit": unit_of(measure, aggregate),
        "format": _stated_format(stated.format, measure, aggregate),
        "exactness": exactness(measure, aggregate),
    }


def title_in(measure: Measure, own: ShownSection) -> str:
    """Return the title of *measure*."""
    return own.measure(measure.name).title or measure_title(measure.name, measure.unit)


def _stated_format(stated: str, measure: Measure, aggregate: Aggregate) -> str:
    """Return how the catalog wants *measure* to be written; a duration needs a unit of time."""
    if stated == "duration":
        return _DURATIONS.get(unit_of(measure, aggregate) or "", "number")
    return stated or format_of(measure, aggregate)
