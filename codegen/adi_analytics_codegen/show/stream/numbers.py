"""Numbers that look like real ones: most are small, few are large."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model.kinds import FieldType, Operator
from adi_analytics_codegen.show.stream import words

if TYPE_CHECKING:
    from random import Random

    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Condition
    from adi_analytics_codegen.show.stream.facts import Facts

_USUAL: Final = 9.0
_WIDE: Final = 12
_FINE: Final = ((200, 201, 204, 304), (60, 12, 5, 5))
_WRONG: Final = ((404, 422, 401, 500, 503), (40, 20, 15, 20, 5))
_LOWEST_STATUS, _HIGHEST_STATUS = 100, 599
_EXACT: Final = 9  # digits that a float surely has


class Numbers:
    """Makes the numbers of fields."""

    def __init__(self, facts: Facts, rng: Random) -> None:
        self._facts = facts
        self._rng = rng
        self._usual: dict[str, float] = {}

    def value(self, field: Field, path: str, *, fails: bool) -> Any:
        """Return a number for a field, as JSON has it."""
        return _as_json(field, self._number(field, path, fails=fails))

    def within(self, field: Field, conditions: list[Condition]) -> Any:
        """Return a number that passes *conditions*, if a whole step from a bound is enough for that."""
        least = max((_least(field, one) for one in conditions), default=-math.inf)
        most = min((_most(field, one) for one in conditions), default=math.inf)
        number = least if math.isfinite(least) else most if math.isfinite(most) else self._rng.uniform(1, 100)
        if math.isfinite(least):
            number = least + (most - least if math.isfinite(most) else max(abs(least), 4)) * self._rng.random() * 0.9
        return _as_json(field, number)

    def _number(self, field: Field, path: str, *, fails: bool) -> float:
        name = set(field.name.split("_"))
        if "status" in name and (field.max or 0) in {_HIGHEST_STATUS, 0} and (field.min or 0) in {_LOWEST_STATUS, 0}:
            known, weights = _WRONG if fails else _FINE
            return self._rng.choices(known, weights)[0]
        if name >= {"exit", "code"}:
            return self._rng.choice((1, 2, 127)) if fails else 0
        named = [one for one in self._facts.named(path) if isinstance(one, int | float)]
        if named and self._rng.random() < 0.5:  # noqa: PLR2004 - so that what is asked for comes up
            return self._rng.choice(named)
        if field.min is not None and field.max is not None and not self._is_wide(field, path):
            return field.min + (field.max - field.min) * self._rng.betavariate(3.5, 1.6)
        if name & words.COUNT:
            return 1 + min(int(self._rng.expovariate(0.9)), 20)
        spread = 0.45 if field.type is FieldType.DECIMAL or (field.unit or "").isupper() else 0.8
        return self.median(field, path) * self._rng.lognormvariate(0, spread)

    def _is_wide(self, field: Field, path: str) -> bool:
        """Return whether a field could have values far above what is usual for its unit: its bounds say little then."""
        known = {(field.unit or "").lower(), *field.name.lower().split("_")} & words.MEDIANS.keys()
        return bool(known) and (field.max or 0) > _WIDE * self.median(field, path)

    def median(self, field: Field, path: str) -> float:
        """Return what is usual for a field: half of its numbers are below."""
        if path not in self._usual:
            bound = self._facts.bound(path)
            names = ((field.unit or "").lower(), *reversed(field.name.lower().split("_")))
            known = next((words.MEDIANS[name] for name in names if name in words.MEDIANS), _USUAL)
            own = known * self._facts.chance(path).lognormvariate(0, 0.35)
            self._usual[path] = bound / 3 if bound is not None else max(own, 1.5 * (field.min or 0))
        return self._usual[path]


def _least(field: Field, condition: Condition) -> float:
    step = 1 if field.type is FieldType.INT else 0.01
    if condition.op is Operator.GTE:
        return float(condition.value)
    return float(condition.value) + step if condition.op is Operator.GT else -math.inf


def _most(field: Field, condition: Condition) -> float:
    step = 1 if field.type is FieldType.INT else 0.01
    if condition.op is Operator.LTE:
        return float(condition.value)
    return float(condition.value) - step if condition.op is Operator.LT else math.inf


def _as_json(field: Field, number: float) -> Any:
    if field.type is FieldType.DECIMAL:
        return _decimal(field, number)
    least, most = field.min, field.max
    if field.type is FieldType.INT:
        number = round(number)
        low = None if least is None else math.ceil(least)
        high = None if most is None else math.floor(most)
        number = number if low is None else max(number, low)
        return int(number if high is None else min(number, high))
    number = round(number, 2)
    number = number if least is None else max(number, least)
    return float(number if most is None else min(number, most))


def _decimal(field: Field, number: float) -> str:
    scale, whole = field.scale or 0, field.whole_digits or 0
    most = 10 ** min(whole, _EXACT) - 1 if whole else 0.9
    return f"{min(abs(number), most):.{scale}f}"
