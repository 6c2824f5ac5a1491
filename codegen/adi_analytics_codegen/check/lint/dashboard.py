"""Lints about the dashboard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.check.lint.rule import Found, Lint
from adi_analytics_codegen.model.dashboard import NumberFormat
from adi_analytics_codegen.model.rows.results import REVEALING, of_dimension, of_measure, of_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.dashboard import ShownSection

_COUNTED: Final = frozenset({"count", "distinct"})
_NUMBERS: Final = frozenset({"int", "float", "decimal"})
_NO_NUMBER: Final = "no number"
_FITTING: Final = {
    NumberFormat.DURATION: (re.compile("us|ms|s|seconds|min|minutes|h|hours"), "a unit of time, such as ms"),
    NumberFormat.BYTES: (re.compile("B|bytes?"), "the unit bytes"),
    NumberFormat.CURRENCY: (re.compile("[A-Z]{3}"), "a currency as its unit, such as EUR"),
}

Asked = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of an aggregate, and what can be asked of it by name."""

    shown: ShownSection
    measures: Asked
    dimensions: Asked

    @property
    def subject(self) -> str:
        """The section's path."""
        return f"dashboard.{self.shown.name}"


def sections_of(catalog: Catalog) -> Iterator[Section]:
    """Yield the sections of aggregates that the catalog says something of."""
    named = {section.name: section for section in catalog.dashboard.sections}
    for aggregate in catalog.aggregates:
        if aggregate.name in named:
            measures = [of_measure(catalog, aggregate, one) for one in aggregate.measures]
            measures += map(of_ratio, aggregate.derived)
            dimensions = [of_dimension(catalog, aggregate, one) for one in aggregate.dimensions]
            yield Section(named[aggregate.name], _by_name(measures), _by_name(dimensions))


def _by_name(found: list[dict[str, Any]]) -> Asked:
    return {one["name"]: one for one in found}


def _mixed_units(section: Section, _loaded: Loaded) -> Iterator[Found]:
    measures = section.measures
    for panel in section.shown.panels:
        axes = {_axis(measures[name], measures): name for name in panel.measures}
        if _NO_NUMBER in axes:
            message = f"{axes[_NO_NUMBER]} is no number to draw: the table of its section shows it"
            yield panel.at, section.subject, message, "leave it out"
        elif len(axes) > 1:
            shown = " and ".join(f"{name} ({axis})" for axis, name in axes.items())
            message = f"a chart has one axis, and this one would have {shown}"
            yield panel.at, section.subject, message, "make a panel of each unit"


def _axis(measure: Mapping[str, Any], measures: Asked) -> str:
    """Return in what *measure* is measured."""
    if measure["type"] not in _NUMBERS or measure["kind"] in {"first", "last"}:
        return _NO_NUMBER
    if measure["kind"] == "ratio":
        return "share" if _is_share(measure, measures) else _unit(measure, measures) or "quotient"
    return _unit(measure, measures) or "no unit"


def _is_share(measure: Mapping[str, Any], measures: Asked) -> bool:
    parts = measure["parts"]
    return all(measures[side]["kind"] in _COUNTED for side in (*parts["numerator"], *parts["denominator"]))


def _unit(measure: Mapping[str, Any], measures: Asked) -> str:
    """Return the unit of *measure*; of a ratio that of what is divided by a count."""
    if measure["kind"] != "ratio":
        return measure["unit"] or ""
    units = {measures[side]["unit"] for side in measure["parts"]["numerator"]}
    counted = all(measures[side]["kind"] in _COUNTED for side in measure["parts"]["denominator"])
    return units.pop() or "" if counted and len(units) == 1 else ""


def _format_unfit(section: Section, _loaded: Loaded) -> Iterator[Found]:
    measures = section.measures
    for shown in section.shown.measures:
        needed = "" if shown.format is None else _lacking(shown.format, measures[shown.name], measures)
        if needed:
            message = f"{shown.name} is to be written as {shown.format}, and is not {needed}"
            yield shown.at, f"{section.subject}.{shown.name}", message, "remove format, or use another"


def _lacking(stated: NumberFormat, measure: Mapping[str, Any], measures: Asked) -> str:
    """Return what *measure* would have to be to be written as *stated*; nothing if it is."""
    if _axis(measure, measures) == _NO_NUMBER:
        return "a number"
    unit = _unit(measure, measures)
    if stated is NumberFormat.PERCENT:
        fits = not unit and measure["kind"] not in _COUNTED and measure["type"] != "int"
        return "" if fits else "a ratio or a fraction without a unit"
    fitting = _FITTING.get(stated)
    return "" if fitting is None or fitting[0].fullmatch(unit) else f"of {fitting[1]}"


def _never_shown(section: Section, _loaded: Loaded) -> Iterator[Found]:
    shown = section.shown
    named = [name for panel in shown.panels for name in panel.measures]
    named += [one.name for one in shown.measures if not one.hide]
    found = [section.measures[name] for name in dict.fromkeys(named)]
    found += [section.dimensions[shown.by]] if shown.by else []
    for one in found:
        if one["sensitivity"] in REVEALING:
            message = f"{one['name']} shows values of a {one['sensitivity']} field, which no answer has"
            yield shown.at, f"{section.subject}.{one['name']}", message, "leave it out"


DASHBOARD_LINTS: Final = {
    "mixed-units": Lint(
        _mixed_units, "A panel of the dashboard has measures that cannot share an axis, or that are no numbers."
    ),
    "format-unfit": Lint(_format_unfit, "The dashboard writes a measure in a way that does not fit its unit."),
    "never-shown": Lint(_never_shown, "The dashboard names a measure or dimension whose values no answer shows."),
}
