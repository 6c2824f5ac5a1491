"""Values that look like real ones: durations with a long tail, things that come up again, few failures."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from adi_analytics_codegen.model.kinds import FieldType, Operator
from adi_analytics_codegen.model.questions.aggregates import SERVICE, USER_ID
from adi_analytics_codegen.model.rules import choice
from adi_analytics_codegen.model.samples.values import Sampler
from adi_analytics_codegen.show.stream import words
from adi_analytics_codegen.show.stream.numbers import Numbers
from adi_analytics_codegen.show.stream.people import place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Condition
    from adi_analytics_codegen.show.stream.facts import Facts
    from adi_analytics_codegen.show.stream.people import Person

_FAILS: Final = 0.05
_TRIES: Final = 30
_ALONE: Final = 0.25
_OWN: Final = 2  # how many things of a kind somebody has
_NUMBERS: Final = frozenset({FieldType.INT, FieldType.FLOAT, FieldType.DECIMAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What an event is made for.

    Attributes:
        person: Who does it.
        at: When.
        where: The conditions that it passes.
        things: The ids of what it is about, by the names of fields; the events before it have put theirs in.
        new: The names of fields whose ids are new with each attempt, rather than this person's own.
        trouble: How much more often than usual things fail.
    """

    person: Person
    at: datetime
    where: tuple[Condition, ...] = ()
    things: dict[str, Any] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    trouble: float = 1.0


class Values(Sampler):
    """Makes events of people."""

    def __init__(self, catalog: Catalog, facts: Facts, rng: Random) -> None:
        super().__init__(catalog, rng)
        self._facts = facts
        self._numbers = Numbers(facts, rng)
        self._groups: dict[str, list[Any]] = {}

    def make(self, event: Event, moment: Moment) -> dict[str, Any]:
        """Return an event as JSON data, with ``type``."""
        self._event, self._moment, self._path = event, moment, ""
        self._fails = words.is_bad(event.name) or self.rng.random() < _FAILS * moment.trouble
        self._where: dict[str, list[Condition]] = {}
        for condition in moment.where:
            self._where.setdefault(_meant(event, condition.field), []).append(condition)
        return {"type": event.type, **self.event(event, {})}

    def event(self, event: Event, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - conditions say more
        """Return the fields of an *event* that keep its rules, and pass the conditions of the moment."""
        wanted = {field.name: not field.optional or self.wants(field) for field in event.fields}
        fixed = {name: there for name in wanted if (there := self._must(name)) is not None}
        chosen = {**wanted, **fixed, **(choice(event.rules, fixed, wanted) or {})}
        return {field.key: self.value(field) for field in event.fields if chosen[field.name]}

    def wants(self, field: Field) -> bool:
        """Return whether an optional field has a value."""
        path = self._inner(field)
        must = self._must(path)
        if must is not None:
            return must
        if words.FAULT & set(field.name.split("_")):
            return self._fails
        if path == self._event.user_id_field:
            often = 0.96
        else:
            often = 0.85 if path in self._facts.dimensions else self._facts.chance(path).uniform(0.2, 0.6)
        return self.rng.random() < often

    def _must(self, path: str) -> bool | None:
        """Return whether conditions want a value there, or none; ``None`` if they don't say."""
        exact = self._where.get(path, [])
        if any(one.op is Operator.EXISTS and not one.value for one in exact):
            return False
        return True if exact or any(name.startswith(f"{path}.") for name in self._where) else None

    def _inner(self, field: Field) -> str:
        return f"{self._path}.{field.name}" if self._path and field.name else self._path or field.name

    def value(self, field: Field) -> Any:
        """Return a value of a *field*, as JSON data."""
        outer, self._path = self._path, self._inner(field)
        try:
            if field.const is not None:
                return field.const
            conditions = self._where.get(self._path)
            return self._passing(field, conditions) if conditions else self._likely(field)
        finally:
            self._path = outer

    def _passing(self, field: Field, conditions: list[Condition]) -> Any:
        for one in conditions:
            if one.op is Operator.EQ:
                return one.value
            if one.op is Operator.IN:
                return one.value[0]
        made = self._likely(field)
        for _ in range(_TRIES):
            if all(_passes(one, made) for one in conditions):
                break
            made = (
                self._numbers.within(field, conditions) if field.type in _NUMBERS else self._nearer(field, conditions)
            )
        return made

    def _nearer(self, field: Field, conditions: list[Condition]) -> Any:
        for one in conditions:
            if one.op is Operator.PREFIX and isinstance(one.value, str):
                return f"{one.value}{self._likely(field)}"[: field.max_length]
        return super().value(field)

    def _likely(self, field: Field) -> Any:
        if field.enum is not None:
            return self._of_enum(field)
        if field.type in {FieldType.UUID, FieldType.STRING} and self._is_id(field):
            return self._id(field)
        if field.type in _NUMBERS:
            return self._numbers.value(field, self._path, fails=self._fails)
        return self._other(field)

    def _other(self, field: Field) -> Any:
        match field.type:
            case FieldType.STRING if field.format is None:
                return self._text(field) if "." in self._path else self._named(field)
            case FieldType.BOOL:
                return self._truth(field)
            case FieldType.DATETIME:
                at = self._moment.at - timedelta(seconds=self.rng.randrange(600))
                return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            case FieldType.DATE:
                return self._moment.at.date().isoformat()
        return super().value(field)

    def _is_id(self, field: Field) -> bool:
        if self._path in {self._event.user_id_field, *self._facts.members}:
            return True
        if field.name in self._facts.shared:
            return field.type is FieldType.UUID
        return field.type is FieldType.UUID or (words.ID.search(field.name) is not None and "." not in self._path)

    def _id(self, field: Field) -> Any:
        moment, name = self._moment, self._path
        if name == self._event.user_id_field:
            return moment.person.keep("the person", lambda: self._new_id(field))
        if field.name in self._facts.shared and name not in self._facts.members:
            return moment.things.setdefault(name, self._text(field))
        if name in moment.new:
            return moment.things.setdefault(name, self._new_id(field))
        if name in moment.things:
            return moment.things[name]
        own = moment.person.keep(f"{name} {field.type}", lambda: self._own(field))
        return moment.things.setdefault(name, own[place(self.rng, len(own))])

    def _own(self, field: Field) -> list[Any]:
        """Return the ids of somebody's own things, or of the group that somebody belongs to."""
        if self._path not in self._facts.members and words.GROUP.isdisjoint(field.name.split("_")):
            return [self._new_id(field) for _ in range(_OWN)]
        known = self._groups.setdefault(field.name, [])
        if not known or self.rng.random() < _ALONE:
            known.append(self._new_id(field))
            return known[-1:]
        return [self.rng.choice(known)]

    def _new_id(self, field: Field) -> Any:
        if field.type is FieldType.UUID:
            return str(UUID(int=self.rng.getrandbits(128), version=4))
        if field.pattern is not None:
            return super().value(field)
        text = f"{field.name.partition('_')[0]}-{self.rng.getrandbits(40):010x}"
        return text[: field.max_length].ljust(field.min_length or 0, "0")

    def _of_enum(self, field: Field) -> Any:
        known = self.enums[field.enum or ""]
        usual = [value for value in known if not words.is_bad(str(value))]
        if self._fails or not usual or (len(usual) < len(known) and self.rng.random() < _FAILS):
            usual = [value for value in known if value not in usual] or known
        return self._moment.person.favourite(self._path, usual) if usual else None

    def _named(self, field: Field) -> Any:
        """Return a text; the same one in all that happens to one thing."""
        return self._moment.things.setdefault(self._path, self._text(field))

    def _text(self, field: Field) -> Any:
        known = self._facts.pool(field, self._path)
        return self._moment.person.favourite(self._path, known) if known else super().value(field)

    def _truth(self, field: Field) -> bool:
        if field.name in words.OUTCOME or words.last(field.name) in words.OUTCOME:
            return not self._fails
        often: float = self._facts.chance(self._path).uniform(0.15, 0.7)
        return self.rng.random() < (self._fails if words.is_bad(field.name) else often)


def _meant(event: Event, name: str) -> str:
    """Return the field of *event* that a condition names: also by the column of the table that it fills."""
    return {USER_ID: event.user_id_field, SERVICE: event.service_field}.get(name, name) or name


def _passes(condition: Condition, value: Any) -> bool:
    test = _TESTS.get(condition.op)
    try:
        return test is None or test(value, condition.value)
    except TypeError:
        return False


def _begins(value: str, prefix: str | tuple[str, ...]) -> bool:
    """Return whether a text begins as asked; a tuple has what it may not begin with."""
    return value.startswith(prefix) != isinstance(prefix, tuple)


_TESTS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    Operator.NE: operator.ne,
    Operator.PREFIX: _begins,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
}
