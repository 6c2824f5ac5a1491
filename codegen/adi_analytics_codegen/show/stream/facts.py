"""What a catalog says of the values of its fields: what is counted by them, and which ones its questions look for."""

from __future__ import annotations

import re
from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from adi_analytics_codegen.model.kinds import FieldType, Operator
from adi_analytics_codegen.model.readers import every_condition, questions
from adi_analytics_codegen.model.samples.regex import matching
from adi_analytics_codegen.model.samples.values import WORDS
from adi_analytics_codegen.model.text.patterns import in_python
from adi_analytics_codegen.show.stream import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Condition, Test
    from adi_analytics_codegen.model.questions.people import Members, Retention

_FEW: Final = 6
_MANY: Final = 12
_NAMED: Final = frozenset({Operator.EQ, Operator.IN})
_BOUNDS: Final = frozenset({Operator.LT, Operator.LTE, Operator.GT, Operator.GTE})


class Facts:
    """What is known of fields, by their path within an event."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self._seed = seed
        self.dimensions = frozenset(_dimensions(catalog))
        lasting: tuple[Members | Retention, ...] = (*catalog.members, *catalog.retention)
        self.members = frozenset(one.entity.of for one in lasting)
        """The fields that name something which is counted, or which comes back."""
        self._conditions: dict[str, list[Condition]] = defaultdict(list)
        for condition in every_condition(_tests(catalog)):
            self._conditions[condition.field].append(condition)
        self._examples: dict[str, list[Any]] = defaultdict(list)
        for event in catalog.events:
            for example in event.examples:
                for field in event.fields:
                    _collect(field, example.get(field.key), field.name, self._examples)
        self.shared = frozenset(_leaf(path) for path in self.dimensions) | frozenset(_looked_at(catalog))
        """The names of fields whose values are the same for everybody, also where they are ids: products, say."""
        self._pools: dict[tuple[Any, ...], tuple[str, ...]] = {}

    def named(self, path: str) -> tuple[Any, ...]:
        """Return the values that conditions of the catalog look for."""
        found: list[Any] = []
        for one in self._conditions[path]:
            if one.op in _NAMED:
                found += one.value if isinstance(one.value, tuple) else [one.value]
        return tuple(dict.fromkeys(found))

    def bound(self, path: str) -> float | None:
        """Return the smallest number above zero that conditions compare a field with."""
        found = [one.value for one in self._conditions[path] if one.op in _BOUNDS and _is_number(one.value)]
        return min((value for value in found if value > 0), default=None)

    def chance(self, path: str) -> Random:
        """Return the random numbers of a field: the same for each run with the same seed."""
        return Random(f"{self._seed} {path}")  # noqa: S311 - samples, not secrets

    def pool(self, field: Field, path: str) -> tuple[str, ...]:
        """Return the texts that a field can have, the most frequent first; none if none could be made."""
        key = (_leaf(path), field.type, field.pattern, field.min_length, field.max_length)
        if key not in self._pools:
            self._pools[key] = tuple(self._made(field, _leaf(path)))
        return self._pools[key]

    def _made(self, field: Field, name: str) -> list[str]:
        chance, usual = self.chance(name), words.usual_values(name)
        wanted = _MANY if words.ID.search(name) else 2 if usual else _FEW
        asked = (value for path in self._conditions if _leaf(path) == name for value in self.named(path))
        known = [*asked, *self._examples[name], *usual]
        if field.type is FieldType.UUID:
            return [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(wanted)]
        found = [text for text in dict.fromkeys(known) if isinstance(text, str) and _fits(field, text)]
        if words.ID.search(name):
            numbered = _numbered(found[0] if found else f"{name.partition('_')[0]}-1")
            found += [text for text in numbered if text not in found and _fits(field, text)]
        for _ in range(wanted * 4):
            if len(found) >= wanted:
                break
            text = _text(field, chance)
            if text is not None and text not in found:
                found.append(text)
        return found


def _leaf(path: str) -> str:
    return path.rpartition(".")[2]


def _looked_at(catalog: Catalog) -> Iterator[str]:
    """Yield the ids of what people look at: `product_id` of `product_viewed`."""
    for event in catalog.events:
        for one in event.fields if words.last(event.name) in words.LOOKS else ():
            stem = words.ID.sub("", one.name)
            if stem != one.name and f"_{stem}_" in f"_{event.name}_" and one.name != event.user_id_field:
                yield one.name


def _numbered(example: str) -> Iterator[str]:
    """Yield texts that differ from an example in the number that it ends with."""
    found = re.fullmatch(r"(.*?)([0-9]+)", example, re.DOTALL | re.ASCII)
    if found is not None:
        before, number = found.groups()
        yield from (f"{before}{place:0{len(number)}}" for place in range(1, _MANY + 1))


def _text(field: Field, chance: Random) -> str | None:
    least, most = field.min_length or 0, field.max_length
    if field.pattern is not None:
        return matching(field.pattern, chance, least, most)
    text = " ".join(chance.choices(WORDS, k=2 if "_" not in field.name else 1))
    text += "x" * (least - len(text))
    return text[:most]


def _fits(field: Field, text: str) -> bool:
    if len(text) < (field.min_length or 0) or (field.max_length is not None and len(text) > field.max_length):
        return False
    return field.pattern is None or re.search(in_python(field.pattern), text) is not None


def _collect(field: Field, value: Any, path: str, into: dict[str, list[Any]]) -> None:
    if field.type is FieldType.OBJECT and isinstance(value, dict):
        for inner in field.fields:
            _collect(inner, value.get(inner.key), f"{path}.{inner.name}", into)
    elif field.type is FieldType.LIST and isinstance(value, list) and field.items is not None:
        for one in value:
            _collect(field.items, one, path, into)
    elif value is not None:
        into[_leaf(path)].append(value)


def _dimensions(catalog: Catalog) -> Iterator[str]:
    for aggregate in catalog.aggregates:
        yield from (dimension.of for dimension in aggregate.dimensions)
    yield from (funnel.dimension.of for funnel in catalog.funnels if funnel.dimension is not None)


def _tests(catalog: Catalog) -> Iterator[Test]:
    for aggregate in catalog.aggregates:
        yield from aggregate.where
        for measure in aggregate.measures:
            yield from measure.where
    for question in questions(catalog):
        for selection in question.selections:
            yield from selection.where


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
