"""Whether a field can have a value that passes the tests of a ``where``."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model.kinds import FieldType, Operator
from adi_analytics_codegen.model.shown import Shown
from adi_analytics_codegen.model.text.backtracking import is_slow
from adi_analytics_codegen.model.text.formats import MAX_PRECISION, pattern_of
from adi_analytics_codegen.model.text.patterns import in_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adi_analytics_codegen.model.fields import Enum, Field
    from adi_analytics_codegen.model.questions.aggregates import Condition

_INT_MAX: Final = 2**63 - 1
"""Aggregates read whole numbers up to this size."""
_LIMITS: Final = ("min", "max", "min_length", "max_length", "pattern", "precision", "scale", "const")
_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,38})?")
_DATETIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def time_of(text: str) -> datetime | None:
    """Return the time that *text* names, or ``None`` where there is none in the years 1 to 9999 in UTC."""
    if _DATETIME.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day_of(text: str) -> date | None:
    """Return the day that *text* names, or ``None`` where there is none."""
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def decimal_of(value: float | str) -> Decimal | None:
    """Return *value* as a decimal, or ``None`` where it is none. A float is what it is written as: 0.1 is 0.1."""
    try:
        made = Decimal(value if isinstance(value, str) else repr(value))
    except InvalidOperation:
        return None
    written = not isinstance(value, str) or _DECIMAL.fullmatch(value) is not None
    return made if written and made.is_finite() and abs(made.adjusted()) <= MAX_PRECISION else None


def decimal_text(value: Decimal) -> str:
    """Return the one spelling of *value*."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


@dataclass(frozen=True, slots=True, repr=False)
class Values(Shown):
    """The values that a field can have.

    Attributes:
        field: The field, or ``None`` for a column of the events table, which may have any value of its type.
        enum: The enum of the field.
    """

    kind: FieldType
    field: Field | None = None
    enum: Enum | None = None

    @property
    def limits(self) -> str:
        """What the catalog says of them, such as ``max: 10``."""
        has_format = self.field is not None and self.field.format is not None
        names = [name for name in _LIMITS if name != "pattern" or not has_format]
        stated = ((name, getattr(self.field, name, None)) for name in ["format", *names])
        texts = [f"{name}: {value}" for name, value in stated if value is not None]
        return ", ".join([*texts, *([f"enum: {self.enum.name}"] if self.enum else [])])

    @property
    def _constant(self) -> str | int | bool | None:
        return None if self.field is None else self.field.const

    def include(self, value: Any) -> bool:
        """Whether *value*, which has the right type, is among them."""
        if self._constant is not None:
            return bool(value == self._constant)
        if self.enum is not None and not self.enum.open:
            return any(value == known.json for known in self.enum.values)
        if self.kind in {FieldType.INT, FieldType.FLOAT}:
            low, high = self._ends()
            return (low is None or low <= value) and (high is None or value <= high)
        if self.kind is FieldType.DECIMAL:
            pattern = pattern_of(self.field) if self.field is not None else None
            return pattern is None or re.search(in_python(pattern), decimal_text(self._key(value))) is not None
        return self.kind is not FieldType.STRING or self.field is None or _fits(self.field, value)

    def pass_(self, tests: Iterable[Condition]) -> bool:
        """Whether a value, or none where a test asks for none, passes all *tests*."""
        tests = list(tests)
        compared = [test for test in tests if test.op is not Operator.EXISTS]
        present = {test.value for test in tests if test.op is Operator.EXISTS}
        if False in present:
            return not compared and True not in present
        named = [set(map(self._key, _named(test))) for test in compared if test.op in {Operator.EQ, Operator.IN}]
        if self._constant is not None:
            named.append({self._constant})
        elif self.kind is FieldType.BOOL:
            named.append({True, False})
        elif self.enum is not None and not self.enum.open:
            named.append({value.json for value in self.enum.values})
        if named:
            return any(self._passes(value, compared) for value in set.intersection(*named))
        return self._leave_room(compared)

    def _passes(self, value: Any, tests: list[Condition]) -> bool:
        in_order = (test for test in tests if test.op in _COMPARED)
        return self.include(value) and all(_COMPARED[test.op](value, self._key(test.value)) for test in in_order)

    def _leave_room(self, tests: list[Condition]) -> bool:
        """Whether there is a value between all bounds, those of the field and those of *tests*."""
        least, most = self._ends()
        lows = [(least, False)] if least is not None else []
        highs = [(most, True)] if most is not None else []
        for test in tests:
            if test.op in {Operator.GT, Operator.GTE}:
                lows.append((self._key(test.value), test.op is Operator.GT))
            elif test.op in {Operator.LT, Operator.LTE}:
                highs.append((self._key(test.value), test.op is Operator.LTE))
        begun = [test.value for test in tests if test.op is Operator.PREFIX]
        prefixes = [value for value in begun if isinstance(value, str)]
        if prefixes and not self._can_begin(max(prefixes, key=len), begun, lows):
            return False
        lows += [(prefix, False) for prefix in prefixes]
        if not lows or not highs:
            return True
        (low, above), (high, up_to) = max(lows), min(highs)
        without = {self._key(test.value) for test in tests if test.op is Operator.NE}
        if self.kind is FieldType.INT:
            low, high = low + above, high - (not up_to)
            return bool(high - low + 1 > sum(low <= value <= high for value in without))
        return bool(low < high or (low == high and not above and up_to and low not in without))

    def _can_begin(self, prefix: str, others: list[Any], lows: list[tuple[Any, bool]]) -> bool:
        """Whether a text that begins with *prefix* is short enough, above *lows*, and fits the tests *others*."""
        most = getattr(self.field, "max_length", None)
        return (
            all(_begins(prefix, other) for other in others)
            and (most is None or len(prefix) <= most)
            and all(low <= prefix or low.startswith(prefix) for low, _ in lows)
        )

    def _ends(self) -> tuple[Any, Any]:
        least, most = getattr(self.field, "min", None), getattr(self.field, "max", None)
        if self.kind is FieldType.INT:
            return -_INT_MAX if least is None else least, _INT_MAX if most is None else most
        if self.kind is FieldType.DECIMAL and self.field is not None:
            top = Decimal(10) ** ((self.field.precision or 0) - (self.field.scale or 0))
            top -= Decimal(1).scaleb(-(self.field.scale or 0))
            return -top if least is None else Decimal(least), top
        return ("" if self.kind in {FieldType.STRING, FieldType.ENUM} else least), most

    def _key(self, value: Any) -> Any:
        """Return *value* so that it compares as its type does."""
        if self.kind is FieldType.DATETIME:
            return time_of(value)
        if self.kind is FieldType.DECIMAL:
            return value if isinstance(value, Decimal) else decimal_of(value)
        return value.lower() if self.kind is FieldType.UUID else value


def _fits(field: Field, text: str) -> bool:
    if len(text) < (field.min_length or 0) or (field.max_length is not None and len(text) > field.max_length):
        return False
    pattern = field.pattern
    return pattern is None or is_slow(pattern) or re.search(in_python(pattern), text) is not None


def _begins(text: str, prefix: str | tuple[str, ...]) -> bool:
    """Whether *text* begins with *prefix*, or with none of several."""
    return text.startswith(prefix) == isinstance(prefix, str)


_COMPARED: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.PREFIX: _begins,
}


def _named(test: Condition) -> tuple[Any, ...]:
    return test.value if isinstance(test.value, tuple) else (test.value,)
