"""Random values that are valid for the fields of an event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from adi_analytics_codegen.model.kinds import Format
from adi_analytics_codegen.model.rules import choice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field

_SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)
WORDS: Final = (
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "indigo",
    "jade",
    "kelp",
    "lotus",
)
"""Words that samples are made of."""
_SPAN: Final = 1000
"""How far numbers without bounds go."""


class SampleError(ValueError):
    """No valid value could be made for a field. The message names it."""


def sample(catalog: Catalog, event: Event, rng: Random, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a random *event* as JSON data, with ``type``, that is valid once it has what is *given*, too.

    Raises:
        SampleError: If a field's pattern is too hard to make a string for.
    """
    return {"type": event.type, **Sampler(catalog, rng).event(event, given or {})}


class Sampler:
    """Makes a value of each field; a subclass can make more likely ones."""

    def __init__(self, catalog: Catalog, rng: Random) -> None:
        self.enums = {enum.name: [value.json for value in enum.values] for enum in catalog.enums}
        self.rng = rng

    def event(self, event: Event, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of an *event* that keep its rules, once it has what is *given*, too."""
        if not event.rules:
            return self.object(event.fields)
        wanted = {field.name: self.wants(field) for field in event.fields}
        fixed = {field.name: given[field.key] is not None for field in event.fields if field.key in given}
        chosen = wanted | (choice(event.rules, fixed, wanted) or fixed)
        return {field.key: self.value(field) for field in event.fields if not field.optional or chosen[field.name]}

    def wants(self, _field: Field) -> bool:
        """Return whether an optional field has a value."""
        return self.rng.random() < 0.7  # noqa: PLR2004 - often

    def object(self, fields: tuple[Field, ...]) -> dict[str, Any]:
        """Return an object with these *fields*."""
        present = (field for field in fields if not field.optional or self.wants(field))
        return {field.key: self.value(field) for field in present}

    def value(self, field: Field) -> Any:
        """Return a value of a *field*, as JSON data."""
        if field.const is not None:
            return field.const
        return self._a_enum(field) if field.enum is not None else getattr(self, f"_a_{field.type}")(field)

    def _a_uuid(self, _field: Field) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def _a_string(self, field: Field) -> str:
        least, most = field.min_length or 0, field.max_length
        if field.format is not None and least <= len(made := self._with_format(field.format)) <= (most or len(made)):
            return made
        if field.pattern is not None:
            from adi_analytics_codegen.model.samples.regex import matching

            found = matching(field.pattern, self.rng, least, most)
            if found is None:
                raise SampleError(f"found no string for the pattern {field.pattern} of {field.name}, at {field.at}")
            return found
        text = " ".join(self.rng.choices(WORDS, k=self.rng.randint(1, 3)))
        while len(text) < least:
            text += " " + self.rng.choice(WORDS)
        return text if most is None else text[:most]

    def _with_format(self, kind: Format) -> str:
        word, host = self.rng.choice(WORDS), f"{self.rng.choice(WORDS)}.example"
        number = self.rng.getrandbits(16)
        return {
            Format.URI: f"https://{host}/{word}?n={number}",
            Format.EMAIL: f"{word}{number}@{host}",
            Format.IP: f"192.0.2.{number % 256}" if number % 2 else f"2001:db8::{number:x}",
            Format.HOSTNAME: f"{word}.{host}",
        }[kind]

    def _a_int(self, field: Field) -> int:
        least, most = self._range(field)
        return self.rng.randint(int(least), int(most))

    def _a_float(self, field: Field) -> float:
        least, most = self._range(field)
        return float(min(max(round(self.rng.uniform(least, most), 3), least), most))

    def _range(self, field: Field) -> tuple[float, float]:
        least, most = field.min, field.max
        if least is None:
            least = 0 if most is None or most >= 0 else most - _SPAN
        return least, least + _SPAN if most is None else most

    def _a_bool(self, _field: Field) -> bool:
        return self.rng.random() < 0.5  # noqa: PLR2004 - a fair coin

    def _a_datetime(self, _field: Field) -> str:
        at = _SINCE + timedelta(milliseconds=self.rng.randrange(365 * 86_400_000))
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _a_date(self, _field: Field) -> str:
        return (_SINCE + timedelta(days=self.rng.randrange(365))).date().isoformat()

    def _a_decimal(self, field: Field) -> str:
        precision, scale = field.precision or 1, field.scale or 0
        number = self.rng.randrange(10 ** min(precision, scale + 4))
        sign = "-" if field.min is None and number and self.rng.random() < 0.1 else ""  # noqa: PLR2004 - seldom
        digits = str(number).rjust(scale + 1, "0")
        return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else f"{sign}{digits}"

    def _a_enum(self, field: Field) -> str | int:
        return self.rng.choice(self.enums[field.enum or ""])

    def _a_list(self, field: Field) -> list[Any]:
        least = field.min_items or 0
        most = min(field.max_items if field.max_items is not None else least + 3, least + 3)
        return [self._inside(field.items) for _ in range(self.rng.randint(least, most))] if field.items else []

    def _a_map(self, field: Field) -> dict[str, Any]:
        least = field.min_items or 0
        most = min(field.max_items if field.max_items is not None else least + 3, least + 3)
        keys = [f"{WORDS[number % len(WORDS)]}{number // len(WORDS) or ''}" for number in range(most)]
        chosen = keys[: self.rng.randint(least, most)]
        return {key: self._inside(field.items) for key in chosen} if field.items else {}

    def _inside(self, items: Field) -> Any:
        is_null = items.optional and self.rng.random() < 0.2  # noqa: PLR2004 - seldom
        return None if is_null else self.value(items)

    def _a_object(self, field: Field) -> dict[str, Any]:
        made = self.object(field.fields)
        is_more = field.open and self.rng.random() < 0.5  # noqa: PLR2004 - a fair coin
        return made | {"zz-more": self._a_json(field)} if is_more else made

    def _a_json(self, _field: Field) -> Any:
        return {self.rng.choice(WORDS): self.rng.choice([1, "two", True, [3, 4], {"five": 6}])}
