"""What is kept of the answers to a question about people: tables and functions beside its relation of members.

Answers about buckets that are over are kept, so that a view computes those of open buckets only. When a member came
first and last is kept, too, because it needs all buckets before: the rows that are open never tell who is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.expressions.values import SQL_TYPES
from adi_analytics_codegen.backends.sql.relations.measures import Column
from adi_analytics_codegen.backends.sql.relations.places import Places
from adi_analytics_codegen.backends.sql.relations.plan import TIMESTAMP_TYPE
from adi_analytics_codegen.backends.sql.relations.plan import reach as at_least
from adi_analytics_codegen.backends.sql.text.names import identifier
from adi_analytics_codegen.backends.sql.text.statements import Statement, function, index, table
from adi_analytics_codegen.backends.sql.text.templates import render
from adi_analytics_codegen.model.questions.people import Funnel, Members, On, Question, Retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics_codegen.backends.sql.relations.plan import Plan, Relation

_NONE: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Part:
    """A table of kept answers.

    Attributes:
        table: Which of the relation's names is its name.
        function: Which is that of the function that computes its rows between two bucket starts.
        template: What renders the function.
        before: How long before a bucket the answers lie that depend on it.
        after: How long after it.
    """

    table: str
    function: str
    template: str
    columns: tuple[tuple[str, str], ...]
    before: timedelta = _NONE
    after: timedelta = _NONE


def reach(question: Funnel) -> timedelta:
    """Return how many buckets an attempt reaches into after that of its beginning, as a span."""
    if question.calendar is not None:
        return at_least(question.within + question.bucket_width, question.calendar)
    return -(-question.within // question.bucket_width) * question.bucket_width


def table_span(question: Retention) -> timedelta:
    """Return at least how long the periods of a table are."""
    if question.calendar is not None:
        return at_least((question.periods + 1) * question.bucket_width, question.calendar)
    return question.periods * question.bucket_width


def parts(question: Question) -> tuple[Part, ...]:
    """Return the tables of answers to *question*."""
    bucket = ("bucket", TIMESTAMP_TYPE)
    if isinstance(question, Members):
        return (Part("answers", "answered", "members_function", (bucket, *_counts("members", "new_members"))),)
    if isinstance(question, Funnel):
        return (Part("answers", "answered", "funnel_function", _funnel_columns(question), before=reach(question)),)
    table = table_span(question)
    whole = question.on is On.ON_OR_AFTER
    cells = (bucket, ("cohort", TIMESTAMP_TYPE), ("period", "integer"), *_counts("members", "returned"))
    kinds = _counts("new_members", "returning_members", "resurrected_members", "dormant_members")
    return (
        Part(
            "answers",
            "answered",
            "retention_function",
            cells,
            before=table if whole else _NONE,
            after=_NONE if whole else table,
        ),
        Part(
            "life",
            "lived",
            "lifecycle_function",
            (bucket, *kinds),
            after=at_least(question.bucket_width, question.calendar),
        ),
    )


def _counts(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, "bigint") for name in names)


def _funnel_columns(question: Funnel) -> tuple[tuple[str, str], ...]:
    own, numbers = question.dimension, range(1, len(question.steps) + 1)
    return (
        ("bucket", TIMESTAMP_TYPE),
        *([("dimension", SQL_TYPES[own.type])] if own is not None else []),
        *_counts(*(f"members_{number}" for number in numbers)),
        *((f"seconds_{number}", "double precision[]") for number in numbers[1:]),
    )


def known(question: Question, relation: Relation) -> tuple[Column, ...]:
    """Return what is known of each member, as far as buckets are over: by min or max of its rows in *relation*."""
    names = [identifier(column.name) for column in relation.columns]
    if isinstance(question, Members):
        return (
            Column("first", TIMESTAMP_TYPE, f"min({names[2]})", "first", "min"),
            Column("last", TIMESTAMP_TYPE, f"max({names[3]})", "last", "max"),
        )
    if isinstance(question, Funnel):
        return ()
    return (
        Column("started", TIMESTAMP_TYPE, f"min({names[0]}) filter (where {names[2]})", "first", "min"),
        Column("returned", TIMESTAMP_TYPE, f"min({names[0]}) filter (where {names[3]})", "first", "min"),
    )


def statements(question: Question, plan: Plan, given: dict[str, Any]) -> list[Statement]:
    """Return the statements of all that is kept of *question*, whose plan is *plan*; templates need *given*."""
    places = Places(plan, plan.main)
    columns = known(question, plan.main)
    found: list[Statement] = []
    if columns:
        member = ("member", plan.main.columns[1].type)
        found.append(
            _table(
                places,
                "known",
                (member, *((column.name, column.type) for column in columns)),
                " with (fillfactor = 80)",
            )
        )
        found.append(_index(places, "known_index", "known", "member"))
        # Not the last time: it changes with each bucket of a member, and without an index in place.
        firsts = (column.name for column in columns if column.merge == "min")
        found += [_index(places, f"known_index_{number}", "known", name) for number, name in enumerate(firsts, 1)]
        select = render("people/known_function", known=columns, **given)
        found.append(function(places.kept("known_rows").plain, select))
    for part in parts(question):
        found.append(_table(places, part.table, part.columns))
        found.append(_index(places, f"{part.table}_index", part.table, "bucket"))
        found.append(function(places.kept(part.function).plain, render(f"people/{part.template}", **given)))
    return found


def _table(places: Places, part: str, columns: Sequence[tuple[str, str]], settings: str = "") -> Statement:
    name = places.kept(part).plain
    lines = ",\n".join(
        f"    {column} {kind}{' not null' if n == 0 else ''}" for n, (column, kind) in enumerate(columns)
    )
    return table(f"table {name}", name, f" (\n{lines}\n){settings}")


def _index(places: Places, part: str, of: str, column: str) -> Statement:
    name = places.kept(of)
    return index(f"index {column} of {name.plain}", places.kept(part).plain, name.plain, f"\n    on {name} ({column})")
