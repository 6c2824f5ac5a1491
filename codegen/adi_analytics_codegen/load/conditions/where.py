"""What an aggregate reads: the types of fields over its events, and the tests of its ``where``."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.load.conditions.possible import Values, day_of, decimal_of, decimal_text, time_of
from adi_analytics_codegen.load.conditions.tests import (
    ANY,
    NOT,
    built,
    built_entry,
    condition,
    entries,
    operators,
    ways,
)
from adi_analytics_codegen.model.fields import Field
from adi_analytics_codegen.model.kinds import FieldType, Operator, Store
from adi_analytics_codegen.model.questions.aggregates import COLUMN_REFERENCES, EVENT, USER_ID, Choice, Condition
from adi_analytics_codegen.model.readers import lets_through
from adi_analytics_codegen.model.rows.wire import path_at
from adi_analytics_codegen.model.text.naming import did_you_mean
from adi_analytics_codegen.model.walk import field_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Enum, Location
    from adi_analytics_codegen.model.questions.aggregates import Test

_COLUMNS: Final = (*COLUMN_REFERENCES, EVENT)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ORDERED: Final = frozenset(
    {FieldType.INT, FieldType.FLOAT, FieldType.DECIMAL, FieldType.STRING, FieldType.DATETIME, FieldType.DATE}
)
_ORDERING: Final = frozenset({Operator.LT, Operator.LTE, Operator.GT, Operator.GTE})
_PYTHON_TYPES: Final[dict[FieldType, tuple[tuple[type, ...], str]]] = {
    FieldType.INT: ((int,), "a whole number"),
    FieldType.FLOAT: ((int, float), "a number"),
    FieldType.BOOL: ((bool,), "true or false"),
    FieldType.STRING: ((str,), "a string"),
    FieldType.ENUM: ((str,), "a string"),
    FieldType.UUID: ((str,), "a uuid"),
    FieldType.DATETIME: ((str,), "a time that exists, such as 2026-01-31T12:00:00Z"),
    FieldType.DATE: ((str,), "a day that exists, such as 2026-01-31"),
    FieldType.DECIMAL: ((int, float, str), 'a number, or its digits as a text, such as "12.50"'),
}
_READ_AS: Final[dict[FieldType, Callable[[Any], Any]]] = {
    FieldType.DATETIME: time_of,
    FieldType.DATE: day_of,
    FieldType.DECIMAL: decimal_of,
}
_TEXTS: Final = frozenset({FieldType.STRING, FieldType.ENUM})
_NAMING: Final = frozenset({Operator.EQ, Operator.NE, Operator.IN})


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads fields of the events *sources*, on behalf of the aggregate or measure *subject*.

    Attributes:
        given: Tests that the rows have passed already.
    """

    context: Context
    events: dict[str, Event]
    enums: dict[str, Enum]
    sources: tuple[str, ...]
    subject: str
    given: tuple[Test, ...] = ()

    def narrowed(self, node: Node, subject: str) -> Reader:
        """Return a reader of only the events that the ``where`` of *node* lets through."""
        return replace(self._passing(built(node.get("where"))), subject=subject)

    def _passing(self, tests: tuple[Test, ...]) -> Reader:
        """Return a reader of only the events that *tests* let through."""
        return replace(self, sources=tuple(name for name in self.sources if lets_through(tests, name)))

    def _column_type(self, name: str) -> FieldType:
        return self.context.user_id if name == USER_ID else FieldType.STRING

    def type_of(self, name: str, at: Location) -> FieldType | None:
        """Return the type of what *name* refers to in every event read, or ``None`` after a finding."""
        if name in _COLUMNS:
            return self._column_type(name)
        found = self.fields(name, at)
        if any(one.at in self.context.broken for one in found.values()):
            return None
        types = {one.type: source for source, one in found.items()}
        if len(types) > 1:
            types_text = ", ".join(f"{kind} in {source}" for kind, source in types.items())
            self._error(
                at, "aggregate-field-type", f'field "{name}" is {types_text}', "narrow it to events with one type"
            )
            return None
        return next(iter(types), None)

    def fields(self, name: str, at: Location) -> dict[str, Field]:
        """Return the field called *name* of every event read; none after a finding."""
        found: dict[str, Field] = {}
        for source in self.sources:
            one = _dotted(self.events[source].fields, name.split("."))
            if one is None:
                known = sorted({f.name for source in self.sources for f in self.events[source].fields})
                near = _of_items(self.events[source].fields, name)
                near = near or (did_you_mean(name, known) if name not in known else "")
                fix = near or "narrow it with where: {event: ...}, or remove the event from the sources"
                self._error(at, "aggregate-field", f'event {source} has no field "{name}"', fix)
                return {}
            if one.store is Store.DROP:
                self._error(at, "aggregate-unstored", f'field "{name}" of {source} is not stored', "read another field")
                return {}
            found[source] = one
        return found if self._have_one_key(name, found, at) else {}

    def _have_one_key(self, name: str, found: dict[str, Field], at: Location) -> bool:
        """Whether *name* has the same path of keys in every event of *found*; report it if not."""
        paths = {path_at(self.events[source].fields, name): source for source in found}
        if len(paths) > 1:
            texts = ", ".join(f'"{path}" of {source}' for path, source in paths.items())
            fix = "narrow it to events with one wire name, or give the field one wire name"
            self._error(at, "aggregate-field-wire", f'field "{name}" is {texts} in JSON', fix)
        return len(paths) <= 1

    def where(self, node: Node) -> tuple[Test, ...]:
        """Return the tests of the ``where`` of *node*."""
        where = node.get("where")
        if where is not None:
            self._check_tests(where)
        return self._spelled(built(where))

    def _spelled(self, tests: tuple[Test, ...]) -> tuple[Test, ...]:
        """Return *tests* in one spelling for each meaning that depends on the types of the fields."""
        reader = self._passing(tests)
        return tuple(
            replace(test, branches=tuple(map(reader._spelled, test.branches)))  # noqa: SLF001 - the same class
            if isinstance(test, Choice)
            else _spelled(test, reader._kind(test.field))  # noqa: SLF001 - the same
            for test in tests
        )

    def _kind(self, name: str) -> FieldType | None:
        """Return the type of *name* in the first event read that has it."""
        fields = (_dotted(self.events[source].fields, name.split(".")) for source in self.sources)
        return next((field.type for field in fields if field is not None), None)

    def _check_tests(self, where: Node) -> None:
        """Report the tests of *where* that make no sense, and when no row can pass them all."""
        tests = built(where)
        before = len(self.context.findings.items)
        stated = entries(where)
        for name, node in stated:
            if name in {ANY, NOT}:
                others = tuple(test for entry in stated if entry[1] is not node for test in built_entry(*entry))
                reader = replace(self._passing(others), given=(*self.given, *others))
                for group in node.items if name == ANY else [node]:
                    reader._check_tests(group)  # noqa: SLF001 - a reader of its own
            else:
                self._check_test(name, node, tests)
        if tests and len(self.context.findings.items) == before:
            self._passing(tests).check_passable(tests)

    def check_passable(self, tests: tuple[Test, ...]) -> None:
        """Report *tests* that no row can pass."""
        if not self.sources:
            self._error(tests[0].at, "where-never", "none of the events passes", "change the test of event")
            return
        found = ways((*self.given, *tests))
        if found is None or any(self._can_pass(way) for way in found):
            return
        open_to = [(source, way) for way in found for source in self.sources if lets_through(way, source)]
        if len({id(way) for _, way in open_to}) == 1:
            self._report_never(*open_to[0])
        else:
            message = "no row passes: whichever way through $any and $not it takes, another test fails"
            self._error(tests[-1].at, "where-never", message, "change a test, or remove it")

    def _can_pass(self, way: tuple[Condition, ...]) -> bool:
        return any(lets_through(way, source) and not self._blocking(source, way) for source in self.sources)

    def _report_never(self, source: str, way: tuple[Condition, ...]) -> None:
        blocking = self._blocking(source, way)
        name = next(test.field for test in reversed(way) if test.field in blocking)
        at = next(test.at for test in reversed(way) if test.field == name)
        tests = ", ".join(f"{test.op}: {_shown(test.value)}" for test in way if test.field == name)
        limits = self._values(source, name)
        states = f" has {limits.limits} and" if limits is not None and limits.limits else ""
        message = f'no row passes: "{name}"{states} is tested with {tests}'
        self._error(at, "where-never", message, "change a test, or remove it")

    def _blocking(self, source: str, conditions: Iterable[Condition]) -> list[str]:
        """Return the fields of which no value in *source* passes all *conditions* on it."""
        by_name: defaultdict[str, list[Condition]] = defaultdict(list)
        for test in conditions:
            if test.field != EVENT:
                by_name[test.field].append(test)
        return [
            name
            for name, tests in by_name.items()
            if (values := self._values(source, name)) is not None and not values.pass_(tests)
        ]

    def _values(self, source: str, name: str) -> Values | None:
        """Return the values that *name* can have in *source*, or ``None`` where they are not known."""
        if name in _COLUMNS:
            return Values(self._column_type(name))
        field = _dotted(self.events[source].fields, name.split("."))
        if field is None or field.at in self.context.broken or field.store is not Store.KEEP:
            return None
        return Values(field.type, field, self.enums.get(field.enum or ""))

    def _check_test(self, name: str, node: Node, tests: tuple[Test, ...]) -> None:
        """Report what is wrong with one entry of a ``where`` whose tests are *tests*."""
        if name not in _COLUMNS and not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", name):
            self._error(node.key_at, "unknown-reference", f'"{name}" is no field', did_you_mean(name, _COLUMNS))
            return
        reader = self if name == EVENT else self._passing(tests)
        kind = reader.type_of(name, node.key_at)
        if kind is not None:
            for op, operand in operators(node):
                reader._check(condition(name, op, operand), kind, operand)  # noqa: SLF001 - the same class

    def _check(self, condition: Condition, kind: FieldType, operand: Node) -> None:
        """Report a test that does not fit the type of what it tests."""
        if condition.op is Operator.EXISTS:
            if condition.field == EVENT:
                self._error(operand.at, "where-operator", "every row has an event", "name the events")
            return
        if kind not in _PYTHON_TYPES:
            fix = "use exists, or test a field inside it"
            self._error(operand.at, "where-operator", f'"{condition.field}" is {kind} and cannot be compared', fix)
            return
        if condition.op in _ORDERING and (kind not in _ORDERED or condition.field == EVENT):
            message = f'"{condition.field}" is {kind}, which has no order'
            self._error(operand.at, "where-operator", message, "use eq, ne or in")
        if condition.op is Operator.PREFIX and (kind not in _TEXTS or condition.field == EVENT):
            message = f'"{condition.field}" is {kind}, which has no prefix'
            self._error(operand.at, "where-operator", message, "use eq, ne or in")
            return
        for value in operand.items if isinstance(operand.value, list) else [operand]:
            self._check_value(condition.field, kind, value, condition.op)

    def _check_value(self, name: str, kind: FieldType, node: Node, op: Operator) -> None:
        types, word = _PYTHON_TYPES[kind]
        value: Any = node.value
        fits = isinstance(value, types) and (kind is FieldType.BOOL or not isinstance(value, bool))
        if kind is FieldType.UUID:
            fits = fits and _UUID.fullmatch(node.text) is not None
        if kind in _READ_AS:
            fits = fits and _READ_AS[kind](value) is not None
        if not fits:
            message = f'"{name}" is {kind} and never {_shown(value)}'
            self._error(node.at, "where-type", message, f"compare it with {word}")
        elif name == EVENT:
            self._check_event(node)
        elif name not in _COLUMNS:
            self._check_possible(name, node, op)

    def _check_event(self, node: Node) -> None:
        if node.text not in self.sources:
            fix = did_you_mean(node.text, self.sources) or "add it to from"
            self._error(node.at, "unknown-event", f'"{node.text}" is none of the events that this reads', fix)

    def _check_possible(self, name: str, node: Node, op: Operator) -> None:
        """Report a value that the field cannot have, in any of the events."""
        if any(field.store is Store.HASH for field in self.fields(name, node.at).values()):
            message = f'"{name}" is stored as a keyed hash, which equals no value'
            self._error(node.at, "aggregate-unstored", message, "test another field")
        known = [self._values(source, name) for source in self.sources]
        values = [one for one in known if one is not None]
        if op in _NAMING and values and not any(one.include(node.value) for one in values):
            names = [value.name for one in values if one.enum for value in one.enum.values]
            fix = did_you_mean(str(node.value), names) if names else f"it has {values[0].limits}"
            self._error(node.at, "where-never", f'"{name}" is never {_shown(node.value)}', fix)

    def _error(self, at: Location, rule: str, message: str, fix: str) -> None:
        self.context.error(at, rule, message, fix, self.subject)


def _dotted(fields: Iterable[Field], path: list[str]) -> Field | None:
    """Return the field at *path*, which leads through objects; an unstored object has no stored fields."""
    found = next((field for field in fields if field.name == path[0]), None)
    if found is None or len(path) == 1:
        return found
    inner = _dotted(found.fields, path[1:])
    return found if inner is not None and found.store is Store.DROP else inner


def _of_items(fields: Iterable[Field], name: str) -> str:
    """Return how to read the field *name* if it is one of the items of a list, or nothing."""
    parts = name.split(".")
    for size in range(1, len(parts)):
        path = ".".join(parts[:size])
        found = _dotted(fields, parts[:size])
        if found is not None and found.type is FieldType.LIST and field_at(fields, name) is not None:
            return f"{path} is a list: read its items in an aggregate with each: {path}"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _spelled(condition: Condition, kind: FieldType | None) -> Condition:
    """Return *condition* with decimals as their digits: 9.5, "9.50" and 9.500 are one."""
    if kind is not FieldType.DECIMAL or condition.op is Operator.EXISTS:
        return condition
    several = isinstance(condition.value, tuple)
    digits = [decimal_of(value) for value in (condition.value if several else (condition.value,))]
    if None in digits:
        return condition  # which is reported already
    first, *others = sorted({decimal_text(one) for one in digits if one is not None})
    if others:
        return replace(condition, value=(first, *others))
    return replace(condition, op=Operator.EQ if several else condition.op, value=first)
