"""Filters on dimensions: the catalog's conditions, which are false of a dimension without a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.model.errors import QueryArgumentError
from adi_analytics.query.model.text import checked

if TYPE_CHECKING:
    from adi_analytics.query.model.describe import Aggregate, Dimension

_COMPARISONS: Final = ("eq", "ne", "lt", "lte", "gt", "gte")
OPERATORS: Final = (*_COMPARISONS, "in", "exists")
_UNORDERED: Final = frozenset({"bool", "uuid"})


@dataclass(frozen=True, slots=True)
class Test:
    """A condition over the column of a dimension. It is not true where there is no value, but for ``missing``.

    Attributes:
        column: The dimension.
        type: Its type.
        operator: One of :data:`OPERATORS`, or ``missing``, the contrary of ``exists``.
        values: The operands, as `adi_analytics.query.model.text.checked` writes them.
    """

    __test__ = False  # no test of pytest

    column: str
    type: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """What rows are read.

    Attributes:
        given: Dimension to operator to value, as asked.
        tests: Conditions, all of which must hold.
        pinned: Dimensions that have one value in every row that passes.
    """

    given: dict[str, dict[str, Any]]
    tests: tuple[Test, ...]
    pinned: frozenset[str]


def filters_of(given: Any, aggregate: Aggregate) -> Filters:
    """Return what *given* lets through.

    Args:
        given: Dimension to a value, a list of values, ``None`` (without a value), or a mapping of operators to values.
        aggregate: Whose dimensions they are.

    Raises:
        QueryArgumentError: If a dimension or operator is unknown, or a value is not of the dimension's type.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise QueryArgumentError(
            "filters", f"{type(given).__name__} is no mapping", "Expected such as {'service': 'api'}."
        )
    spelled = {str(key): _spelled(entry) for key, entry in given.items()}
    tests: list[Test] = []
    pinned: set[str] = set()
    for key, entry in spelled.items():
        dimension = aggregate.dimension(key, "filters")
        tests += [_test(dimension, operator, operand) for operator, operand in entry.items()]
        if _pins(entry):
            pinned.add(key)
    return Filters(spelled, tuple(tests), frozenset(pinned))


def _spelled(entry: Any) -> dict[str, Any]:
    """Return the long form of what was given for a dimension."""
    if isinstance(entry, Mapping):
        return {str(operator): operand for operator, operand in entry.items()}
    if entry is None:
        return {"exists": False}
    return {"in": list(entry)} if isinstance(entry, list | tuple | set | frozenset) else {"eq": entry}


def _pins(entry: dict[str, Any]) -> bool:
    return "eq" in entry or entry.get("exists") is False or ("in" in entry and len(entry["in"]) == 1)


def _test(dimension: Dimension, operator: str, operand: Any) -> Test:
    if operator == "exists":
        if not isinstance(operand, bool):
            raise _wrong(dimension, operator, "True or False")
        return Test(dimension.name, dimension.type, "exists" if operand else "missing")
    if operator == "in":
        if not isinstance(operand, list | tuple | set | frozenset) or not operand:
            raise _wrong(dimension, operator, "a list with at least one value")
        values = tuple(_value(dimension, operator, one) for one in operand)
        return Test(dimension.name, dimension.type, operator, values)
    if operator not in _COMPARISONS:
        raise QueryArgumentError(
            "filters", f"{dimension.name} has the unknown operator {operator!r}", f"Known: {', '.join(OPERATORS)}."
        )
    if operator not in {"eq", "ne"} and dimension.type in _UNORDERED:
        raise _wrong(dimension, operator, f"eq, ne, in or exists: values of the type {dimension.type} have no order")
    return Test(dimension.name, dimension.type, operator, (_value(dimension, operator, operand),))


def _value(dimension: Dimension, operator: str, operand: Any) -> str:
    try:
        return checked(operand, dimension.type)
    except ValueError as error:
        expected = "a text of Unicode" if isinstance(error, UnicodeError) else str(error)
        raise _wrong(dimension, operator, expected) from None


def _wrong(dimension: Dimension, operator: str, expected: str) -> QueryArgumentError:
    return QueryArgumentError("filters", f"{dimension.name} has a wrong operand of {operator}", f"Expected {expected}.")
