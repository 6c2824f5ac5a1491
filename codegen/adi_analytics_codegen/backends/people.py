"""The public views of questions about people: their columns, and what each holds, the same in every language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adi_analytics_codegen.backends.describe import where_text
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.questions.people import Funnel, Members, On, Order, Question, Retention, Selection
from adi_analytics_codegen.model.tables import shorten
from adi_analytics_codegen.model.text.durations import duration_text
from adi_analytics_codegen.model.text.zones import width_text, zone_text

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of a public view.

    Attributes:
        role: ``bucket``, ``dimension`` or ``measure``.
        text: What it shows.
    """

    name: str
    type: FieldType
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class PeopleView:
    """A public view.

    Attributes:
        kind: What it answers, for the manifest.
        text: What its rows show.
    """

    name: str
    kind: str
    text: str
    columns: tuple[Shown, ...]


def views(question: Question) -> tuple[PeopleView, ...]:
    """Return the public views of *question*, that with its own name first."""
    if isinstance(question, Members):
        return _of_members(question)
    return _of_retention(question) if isinstance(question, Retention) else _of_funnel(question)


def reads(question: Question, show: Callable[[str], str] = str) -> dict[str, str]:
    """Return which rows *question* reads, by what they mean to it; *show* writes the names and values in it."""
    if isinstance(question, Members):
        return {"member": f"any event with {show(question.entity.of)}"}
    if isinstance(question, Retention):
        return {"start": _selected(question.start, show), "return": _selected(question.returns, show)}
    steps = {f"step {step.name}": _selected(step.selection, show) for step in question.steps}
    ends = " or ".join(_selected(selection, show) for selection in question.exclude)
    return steps | {"ended by": ends} if ends else steps


def _selected(selection: Selection, show: Callable[[str], str]) -> str:
    return " or ".join(_selected_one(one, show) for one in selection.each)


def _selected_one(selection: Selection, show: Callable[[str], str]) -> str:
    name = "any event" if selection.event is None else show(selection.event)
    return f"{name} where {where_text(selection.where, show)}" if selection.where else name


def _of_members(question: Members) -> tuple[PeopleView, ...]:
    what = question.description.strip() or "Members."
    counts = (
        _bucket(question),
        Shown("members", FieldType.INT, "measure", "Members that came in the bucket."),
        Shown("new_members", FieldType.INT, "measure", "Those of them that had never come before."),
        Shown("returning_members", FieldType.INT, "measure", "Those of them that had come before."),
        Shown("total_members", FieldType.INT, "measure", "All members that had come by the end of the bucket."),
    )
    listed = (
        Shown("member", question.entity.type, "member", "The member."),
        Shown("first", FieldType.DATETIME, "measure", "When it came first, as far as events were ever stored."),
        Shown("last", FieldType.DATETIME, "measure", "When it came last."),
    )
    return (
        PeopleView(question.name, "members_counts", f"Members by bucket. {what}", counts),
        PeopleView(question.list_name, "members", f"A row per member. {what}", listed),
    )


def _of_retention(question: Retention) -> tuple[PeopleView, ...]:
    width = width_text(question)
    cell = (
        Shown("members", FieldType.INT, "measure", "Members of the cohort."),
        Shown("returned", FieldType.INT, "measure", f"Those of them that returned {_when(question)}."),
        Shown("rate", FieldType.FLOAT, "measure", "returned over members, from 0 to 1."),
    )
    period = Shown("period", FieldType.INT, "dimension", f"Buckets of {width} after that of the start, from 0.")
    cohorts = (
        Shown(
            question.bucket_name,
            FieldType.DATETIME,
            "bucket",
            f"The cohort: the bucket of {width} of the start.",
        ),
        period,
        *cell,
        Shown("complete", FieldType.BOOL, "measure", "Whether the count can no longer grow, but for late events."),
    )
    means = (
        period,
        Shown("cohorts", FieldType.INT, "measure", "Cohorts whose cell is complete."),
        *(Shown(c.name, c.type, c.role, f"{c.text[:-1]}, in all of these cohorts.") for c in cell[:2]),
        Shown("rate", FieldType.FLOAT, "measure", "The mean of the cohorts' rates, weighted by their members."),
    )
    lifecycle = (
        _bucket(question),
        Shown("new_members", FieldType.INT, "measure", "Members that returned for the first time ever."),
        Shown("returning_members", FieldType.INT, "measure", "Members that had returned in the bucket before, too."),
        Shown(
            "resurrected_members", FieldType.INT, "measure", "Members that had returned, but not in the bucket before."
        ),
        Shown("dormant_members", FieldType.INT, "measure", "Members that returned in the bucket before, but not here."),
        Shown("complete", FieldType.BOOL, "measure", "Whether the bucket is over."),
    )
    name, about = question.name, question.description.strip()
    return (
        PeopleView(name, "retention", about, cohorts),
        PeopleView(shorten(f"{name}_lifecycle"), "lifecycle", f"Members of {name} by how they came.", lifecycle),
        PeopleView(shorten(f"{name}_mean"), "retention_mean", f"{name} over all complete cohorts, weighted.", means),
    )


def _when(question: Retention) -> str:
    return "in the period" if question.on is On.ON else "in the period or in a later one of the table"


def _of_funnel(question: Funnel) -> tuple[PeopleView, ...]:
    within = duration_text(question.within)
    first, last = question.steps[0].name, question.steps[-1].name
    own = question.dimension
    keys = [Shown(question.bucket_name, FieldType.DATETIME, "bucket", _entry_text(question))]
    if own is not None:
        keys.append(Shown(own.name, own.type, "dimension", f"{own.of} of the event that began the attempt."))
    took = "seconds from the beginning of an attempt to the {0}; the shortest of each member counts. Null without any."
    provisional = Shown(
        "provisional", FieldType.BOOL, "measure", f"Whether {within} after the bucket are still to pass."
    )
    total = (
        *keys,
        Shown("entered", FieldType.INT, "measure", _entered_text(question)),
        Shown("converted", FieldType.INT, "measure", f"Those of them that got to the last step within {within}."),
        Shown("rate", FieldType.FLOAT, "measure", "converted over entered, from 0 to 1."),
        *_percentiles(took.format("last step")),
        provisional,
    )
    steps = (
        *keys,
        Shown("step", FieldType.INT, "dimension", "Number of the step, from 1."),
        Shown("step_name", FieldType.STRING, "dimension", "Name of the step; null where the steps have no order."),
        Shown("members", FieldType.INT, "measure", f"Members that got so far within {within}."),
        Shown("rate", FieldType.FLOAT, "measure", "members over those that entered, from 0 to 1."),
        Shown("step_rate", FieldType.FLOAT, "measure", "members over those of the step before; null at the first."),
        *_percentiles(took.format("step")),
        provisional,
    )
    name = question.name
    about = f"{question.description.strip()} From {first} to {last} within {within}."
    return (
        PeopleView(name, "funnel", about, total),
        PeopleView(shorten(f"{name}_steps"), "funnel_steps", f"The steps of {name}.", steps),
    )


def _entry_text(question: Funnel) -> str:
    return f"Start of the bucket of {width_text(question)} in which the attempt began, in {zone_text(question)}."


def _entered_text(question: Funnel) -> str:
    if question.order is Order.ANY:
        return "Members with any of the steps in the bucket."
    return "Members with the first step in the bucket."


def _percentiles(took: str) -> tuple[Shown, Shown]:
    return (
        Shown("seconds_p50", FieldType.FLOAT, "measure", f"Median of the {took}"),
        Shown("seconds_p90", FieldType.FLOAT, "measure", f"90th percentile of the {took}"),
    )


def _bucket(question: Members | Retention) -> Shown:
    text = f"Start of the bucket of {width_text(question)}, in {zone_text(question)}."
    return Shown(question.bucket_name, FieldType.DATETIME, "bucket", text)
