"""Rules about aggregates. What changes a column is an error, unless the version is raised: then it is a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.check.breaking.rule import Aggregates, Catalogs, Found, Rule, data_of
from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.fingerprint import canonical, meaning
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind
from adi_analytics_codegen.model.questions.aggregates import Choice, Measure, Ratio
from adi_analytics_codegen.model.text.zones import width_text, zone_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Dimension, Test

_BUMP: Final = "raise the aggregate's version"
_WHOLE: Final = frozenset({MeasureKind.COUNT, MeasureKind.DISTINCT})
_DOUBLE: Final = frozenset({MeasureKind.AVG, MeasureKind.PERCENTILE})


def _aggregate_removed(seen: Catalogs) -> Iterator[Found]:
    kept = {aggregate.name for aggregate in seen.new.aggregates}
    for aggregate in seen.old.aggregates:
        if aggregate.name not in kept:
            message = f"aggregate {aggregate.name} was removed"
            yield Found(seen.at, f"aggregates.{aggregate.name}", message, "have it approved as an exception")


REMOVAL_RULES: Final[dict[str, Rule[Catalogs]]] = {
    "aggregate-removed": Rule(_aggregate_removed, Severity.ERROR, "An aggregate was removed: its readers break."),
}


def _version_lowered(seen: Aggregates) -> Iterator[Found]:
    if seen.new.version < seen.old.version:
        message = f"{seen.subject}: version was {seen.old.version} and is now {seen.new.version}"
        yield Found(seen.new.at, seen.subject, message, "never count a version down")


def _sources_changed(seen: Aggregates) -> Iterator[Found]:
    if seen.old.all_events and seen.new.all_events:
        return
    lost = sorted(set(seen.old.sources) - set(seen.new.sources))
    gained = sorted(set(seen.new.sources) - set(seen.old.sources))
    if lost or gained or seen.old.all_events != seen.new.all_events:
        changes = "; ".join(
            filter(None, [f"no longer {', '.join(lost)}" * bool(lost), f"now {', '.join(gained)}" * bool(gained)])
        )
        message = f"{seen.subject}: reads other events: {changes or 'from all, or no longer'}"
        yield Found(seen.new.at, seen.subject, message, _BUMP)


def _each_changed(seen: Aggregates) -> Iterator[Found]:
    was, now = (f"items of {each}" if each else "events" for each in (seen.old.each, seen.new.each))
    if was != now:
        yield Found(seen.new.at, seen.subject, f"{seen.subject}: its rows were {was} and are now {now}", _BUMP)


def _bucket_changed(seen: Aggregates) -> Iterator[Found]:
    old, new = seen.old, seen.new
    was, now = (f"{one.bucket_name} of {width_text(one)}" for one in (old, new))
    if zone_text(old) != zone_text(new):
        was, now = f"{was} in {zone_text(old)}", f"{now} in {zone_text(new)}"
    if was != now:
        message = f"{seen.subject}: bucket was {was} and is now {now}"
        yield Found(new.at, seen.subject, message, _BUMP)


def _dimensions_changed(seen: Aggregates) -> Iterator[Found]:
    old, new = ({d.name: d.of for d in aggregate.dimensions} for aggregate in (seen.old, seen.new))
    if old != new:
        message = f"{seen.subject}: dimensions were {_named(old)} and are now {_named(new)}"
        yield Found(seen.new.at, seen.subject, message, _BUMP)


def _named(dimensions: dict[str, str]) -> str:
    return ", ".join(name if name == of else f"{name} ({of})" for name, of in dimensions.items()) or "none"


def _filter_changed(seen: Aggregates) -> Iterator[Found]:
    if _tests(seen.old) != _tests(seen.new):
        yield Found(seen.new.at, seen.subject, f"{seen.subject}: its where is another one", _BUMP)


def _tests(of: Aggregate | Measure) -> list[str]:
    """Return the tests of a ``where``, whose order has no meaning."""
    return sorted(map(_test, of.where))


def _test(test: Test) -> str:
    if isinstance(test, Choice):
        return str((test.negated, sorted(str(sorted(map(_test, branch))) for branch in test.branches)))
    return str(canonical(test))


def _columns(aggregate: Aggregate) -> dict[str, Measure | Ratio]:
    measures: dict[str, Measure | Ratio] = {measure.name: measure for measure in aggregate.measures}
    return measures | {ratio.name: ratio for ratio in aggregate.derived}


def _column_removed(seen: Aggregates) -> Iterator[Found]:
    for name in _columns(seen.old).keys() - _columns(seen.new).keys():
        message = f"{seen.subject}: column {name} was removed"
        yield Found(seen.new.at, f"{seen.subject}.{name}", message, _BUMP)
    for name in _lost_sketches(seen):
        message = f"{seen.subject}: {name} is no longer mergeable, so the view of sketches loses its rows"
        yield Found(seen.new.at, f"{seen.subject}.{name}", message, _BUMP)


def _lost_sketches(seen: Aggregates) -> list[str]:
    """Return the measures that both sides have and that only the old one keeps a sketch of."""
    kept = {measure.name: measure.mergeable for measure in seen.new.measures}
    return [m.name for m in seen.old.measures if m.mergeable and not kept.get(m.name, True)]


def _column_retyped(seen: Aggregates) -> Iterator[Found]:
    olds = _types(seen.old)
    for name, kind in _types(seen.new).items():
        if olds.get(name, kind) != kind:
            message = f"{seen.subject}: column {name} was {olds[name]} and is now {kind}"
            yield Found(seen.new.at, f"{seen.subject}.{name}", message, _BUMP)


def _types(aggregate: Aggregate) -> dict[str, str]:
    """Return column to type, in words that are equal when the SQL types are."""
    return {column.name: _type(column) for column in (*aggregate.dimensions, *_columns(aggregate).values())}


def _type(column: Dimension | Measure | Ratio) -> str:
    if isinstance(column, Ratio) or (isinstance(column, Measure) and column.kind in _DOUBLE):
        return "a double"
    if isinstance(column, Measure) and column.kind in _WHOLE:
        return "a whole number"
    if isinstance(column, Measure) and column.kind is MeasureKind.SUM:
        return "numeric"
    return "text" if column.type in {FieldType.ENUM, FieldType.STRING} else str(column.type)


def _expression_changed(seen: Aggregates) -> Iterator[Found]:
    olds = _columns(seen.old)
    for name, column in _columns(seen.new).items():
        if name in olds and _expression(olds[name]) != _expression(column):
            message = f"{seen.subject}: column {name} is computed in another way"
            yield Found(column.at, f"{seen.subject}.{name}", message, _BUMP)


def _expression(column: Measure | Ratio) -> Any:
    if isinstance(column, Ratio):
        return sorted(column.numerator), sorted(column.denominator)
    parts = sorted((part.factor, sorted(name for name, _ in part.fields)) for part in column.parts)
    return column.kind, parts, column.quantile, column.trailing, _tests(column)


VERSION_RULES: Final[dict[str, Rule[Aggregates]]] = {
    "aggregate-version-lowered": Rule(_version_lowered, Severity.ERROR, "The version of an aggregate was lowered."),
}

AGGREGATE_RULES: Final[dict[str, Rule[Aggregates]]] = {
    "aggregate-sources-changed": Rule(_sources_changed, Severity.ERROR, "An aggregate reads other events."),
    "aggregate-each-changed": Rule(
        _each_changed, Severity.ERROR, "An aggregate reads the items of another list, or events instead of items."
    ),
    "aggregate-bucket-changed": Rule(
        _bucket_changed, Severity.ERROR, "An aggregate's bucket has another width, time zone or name."
    ),
    "aggregate-dimensions-changed": Rule(
        _dimensions_changed, Severity.ERROR, "An aggregate is grouped in another way."
    ),
    "aggregate-filter-changed": Rule(_filter_changed, Severity.ERROR, "An aggregate's `where` is another one."),
    "aggregate-column-removed": Rule(_column_removed, Severity.ERROR, "An aggregate lost a column."),
    "aggregate-column-retyped": Rule(_column_retyped, Severity.ERROR, "A column of an aggregate has another type."),
    "aggregate-expression-changed": Rule(
        _expression_changed, Severity.ERROR, "A column of an aggregate is computed in another way."
    ),
}
"""Rules that hold while the version stays the same."""


def _view_column_removed(seen: Aggregates) -> Iterator[Found]:
    kept = _view(seen.new)
    for name in _view(seen.old):
        if name not in kept:
            message = f"{seen.subject}: version {seen.new.version} has no column {name}, and the view keeps its name"
            yield Found(seen.new.at, f"{seen.subject}.{name}", message, "change its readers first")
    if _has_percentiles(seen.old) and not _has_percentiles(seen.new):
        message = f"{seen.subject}: version {seen.new.version} has no percentile, so the view of distributions goes"
        yield Found(seen.new.at, f"{seen.subject}_distribution", message, "change its readers first")
    for name in _lost_sketches(seen):
        message = f"{seen.subject}: version {seen.new.version} keeps no sketch of {name}"
        yield Found(seen.new.at, f"{seen.subject}_sketch.{name}", message, "change its readers first")


def _has_percentiles(aggregate: Aggregate) -> bool:
    return any(measure.kind is MeasureKind.PERCENTILE for measure in aggregate.measures)


def _view_column_retyped(seen: Aggregates) -> Iterator[Found]:
    olds = _view(seen.old)
    for name, kind in _view(seen.new).items():
        if olds.get(name, kind) != kind:
            message = f"{seen.subject}: version {seen.new.version} makes column {name}, which was {olds[name]}, {kind}"
            yield Found(seen.new.at, f"{seen.subject}.{name}", message, "change its readers first")


def _view(aggregate: Aggregate) -> dict[str, str]:
    """Return the columns of the public view, with their types as :func:`_types` has them."""
    return {aggregate.bucket_name: "a time", **_types(aggregate)}


def _version_unneeded(seen: Aggregates) -> Iterator[Found]:
    old, new = data_of(seen.catalogs.old, *seen.old.sources), data_of(seen.catalogs.new, *seen.new.sources)
    if meaning(seen.old) == meaning(seen.new) and old == new:
        message = f"{seen.subject}: version is now {seen.new.version}, and neither it nor what it reads changed"
        fix = "raise a version with the change that needs it: a new one is computed from all rows"
        yield Found(seen.new.at, seen.subject, message, fix)


NEW_VERSION_RULES: Final[dict[str, Rule[Aggregates]]] = {
    "view-column-removed": Rule(
        _view_column_removed,
        Severity.WARNING,
        "The new version of an aggregate has a column less. The view keeps its name, so its readers break.",
    ),
    "view-column-retyped": Rule(
        _view_column_retyped,
        Severity.WARNING,
        "The new version of an aggregate has another type for a column. The view keeps its name.",
    ),
    "aggregate-version-unneeded": Rule(
        _version_unneeded,
        Severity.NOTE,
        "The version of an aggregate was raised, and neither the aggregate nor the events that it reads changed.",
    ),
}
"""Rules about versions that were raised."""
