"""People who are made up: when they come, how often, until when, and what they prefer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 19, 17, 13, 16, 18, 17, 14, 10, 8, 6, 5, 4, 2, 1)
"""How busy each hour is: a quiet night, a peak before lunch and one after."""
_WEEKEND: Final = 0.45
_SATURDAY: Final = 5
_TRIES: Final = 0.3


@dataclass
class Person:
    """Somebody who sends events.

    Attributes:
        joined: The first day, which may lie before all events; in days from the first of these.
        stays: For how many days.
        activity: The chance of coming on a weekday.
        chance: The random numbers of this person.
    """

    joined: float
    stays: float
    activity: float
    chance: Random
    _kept: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def arriving(cls, chance: Random, days: int) -> Person:
        """Return somebody new: half come before the first day, and some only try it once or twice."""
        only_tries = chance.random() < _TRIES
        return cls(
            joined=chance.uniform(-days, days),
            stays=chance.expovariate(1 / 3) if only_tries else 4 + chance.expovariate(1 / 50),
            activity=chance.betavariate(2.2, 3.0),
            chance=chance,
        )

    def keep(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what this person has under a name, made when it is first asked for."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def favourite(self, name: str, known: Sequence[Any]) -> Any:
        """Return one of what is *known*, mostly the one that this person prefers; the first are the most usual."""
        preferred = self.keep(f"favourite {name}", lambda: place(self.chance, len(known)))
        is_usual = self.chance.random() < 0.6  # noqa: PLR2004 - mostly
        return known[preferred if is_usual else place(self.chance, len(known))]

    def sessions(self, first: datetime, days: int) -> Iterator[tuple[datetime, bool]]:
        """Yield when this person comes, and whether it is for the first time."""
        for day in range(max(0, int(self.joined)), min(days, int(self.joined + self.stays)) + 1):
            midnight = first + timedelta(days=day)
            is_first = day == int(self.joined)
            weekday = _WEEKEND if midnight.weekday() >= _SATURDAY else 1.0
            if is_first or self.chance.random() < self.activity * weekday:
                yield self._moment(midnight), is_first

    def _moment(self, midnight: datetime) -> datetime:
        hour = self.chance.choices(range(24), _HOURS)[0]
        at = time(hour, self.chance.randrange(60), self.chance.randrange(60), self.chance.randrange(1000) * 1000)
        return datetime.combine(midnight.date(), at, midnight.tzinfo)


def place(chance: Random, number: int) -> int:
    """Return a place among *number*: the first twice as often as the second, three times as often as the third."""
    return chance.choices(range(number), [1 / (one + 1) for one in range(number)])[0]
