"""Paths for the questions about people: members, retentions and funnels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.resolve.measures import PERSONAL
from adi_analytics.query.resolve.people import VIEWS
from adi_analytics.server.read import parameters as p
from adi_analytics.server.read import schemas
from adi_analytics.server.read.aggregates import answer_of, arguments_of, filters_of
from adi_analytics.server.read.endpoint import Endpoint
from adi_analytics.server.read.reader import MOST_ROWS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from adi_analytics.query.model.describe import Described, People
    from adi_analytics.server.read.answers import Answer
    from adi_analytics.server.read.parameters import Parameter
    from adi_analytics.server.read.reader import Reader

GROUPS: Final = {"members": "members", "retention": "retention", "funnel": "funnels"}
"""Kind of question -> the first part of its path."""

_BETWEEN: Final = {
    "members": "The days",
    "retention": "The cohorts, by the bucket of their start",
    "funnel": "The buckets in which an attempt begins",
}


def endpoints(described: Described, reader: Reader) -> Iterator[Endpoint]:
    """Yield the path of each question; none of a funnel whose dimension is personal, since no answer may show it."""
    for aggregate in described.aggregates:
        people = aggregate.people
        if people is None or any(one.sensitivity in PERSONAL for one in people.dimensions):
            continue
        name = people.entity if people.kind == "members" else aggregate.name
        plain = name.removeprefix("$")
        yield Endpoint(
            path=f"/{GROUPS[people.kind]}/{plain}",
            name=f"{people.kind}_{plain}",
            summary=aggregate.description or aggregate.name,
            parameters=_parameters(people),
            schema=schemas.people(aggregate, VIEWS[people.kind].values()),
            answer=_answering(people, name, reader),
            tag="people",
            about=aggregate,
        )


def _parameters(people: People) -> dict[str, Parameter]:
    shows = list(VIEWS[people.kind])
    text = (
        f"{_BETWEEN[people.kind]}: start and end, or a span back from now. Default: the last 30 days, today included."
    )
    made = [
        *([p.choice("show", f"What of it. Default: {shows[0]}.", shows)] if len(shows) > 1 else []),
        replace(p.BETWEEN, description=text),
        p.text("time_zone", "The zone of dates. Default: that of the buckets.", "a time zone", "UTC"),
        p.choice("explain", "`sql`: the statement instead of the answer, for psql or clickhouse-client.", ["sql"]),
    ]
    if people.kind == "funnel":
        made.append(p.whole("limit", "The most rows; a warning says if there are more.", 1, MOST_ROWS, 1000))
        made += [one for dimension in people.dimensions for one in filters_of(dimension)]
    return {one.name: one for one in made}


def _answering(people: People, name: str, reader: Reader) -> Callable[[dict[str, Any]], Awaitable[Answer]]:
    async def answer(values: dict[str, Any]) -> Answer:
        result = await reader.ask_people(people.kind, name, **arguments_of(values))
        made = answer_of(result, explain="explain" in values)
        # What comes after the range counts, too, so more than its end must be over.
        return replace(made, settled=made.settled and all(state == "final" for state in result.states))

    return answer
