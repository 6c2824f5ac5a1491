"""The events of a catalog over some days, as if people had sent them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.show.stream.facts import Facts
from adi_analytics_codegen.show.stream.people import Person
from adi_analytics_codegen.show.stream.scripts import scripts_of
from adi_analytics_codegen.show.stream.values import Moment, Values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.show.stream.scripts import Script

Happened = tuple[datetime, dict[str, Any]]

_EACH: Final = 120
"""About how many events each person sends: more events come from more people, not from busier ones."""
_FEWEST: Final = 25
_TRIED: Final = 12
_BAD_DAY: Final = 4.0
_ALWAYS: Final = 1000.0
_HABIT: Final = 0.6
"""How much of the chance to go on is the person's, rather than that of each attempt."""


class History:
    """Makes the events of the days before a moment.

    Args:
        catalog: The catalog.
        days: How many days they go back.
        until: When the last one is.
        seed: The same seed gives the same events, for the same arguments.
    """

    def __init__(self, catalog: Catalog, *, days: int, until: datetime, seed: int) -> None:
        self._rng = Random(seed)  # noqa: S311 - samples, not secrets
        self._days, self._until = days, until.astimezone(UTC)
        self._first = self._until.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
        facts = Facts(catalog, seed)
        scripts = scripts_of(catalog, facts)
        self._beginnings = [script for script in scripts if script.once]
        self._scripts = [script for script in scripts if not script.once]
        self._values = Values(catalog, facts, self._rng)
        self._bad_day = self._first + timedelta(days=int(days * 0.8))

    def events(self, count: int) -> list[Happened]:
        """Return about *count* events as JSON data, each with its time, in order of time."""
        people = max(_FEWEST, count // _EACH)
        tried = sum(len(list(self._of_person(1.0))) for _ in range(_TRIED))
        share = min(1.0, count * _TRIED / max(tried * people, 1))
        found: list[Happened] = []
        for number in range(people * 50):
            if len(found) >= count and number >= people // 2:
                break
            found += self._of_person(share)
        return sorted(found, key=lambda item: item[0])

    def _of_person(self, share: float) -> Iterator[Happened]:
        """Yield what a new person sends, in a *share* of the visits."""
        chance = Random(self._rng.getrandbits(64))  # noqa: S311 - samples, not secrets
        person = Person.arriving(chance, self._days)
        liked = [script.weight * chance.lognormvariate(0, 0.7) for script in self._scripts]
        for at, is_first in person.sessions(self._first, self._days):
            if is_first or chance.random() < share:
                visited = self._session(person, at, liked, is_first=is_first)
                yield from (item for item in visited if item[0] <= self._until)

    def _session(self, person: Person, at: datetime, liked: Sequence[float], *, is_first: bool) -> Iterator[Happened]:
        chance = person.chance
        if is_first:
            for script in self._beginnings:
                yield from self._play(script, person, at)
                at += timedelta(seconds=chance.expovariate(1 / 40))
        for _ in range(1 + min(int(chance.expovariate(1 / 4)), 30) if self._scripts else 0):
            script = chance.choices(self._scripts, liked)[0]
            yield from self._play(script, person, at)
            at += timedelta(seconds=chance.expovariate(1 / 90))

    def _play(self, script: Script, person: Person, at: datetime) -> Iterator[Happened]:
        """Yield the events of one attempt: as far as it gets, and how it ends."""
        chance, things = person.chance, dict[str, Any]()
        trouble = _BAD_DAY if at.date() == self._bad_day.date() else 1.0
        latest = at + script.within * 0.9
        for number, acts in enumerate(script.stages):
            if number and not self._goes_on(person, script, number, trouble):
                # Instead something goes wrong, or the stage comes, but not as it should; some only stop.
                ends = [*script.ends, *(act.event for act in acts if act.where)]
                if ends and chance.random() < 0.7:  # noqa: PLR2004 - mostly
                    moment = Moment(person=person, at=at, things=things, new=script.new, trouble=_ALWAYS)
                    yield at, self._values.make(chance.choice(ends), moment)
                return
            act = acts[min(int(chance.expovariate(1.2)), len(acts) - 1)]
            moment = Moment(person=person, at=at, where=act.where, things=things, new=script.new, trouble=trouble)
            yield at, self._values.make(act.event, moment)
            at = min(at + self._pause(person, script), latest)

    def _goes_on(self, person: Person, script: Script, number: int, trouble: float) -> bool:
        """Return whether a stage is reached: some people never get there, however often they try."""
        odds = script.goes_on[number - 1]
        key = f"goes on {script.stages[0][0].event.name} {number}"
        ever = person.keep(key, lambda: person.chance.random() < odds**_HABIT)
        return bool(ever) and person.chance.random() < odds ** ((1 - _HABIT) * trouble)

    def _pause(self, person: Person, script: Script) -> timedelta:
        """Return how long the next stage takes: mostly minutes, and now and then a good part of what is allowed."""
        chance = person.chance
        if chance.random() < 0.2:  # noqa: PLR2004 - now and then
            return script.within * min(chance.expovariate(12), 0.4)
        return min(timedelta(seconds=chance.lognormvariate(4.2, 1.0)), script.within / 4)
