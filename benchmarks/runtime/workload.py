"""The events that every contender sends: the same mix, built before the clock starts."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adi_analytics import events

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTINCT = 1000


def distinct_events() -> list[events.AnyEvent]:
    """Return a thousand different events: half API requests, the rest tasks and integrations."""
    rng = random.Random(20261124)
    people = [uuid.UUID(int=rng.getrandbits(128), version=4) for _ in range(200)]
    return [_event(rng, rng.choice(people), number) for number in range(DISTINCT)]


def endless_events() -> Iterator[events.AnyEvent]:
    """Repeat them for ever. Each delivery gets an event id and a timestamp of its own."""
    return itertools.cycle(distinct_events())


@dataclass(frozen=True, slots=True)
class Sample:
    """One event as each library's caller has it at hand.

    Attributes:
        event_class: Our class.
        fields: What it is made of.
        plain: The same as JSON types, for libraries that take a dictionary.
    """

    event_class: type[events.AnyEvent]
    fields: dict[str, Any]
    plain: dict[str, Any]


def endless_samples() -> Iterator[Sample]:
    """Repeat the events for ever, not yet built."""
    return itertools.cycle(
        [
            Sample(
                type(event),
                {field.name: getattr(event, field.name) for field in dataclasses.fields(event)},
                json.loads(events.to_json(event)),
            )
            for event in distinct_events()
        ]
    )


def _event(rng: random.Random, user: uuid.UUID, number: int) -> events.AnyEvent:
    match number % 4:
        case 0 | 1:
            return events.ApiRequest(
                service=rng.choice(("platform", "worker", "auth")),
                user_id=user,
                endpoint=rng.choice(("/tasks", "/tasks/{id}", "/projects", "/integrations/{id}")),
                method=rng.choice(("GET", "POST")),
                status_code=rng.choice((200, 200, 200, 404, 500)),
                duration_ms=int(rng.lognormvariate(4, 1)),
            )
        case 2:
            task = uuid.UUID(int=rng.getrandbits(128), version=4)
            return events.TaskCompleted(user_id=user, task_id=task, duration_ms=rng.randrange(100_000), exit_code=0)
        case _:
            integration = uuid.UUID(int=rng.getrandbits(128), version=4)
            return events.IntegrationUsed(
                user_id=user, integration_id=integration, provider="github", action=rng.choice(("sync", "push"))
            )
