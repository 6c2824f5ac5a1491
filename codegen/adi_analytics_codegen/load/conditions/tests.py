"""The tests of a ``where``: from nodes to the model, and the ways in which a row can pass them."""

from __future__ import annotations

from itertools import chain, islice, product
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.kinds import Operator
from adi_analytics_codegen.model.questions.aggregates import EVENT, Choice, Condition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.questions.aggregates import Test

ANY: Final = "$any"
ALL: Final = "$all"
NOT: Final = "$not"
"""Keys of a ``where`` that hold tests. No field is called so."""

_MOST_WAYS: Final = 1000
"""More ways than this are not looked at, so that no catalog takes long to check."""
_OPPOSITES: Final = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.LT: Operator.GTE,
    Operator.LTE: Operator.GT,
    Operator.GT: Operator.LTE,
    Operator.GTE: Operator.LT,
}


def built(where: Node | None) -> tuple[Test, ...]:
    """Return the tests that *where* states, in the form that all of its spellings share."""
    return tuple(test for name, node in entries(where) for test in built_entry(name, node))


def built_entry(name: str, node: Node) -> tuple[Test, ...]:
    """Return the tests that one entry of a ``where`` states."""
    if name == NOT:
        return (Choice((built(node),), node.key_at, negated=True),)
    if name == ANY:
        branches = tuple(built(group) for group in node.items)
        return (Choice(branches, node.key_at),) if len(branches) > 1 else tuple(chain(*branches))
    return tuple(condition(name, op, operand) for op, operand in operators(node))


def entries(where: Node | None) -> list[tuple[str, Node]]:
    """Return the entries of *where*, and in place of ``$all`` those of its groups."""
    found: list[tuple[str, Node]] = []
    for name, node in where.mapping.items() if where is not None else ():
        found += [(name, node)] if name != ALL else [entry for group in node.items for entry in entries(group)]
    return found


def operators(node: Node) -> list[tuple[Operator, Node]]:
    """Return the operators of one entry of a ``where``, each with its operand."""
    if isinstance(node.value, dict):
        return [(Operator(op), operand) for op, operand in node.value.items()]
    return [(Operator.IN if isinstance(node.value, list) else Operator.EQ, node)]


def condition(name: str, op: Operator, operand: Node) -> Condition:
    """Return a test in the form that all of its spellings share, so that rewording it changes nothing."""
    value = operand.plain()
    if isinstance(value, list):
        value = tuple(sorted(set(value), key=lambda one: (str(type(one)), one)))
        op, value = (Operator.EQ, value[0]) if len(value) == 1 else (op, value)
    return Condition(name, op, value, operand.at)


def ways(where: Iterable[Test]) -> list[tuple[Condition, ...]] | None:
    """Return every way to pass *where*, each as conditions that must all hold; ``None`` when there are too many.

    A condition fails where the value is missing, so its opposite has two ways: no value, or a value that fails it.
    The opposite of ``prefix`` has no operator: it is a prefix with a tuple, with none of which the value begins.
    """
    found = list(islice(_ways(where), _MOST_WAYS + 1))
    return None if len(found) > _MOST_WAYS else found


def _ways(where: Iterable[Test]) -> Iterator[tuple[Condition, ...]]:
    """Yield the ways to pass all of *where*: one way of each test, in every combination."""
    options = [list(islice(_of_test(test), _MOST_WAYS + 1)) for test in where]
    for chosen in product(*options):
        yield tuple(one for way in chosen for one in way)


def _of_test(test: Test) -> Iterator[tuple[Condition, ...]]:
    if not isinstance(test, Choice):
        yield (test,)
    elif test.negated:
        yield from _ways([Choice(tuple((one,) for one in _opposites(branch)), test.at) for branch in test.branches])
    else:
        for branch in test.branches:
            yield from _ways(branch)


def _opposites(branch: Iterable[Test]) -> Iterator[Test]:
    """Yield the tests of which one holds exactly where *branch* fails."""
    for test in branch:
        if isinstance(test, Choice):
            yield Choice(test.branches, test.at, negated=not test.negated)
        else:
            yield from _opposite(test)


def _opposite(test: Condition) -> Iterator[Test]:
    if test.op is Operator.EXISTS:
        yield Condition(test.field, Operator.EXISTS, not test.value, test.at)
        return
    if test.field != EVENT:
        yield Condition(test.field, Operator.EXISTS, value=False, at=test.at)
    if test.op is Operator.IN:
        unequal = tuple(Condition(test.field, Operator.NE, value, test.at) for value in test.value)
        yield Choice((unequal,), test.at)
    elif test.op is Operator.PREFIX:
        yield Condition(test.field, Operator.PREFIX, (test.value,), test.at)
    else:
        yield Condition(test.field, _OPPOSITES[test.op], test.value, test.at)
