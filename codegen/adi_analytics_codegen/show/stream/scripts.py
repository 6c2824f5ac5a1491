"""What people do, one thing after the other: the funnels of a catalog, events about the same thing, and single ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.load.conditions.tests import ways
from adi_analytics_codegen.model.kinds import Status
from adi_analytics_codegen.model.questions.aggregates import EVENT, USER_ID
from adi_analytics_codegen.show.stream import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.questions.aggregates import Condition
    from adi_analytics_codegen.model.questions.people import Funnel, Selection
    from adi_analytics_codegen.show.stream.facts import Facts

_UNUSED: Final = 0.05
"""How often deprecated events still come."""
_SPAN: Final = timedelta(minutes=20)
_RARE: Final = 0.07


@dataclass(frozen=True, slots=True)
class Act:
    """An event that somebody sends, and the conditions that it passes."""

    event: Event
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Events that follow each other.

    Attributes:
        stages: What can happen at each stage: one of the acts.
        goes_on: The chance of each stage but the first, once the one before it is reached.
        ends: What happens instead of a stage that is not reached; may be nothing.
        weight: How often it is begun.
        within: How long it takes at most.
        once: Whether it happens once to everybody, at the beginning.
        new: The fields whose ids are new with each attempt.
    """

    stages: tuple[tuple[Act, ...], ...]
    goes_on: tuple[float, ...] = ()
    ends: tuple[Event, ...] = ()
    weight: float = 1.0
    within: timedelta = _SPAN
    once: bool = False
    new: frozenset[str] = field(default=frozenset())


def scripts_of(catalog: Catalog, facts: Facts) -> list[Script]:
    """Return what people do who send the events of *catalog*: each event is in one of them, unless it is retired."""
    found = [script for funnel in catalog.funnels if (script := _of_funnel(catalog, facts, funnel)) is not None]
    played = {act.event.name for script in found for stage in _of_its_own(script) for act in stage}
    played |= {event.name for script in found for event in script.ends}
    left = [event for event in catalog.events if event.name not in played and event.status is not Status.RETIRED]
    by_thing = sorted(left, key=_thing)
    for _, group in groupby(by_thing, key=_thing):
        found += _of_group(facts, list(group))
    return found


def _of_its_own(script: Script) -> tuple[tuple[Act, ...], ...]:
    """Return the stages whose events happen in this script alone: what follows a beginning happens later, too."""
    return script.stages[:1] if script.once else script.stages


def _thing(event: Event) -> str:
    return event.name.rpartition("_")[0]


def _of_group(facts: Facts, events: list[Event]) -> Iterator[Script]:
    """Yield what happens by events about one kind of thing."""
    good = [one for one in events if not words.is_bad(one.name) and words.last(one.name) in words.ORDER]
    begun = any(words.ORDER[words.last(one.name)] == 0 for one in good)
    lasting = not begun and any(words.last(one.name) in words.LASTING for one in events)
    if len(good) < 2 or lasting or len({words.ORDER[words.last(one.name)] for one in good}) < 2:  # noqa: PLR2004 - no course
        yield from (_single(facts, one) for one in events)
        return
    good.sort(key=lambda one: words.ORDER[words.last(one.name)])
    bad = tuple(one for one in events if words.is_bad(one.name))
    stages = tuple((Act(one),) for one in good)
    later = tuple(_RARE if words.last(one.name) in words.AFTER else 0.9 for one in good[1:])
    yield Script(
        stages=stages, goes_on=later, ends=bad, weight=_weight(good[0]), once=_once(good[0]),
        new=_new(facts, [*good, *bad]),
    )  # fmt: skip
    known = {one.name for one in (*good, *bad)}
    yield from (_single(facts, one) for one in events if one.name not in known)


def _single(facts: Facts, event: Event) -> Script:
    lasting = words.last(event.name) in words.LASTING
    return Script(
        stages=((Act(event),),),
        weight=_weight(event),
        once=_once(event),
        new=frozenset() if lasting else _new(facts, [event]),
    )


def _of_funnel(catalog: Catalog, facts: Facts, funnel: Funnel) -> Script | None:
    stages = tuple(tuple(_acts(catalog, step.selection)) for step in funnel.steps)
    if not all(stages):
        return None
    things = {_thing(act.event) for stage in stages for act in stage}
    named = {act.event.name for stage in stages for act in stage}
    related = [one for one in catalog.events if _thing(one) in things and one.name not in named]
    ends = tuple(one for one in related if words.is_bad(one.name))
    # Fewer go on from a step that costs nothing, such as a look at a page, than from one that is nearly the goal.
    looks = [any(words.last(act.event.name) in words.LOOKS for act in stage) for stage in stages]
    goes_on = tuple(0.4 if look else 0.82 for look in looks[:-1])
    after = tuple((Act(one),) for one in related if words.last(one.name) in words.AFTER)
    goes_on += (_RARE,) * len(after)
    begin = stages[0][0].event
    new = _new(facts, [*(act.event for stage in stages for act in stage), *ends])
    own = {funnel.entity.of} - {USER_ID, *facts.members}
    return Script(
        stages=stages + after, goes_on=goes_on, ends=ends, weight=max(_weight(begin), 1.0) * 1.5, within=funnel.within,
        once=_once(begin), new=new | own,
    )  # fmt: skip


def _acts(catalog: Catalog, selection: Selection) -> Iterator[Act]:
    for one in selection.each:
        events: Sequence[Event] = catalog.events
        if one.event is not None:
            named = catalog.event(one.event)
            events = [] if named is None else [named]
        passing = ways(one.where) or [()]
        for event in events:
            where = tuple(test for test in passing[0] if test.field != EVENT)
            yield Act(event, where)


def _new(facts: Facts, events: list[Event]) -> frozenset[str]:
    """Return the ids that events about one thing give it: `task_id` of `task_created`."""
    found = set()
    for event in events:
        for one in event.fields:
            stem = words.ID.sub("", one.name)
            if words.ID.search(one.name) and stem and f"_{stem}_" in f"_{event.name}_":
                found.add(one.name)
    users = {event.user_id_field for event in events}
    return frozenset(found - users - facts.members)


def _once(event: Event) -> bool:
    return words.ONCE.search(event.name) is not None


def _weight(event: Event) -> float:
    often = words.OFTEN["failed"] if words.is_bad(event.name) else words.OFTEN.get(words.last(event.name), 1.0)
    return often * (_UNUSED if event.status is Status.DEPRECATED else 1.0)
