"""Computed values: what a ``sum`` or ``avg`` reduces, when it is more than a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.kinds import FieldType, MeasureKind
from adi_analytics_codegen.model.questions.aggregates import Term, in_order
from adi_analytics_codegen.model.text.arithmetic import ArithmeticTextError, polynomial

if TYPE_CHECKING:
    from adi_analytics_codegen.load.conditions.where import Reader
    from adi_analytics_codegen.load.source.yaml import Node

NUMBERS: Final = frozenset({FieldType.INT, FieldType.FLOAT, FieldType.DECIMAL})
SCALARS: Final = frozenset(FieldType) - {FieldType.LIST, FieldType.OBJECT, FieldType.MAP, FieldType.JSON}
_TYPES: Final = {
    MeasureKind.SUM: NUMBERS,
    MeasureKind.AVG: NUMBERS,
    MeasureKind.PERCENTILE: NUMBERS,
    MeasureKind.MIN: SCALARS,
    MeasureKind.MAX: SCALARS,
    MeasureKind.DISTINCT: SCALARS,
    MeasureKind.FIRST: SCALARS,
    MeasureKind.LAST: SCALARS,
}


@dataclass(frozen=True, slots=True)
class Value:
    """What a measure reduces of each row, as :class:`Measure` has it."""

    of: str | None = None
    type: FieldType | None = None
    times: tuple[tuple[str, FieldType], ...] = ()
    terms: tuple[Term, ...] = ()


def value(kind: MeasureKind, node: Node, reader: Reader) -> Value | None:
    """Return what a measure of *kind* reduces, which *node* says; ``None`` after a finding that leaves nothing."""
    if kind is MeasureKind.COUNT:
        return Value()
    if not isinstance(node.value, dict):
        return Value(node.text, _type(kind, node.text, node, reader))
    product = node.list("product")
    if product:
        (first, type_), *times = [(one.text, _type(kind, one.text, one, reader)) for one in product]
        return Value(first, type_, tuple((name, other or FieldType.INT) for name, other in times))
    of = node.get("of")
    return None if of is None else _expression(kind, of, reader)


def _expression(kind: MeasureKind, node: Node, reader: Reader) -> Value | None:
    try:
        found = polynomial(node.text)
    except ArithmeticTextError as problem:
        message = f'"{node.text}" is not understood: {problem}'
        reader.context.error(node.at, "measure-value", message, problem.fix, reader.subject)
        return None
    names = dict.fromkeys(name for _, names in found for name in names)
    types = {name: _type(kind, name, node, reader) or FieldType.INT for name in names}
    terms = in_order(Term(factor, tuple((name, types[name]) for name in names)) for factor, names in found)
    (of, type_), *times = terms[0].fields
    if len(terms) == 1 and terms[0].factor == "1":
        return Value(of, type_, tuple(times))
    return Value(of, type_, terms=terms)


def _type(kind: MeasureKind, name: str, node: Node, reader: Reader) -> FieldType | None:
    """Return the type of *name*, which *node* says; a finding where *kind* can't be taken of it."""
    type_ = reader.type_of(name, node.at)
    if type_ is not None and type_ not in _TYPES[kind]:
        message = f'{kind} cannot be taken of "{name}", which is {type_}'
        fix = f"use a field of type {', '.join(sorted(_TYPES[kind]))}"
        reader.context.error(node.at, "measure-type", message, fix, reader.subject)
    return type_
