"""Sentences about events, fields, enum values and the columns of aggregates, the same in every language."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Sensitivity, Status, Store
from adi_analytics_codegen.model.questions.aggregates import Choice
from adi_analytics_codegen.model.rules import RuleKind
from adi_analytics_codegen.model.text.durations import duration_text
from adi_analytics_codegen.model.text.formats import WORDS
from adi_analytics_codegen.model.text.patterns import portable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Deprecation, EnumValue, Field
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Measure, Ratio, Test
    from adi_analytics_codegen.model.rules import FieldRule

_STORED: Final = {Store.KEEP: "stored as it is", Store.HASH: "stored as a keyed hash", Store.DROP: "not stored"}
_NOTES: Final = {
    FieldType.UUID: "A uuid.",
    FieldType.INT: "A whole number.",
    FieldType.DATETIME: "A time, RFC 3339.",
    FieldType.DATE: "A day, YYYY-MM-DD.",
    FieldType.DECIMAL: "A decimal number.",
}
_OPERATORS: Final = {
    "eq": "=",
    "ne": "<>",
    "in": "in",
    "lt": "<",
    "lte": "<=",
    "gt": ">",
    "gte": ">=",
    "prefix": "begins with",
}


def class_text(event: Event, show: Callable[[str], str] = str) -> str:
    """Return what a reader should know about *event*, in paragraphs; *show* writes the names of fields in its rules."""
    parts = [sentence(event.description)]
    if event.status is not Status.STABLE:
        parts.append(deprecation_text(event.status.capitalize(), event.deprecated))
    if event.rules:
        parts.append(" ".join(rule_text(rule, show) for rule in event.rules))
    if event.owner:
        parts.append(f"Owner: {event.owner}.")
    return "\n\n".join(parts)


def rule_text(rule: FieldRule, show: Callable[[str], str]) -> str:
    """Return what *rule* asks for, as a sentence; *show* writes the names of fields."""
    first, *others = map(show, rule.fields)
    if rule.kind is RuleKind.REQUIRES:
        return f"Where {first} is present, {_listed(others)} must be, too."
    count = "Exactly one" if rule.kind is RuleKind.EXACTLY_ONE_OF else "At least one"
    return f"{count} of {_listed([first, *others])} must be present."


def broken_rule_text(rule: FieldRule, event: Event) -> str:
    """Return what to say of JSON that breaks *rule* of *event*: the rule and the keys, never a value."""
    keys = {field.name: field.key for field in event.fields}
    return f"Breaks the rule {rule.kind}: {rule_text(rule, keys.__getitem__)}"


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def field_text(field: Field) -> str:
    """Return what a reader should know about *field*, as sentences on one line."""
    parts = [sentence(field.description)] if field.description else []
    if field.unit:
        parts.append(f"Unit: {field.unit}.")
    if field.sensitivity is not Sensitivity.NONE or field.store is not Store.KEEP:
        parts.append(f"Sensitivity: {field.sensitivity}, {_STORED[field.store]}.")
    if field.deprecated is not None:
        parts.append(deprecation_text("Deprecated", field.deprecated))
    return " ".join(parts)


def decimal_text(field: Field) -> str:
    """Return how many digits a decimal has, as a sentence."""
    return f"Up to {field.precision} digits, {field.scale} of them after the point."


def wire_text(thing: Event | Field) -> str:
    """Return what *thing* is called in JSON, as a sentence; nothing where it has no other name there."""
    return "" if thing.wire is None else f"In JSON: {thing.wire}."


def enum_value_text(value: EnumValue) -> str:
    """Return what a reader should know about *value*, as sentences on one line."""
    parts = [sentence(value.description)] if value.description else []
    if value.deprecated is not None:
        parts.append(deprecation_text("Deprecated", value.deprecated))
    return " ".join(parts)


def deprecation_text(word: str, deprecation: Deprecation | None) -> str:
    """Return *word* with the reason and the replacement."""
    reason = f": {deprecation.reason.rstrip('.')}." if deprecation and deprecation.reason else "."
    instead = f" Use {deprecation.replaced_by}." if deprecation and deprecation.replaced_by else ""
    return f"{word}{reason}{instead}"


def field_notes(field: Field) -> str:
    """Return what a reader should know about *field* and its values, except for a deprecation, on one line."""
    notes = field_text(replace(field, deprecated=None))
    return " ".join(filter(None, [notes, _kind_note(field), *_bounds(field), fixed_text(field)]))


def fixed_text(field: Field, show: Callable[[str], str] = str) -> str:
    """Return the constant or the default of *field*, as a sentence; nothing where it has none."""
    word, value = ("Always", field.const) if field.const is not None else ("Default:", field.default)
    return "" if value is None else f"{word} {show(json.dumps(value, ensure_ascii=False))}."


def _kind_note(field: Field) -> str:
    if field.enum is not None:
        return ""
    return WORDS[field.format] if field.format is not None else _NOTES.get(field.type, "")


def _bounds(field: Field) -> Iterator[str]:
    """Yield the bounds of *field*, and those of the items of a list, as sentences."""
    for least, most, what in (
        (field.min, field.max, ""),
        (field.min_length, field.max_length, "character"),
        (field.min_items, field.max_items, "entry" if field.type is FieldType.MAP else "item"),
    ):
        if least is not None or most is not None:
            yield _range(least, most, what)
    if field.precision is not None:
        yield decimal_text(field)
    if field.pattern is not None and field.format is None:
        yield f"Matches `{portable(field.pattern)}`."
    if field.items is not None and field.items.type is not FieldType.OBJECT:
        notes = [_kind_note(field.items), *_bounds(field.items)]
        if any(notes):
            each = "value" if field.type is FieldType.MAP else "item"
            yield f"Each {each}: {' '.join(filter(None, notes))}"


def _range(least: float | None, most: float | None, what: str) -> str:
    words = f"{least} to {most}" if least is not None and most is not None else ""
    words = words or (f"At least {least}" if most is None else f"At most {most}")
    if (most if most is not None else least) != 1:
        what = "entries" if what == "entry" else f"{what}s" if what else ""
    return f"{words} {what}." if what else f"{words}."


def sentence(text: str) -> str:
    """Return *text* with a full stop."""
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?", ":")) else f"{stripped}."


def measure_text(measure: Measure, show: Callable[[str], str] = str) -> str:
    """Return how *measure* is computed, in words; *show* writes the names and values in it."""
    of = value_text(measure, show)
    words = {
        MeasureKind.COUNT: "number of rows",
        MeasureKind.SUM: f"sum of {of}",
        MeasureKind.AVG: f"average of {of}",
        MeasureKind.MIN: f"smallest {of}",
        MeasureKind.MAX: f"largest {of}",
        MeasureKind.PERCENTILE: f"percentile {measure.quantile} of {of}",
        MeasureKind.DISTINCT: f"number of different {of}",
    }
    told = words.get(measure.kind, f"{measure.kind} {of}")
    if measure.trailing is not None:
        told += f" over the last {duration_text(measure.trailing)}"
    if measure.mergeable:
        told += ", over longer ranges by its sketch"
    return f"{told} where {where_text(measure.where, show)}" if measure.where else told


def value_text(measure: Measure, show: Callable[[str], str] = str) -> str:
    """Return what *measure* reduces, as arithmetic; *show* writes the names in it."""
    told = ""
    for part in measure.parts:
        factor = part.factor.removeprefix("-")
        factors = [*([factor] if factor != "1" or not part.fields else []), *(show(name) for name, _ in part.fields)]
        sign = "-" if part.factor.startswith("-") else "+"
        told += (f" {sign} " if told else sign.strip("+")) + " * ".join(factors)
    return told


def ratio_text(ratio: Ratio, aggregate: Aggregate, show: Callable[[str], str] = str) -> str:
    """Return how *ratio* of *aggregate* is computed; *show* writes the names in it."""
    numerator, denominator = (" + ".join(map(show, side)) for side in (ratio.numerator, ratio.denominator))
    distinct = {measure.name for measure in aggregate.measures if measure.kind is MeasureKind.DISTINCT}
    fixed = not distinct.isdisjoint((*ratio.numerator, *ratio.denominator))
    note = "; of different values, so it cannot be computed for longer ranges" if fixed else ""
    return f"({numerator}) / ({denominator}){note}"


def where_text(where: tuple[Test, ...], show: Callable[[str], str] = str) -> str:
    """Return which rows pass *where*, in words; *show* writes the names and values in it."""
    return " and ".join(_test(test, show) for test in where)


def _test(condition: Test, show: Callable[[str], str]) -> str:
    if isinstance(condition, Choice):
        branches = " or ".join(where_text(branch, show) for branch in condition.branches)
        return f"{'not ' if condition.negated else ''}({branches})"
    name = show(condition.field)
    if condition.op == "exists":
        return f"{name} is {'present' if condition.value else 'absent'}"
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    shown = ", ".join(show(str(value).lower() if isinstance(value, bool) else str(value)) for value in values)
    return f"{name} {_OPERATORS[condition.op]} {shown}"
