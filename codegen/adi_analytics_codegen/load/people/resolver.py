"""From nodes to members, retention and funnels, checked against the events that they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.load.annotations import owners, read_annotations
from adi_analytics_codegen.load.buckets import DAY, Bucket
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.questions.aggregates import SERVICE, USER_ID, Dimension
from adi_analytics_codegen.model.questions.people import (
    LEAST_STEPS,
    MOST_STEPS,
    Funnel,
    Members,
    Mode,
    On,
    Order,
    Retention,
    Step,
)
from adi_analytics_codegen.model.tables import members_views
from adi_analytics_codegen.model.text.durations import duration, duration_text

if TYPE_CHECKING:
    from datetime import timedelta

    from adi_analytics_codegen.load.people.reading import Reading
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.questions.people import Entity, Selection

_SCALARS: Final = frozenset(FieldType) - {FieldType.LIST, FieldType.OBJECT, FieldType.JSON}
_FUNNEL_COLUMNS: Final = frozenset(
    {"step", "step_name", "members", "entered", "converted", "rate", "step_rate", "seconds_p50", "seconds_p90"}
    | {"provisional"}
)
_RETENTION_COLUMNS: Final = frozenset(
    {"period", "members", "returned", "rate", "complete", "cohorts"}
    | {"new_members", "returning_members", "resurrected_members", "dormant_members"}
)


@dataclass(slots=True)
class PeopleResolver:
    """Resolves the questions about people of one catalog.

    Attributes:
        table: The table of events, from which the views of members have their names.
    """

    reading: Reading
    table: str

    def members(self, name: str, node: Node) -> Members | None:
        """Return the members of the entity called *name*, or ``None`` after a finding."""
        subject = self._subject(f"entities.{name}", node)
        entity = self.reading.define(name, node)
        if entity is None:
            return None
        counts, members = members_views(self.table, None if name == USER_ID else name)
        return Members(
            name=counts,
            list_name=members,
            entity=entity,
            bucket_name="day",
            bucket_width=DAY,
            refresh=self.reading.refresh(node, Bucket("day", DAY), subject),
            at=node.key_at,
            **self._texts(node, subject),
        )

    def retention(self, name: str, node: Node) -> Retention | None:
        """Return the retention called *name*, or ``None`` after a finding."""
        subject = self._subject(f"retention.{name}", node)
        entity = self.reading.entity(node, subject)
        bucket = self.reading.bucket(node, subject)
        start, returns = (self._selection(node, key, entity, subject) for key in ("start", "return"))
        self.reading.check_columns(_RETENTION_COLUMNS, [(bucket.name, _bucket_at(node))], subject)
        if entity is None or start is None or returns is None:
            return None
        return Retention(
            name=name,
            entity=entity,
            start=start,
            returns=returns,
            bucket_name=bucket.name,
            bucket_width=bucket.width,
            periods=node.scalar("periods", 1),
            refresh=self.reading.refresh(node, bucket, subject),
            at=node.key_at,
            calendar=bucket.calendar,
            mode=Mode(node.scalar("mode", Mode.FIRST_TIME)),
            on=On(node.scalar("on", On.ON)),
            **self._texts(node, subject),
        )

    def funnel(self, name: str, node: Node) -> Funnel | None:
        """Return the funnel called *name*, or ``None`` after a finding."""
        subject = self._subject(f"funnels.{name}", node)
        entity = self.reading.entity(node, subject)
        bucket = self.reading.bucket(node, subject)
        order = Order(node.scalar("order", Order.ORDERED))
        steps = tuple(
            Step(key, self.reading.selection(step, entity, f"{subject}.{key}"))
            for key, step in node.entries("steps").items()
        )
        exclude = tuple(self.reading.selection(one, entity, subject) for one in node.list("exclude"))
        within = self._within(node, bucket.width, subject)
        self._check_steps(node, steps, order, subject)
        self._check_exclude(node, exclude, order, subject)
        dimension = self._dimension(node, steps, order, subject)
        columns = [(bucket.name, _bucket_at(node))]
        columns += [(dimension.name, dimension.at)] if dimension is not None else []
        self.reading.check_columns(_FUNNEL_COLUMNS, columns, subject)
        if entity is None or within is None:
            return None
        return Funnel(
            name=name,
            entity=entity,
            steps=steps,
            within=within,
            bucket_name=bucket.name,
            bucket_width=bucket.width,
            refresh=self.reading.refresh(node, bucket, subject),
            at=node.key_at,
            calendar=bucket.calendar,
            order=order,
            exclude=exclude,
            dimension=dimension,
            **self._texts(node, subject),
        )

    def _subject(self, subject: str, node: Node) -> str:
        self.reading.context.subjects[node.key_at] = subject
        return subject

    def _texts(self, node: Node, subject: str) -> dict[str, Any]:
        return {
            "description": node.scalar("description", ""),
            "version": node.scalar("version", 1),
            "owner": owners(node, self.reading.aggregates.owner),
            "annotations": read_annotations(node, subject, self.reading.context),
        }

    def _selection(self, node: Node, key: str, entity: Entity | None, subject: str) -> Selection | None:
        named = node.get(key)
        return None if named is None else self.reading.selection(named, entity, subject)

    def _within(self, node: Node, width: timedelta, subject: str) -> timedelta | None:
        named = node.get("within")
        if named is None:
            return None
        within, retention = duration(named.text), self.reading.aggregates.storage.retention
        if within < width:
            message = f"a window of {named.text} is shorter than a bucket of {duration_text(width)}"
            fix = "make the window longer, or the bucket smaller"
            self.reading.context.error(named.at, "funnel-within", message, fix, subject)
        if retention is not None and within > retention:
            message = f"a window of {named.text} is longer than the retention of {duration_text(retention)}"
            fix = "shorten the window, or keep events longer (storage.retention)"
            self.reading.context.error(named.at, "funnel-within", message, fix, subject)
        return within

    def _check_steps(self, node: Node, steps: tuple[Step, ...], order: Order, subject: str) -> None:
        listed = node.get("steps")
        if listed is None:
            return
        error = self.reading.context.error
        count = len(listed.mapping)
        if not LEAST_STEPS <= count <= MOST_STEPS:
            message = f"a funnel has {LEAST_STEPS} to {MOST_STEPS} steps, not {count}"
            fix = "leave steps out, or make two funnels" if count > MOST_STEPS else "add a step"
            error(listed.key_at, "funnel-steps", message, fix, subject)
        for step in steps:
            if step.selection.event is None and not step.selection.others:
                message = f'step "{step.name}" is any event, so that every row would be this step'
                error(step.selection.at, "funnel-steps", message, "name an event", subject)
        seen: set[str | None] = set()
        for step in steps if order is Order.ANY else ():
            for one in step.selection.each:
                if one.event in seen:
                    message = f"{one.event} is in two steps, and without an order one event could be both"
                    error(one.at, "funnel-steps", message, "use order: ordered, or another event", subject)
            seen |= {one.event for one in step.selection.each}

    def _check_exclude(self, node: Node, exclude: tuple[Selection, ...], order: Order, subject: str) -> None:
        error = self.reading.context.error
        if exclude and order is Order.STRICT:
            at = node.mapping["exclude"].key_at
            message = "every event between two steps ends a strict attempt already"
            error(at, "funnel-exclude", message, "remove exclude", subject)
        for selection in exclude:
            if selection.event is None:
                message = "any event would end every attempt"
                error(selection.at, "funnel-exclude", message, "use order: strict", subject)

    def _dimension(self, node: Node, steps: tuple[Step, ...], order: Order, subject: str) -> Dimension | None:
        named = node.get("dimension")
        if named is None or not steps:
            return None
        beginning = steps if order is Order.ANY else steps[:1]
        events = dict.fromkeys(one.event or "" for step in beginning for one in step.selection.each)
        reader = self.reading.reader(events, subject)
        type_ = reader.type_of(named.text, named.at) if reader.sources else None
        if type_ is not None and type_ not in _SCALARS:
            message = f'"{named.text}" is {type_}, by which rows cannot be grouped'
            self.reading.context.error(named.at, "dimension-type", message, "group by a scalar", subject)
        name = {USER_ID: "user_id", SERVICE: "service"}.get(named.text) or named.text.rpartition(".")[2]
        return Dimension(name, named.text, type_ or FieldType.STRING, named.at)


def _bucket_at(node: Node) -> Any:
    bucket = node.get("bucket")
    return (bucket or node).key_at
