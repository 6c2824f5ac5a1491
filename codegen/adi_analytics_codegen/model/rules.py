"""Rules between the fields of an event: which of its optional fields must come, given the others.

A field is present where its value is not null. A choice of present fields is a mapping of names to whether they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from adi_analytics_codegen.model.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from adi_analytics_codegen.model.fields import Location


class RuleKind(StrEnum):
    """What a rule asks for."""

    EXACTLY_ONE_OF = "exactly_one_of"
    AT_LEAST_ONE_OF = "at_least_one_of"
    REQUIRES = "requires"


@dataclass(frozen=True, slots=True, repr=False)
class FieldRule(Shown):
    """A rule between top-level fields. Of one that ``requires``, the first field requires all the others."""

    kind: RuleKind
    fields: tuple[str, ...]
    at: Location

    def violations(self) -> Iterator[dict[str, bool]]:
        """Yield the choices that break the rule, each with the fields that matter to it."""
        first, *others = self.fields
        if self.kind is RuleKind.REQUIRES:
            yield from ({first: True, other: False} for other in others)
            return
        yield dict.fromkeys(self.fields, False)
        if self.kind is RuleKind.EXACTLY_ONE_OF:
            for index, one in enumerate(self.fields):
                yield from ({one: True, other: True} for other in self.fields[index + 1 :])

    def is_broken_by(self, chosen: Mapping[str, bool]) -> bool:
        """Return whether *chosen*, which may leave fields open, breaks the rule already."""
        return any(all(chosen.get(name) is there for name, there in one.items()) for one in self.violations())


def choice(
    rules: Iterable[FieldRule], fixed: Mapping[str, bool], wanted: Mapping[str, bool] | None = None
) -> dict[str, bool] | None:
    """Return a choice that keeps *rules* and has what is *fixed*, as *wanted* where that is possible; or ``None``."""
    every = tuple(rules)
    names = [name for name in dict.fromkeys(name for rule in every for name in rule.fields) if name not in fixed]
    return _completed(every, dict(fixed), names, wanted or {})


def _completed(
    rules: tuple[FieldRule, ...], chosen: dict[str, bool], names: list[str], wanted: Mapping[str, bool]
) -> dict[str, bool] | None:
    if any(rule.is_broken_by(chosen) for rule in rules):
        return None
    if not names:
        return chosen
    first, *rest = names
    is_wanted = wanted.get(first, False)
    for is_there in (is_wanted, not is_wanted):
        found = _completed(rules, {**chosen, first: is_there}, rest, wanted)
        if found is not None:
            return found
    return None
