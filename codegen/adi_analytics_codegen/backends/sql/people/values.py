"""What the templates of questions about people need."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.backends.sql.people.kept import reach, table_span
from adi_analytics_codegen.backends.sql.people.stored import EXCLUDED
from adi_analytics_codegen.backends.sql.relations.plan import reach as at_least
from adi_analytics_codegen.backends.sql.text.names import days_later, exact_interval, literal, seconds
from adi_analytics_codegen.model.questions.calendars import Unit
from adi_analytics_codegen.model.questions.people import Funnel, Mode, On, Question, Retention

if TYPE_CHECKING:
    from adi_analytics_codegen.model.questions.calendars import Calendar


def values(question: Question) -> dict[str, Any]:
    """Return what the templates of *question* need, by the name that they use."""
    own: dict[str, Any] = {"later": partial(_later, question)}
    if isinstance(question, Retention):
        own |= _of_retention(question)
    return own | _of_funnel(question) if isinstance(question, Funnel) else own


def _later(question: Question, bucket: str, times: str = "1") -> str:
    """Return the start of the bucket so many *times* after the one that starts at *bucket*."""
    if question.calendar is not None:
        return days_later(bucket, question.bucket_width, question.calendar.zone, times)
    return f"{bucket} + {'' if times == '1' else f'{times} * '}{exact_interval(question.bucket_width)}"


def _between(question: Question, earlier: str, later: str) -> str:
    """Return how many buckets after the one that starts at *earlier* the one that starts at *later* comes."""
    calendar = question.calendar
    if calendar is None:
        return f"(extract(epoch from {later} - {earlier}) / {seconds(question.bucket_width)})::integer"
    if calendar.unit is Unit.MONTH:
        return f"({_month(later, calendar)} - {_month(earlier, calendar)})"
    first, last = (f"({at} at time zone {literal(calendar.zone)})::date" for at in (earlier, later))
    return f"(({last} - {first}) / {question.bucket_width.days})"


def _before(question: Question) -> str:
    """Return the test whether the bucket `_before`, if there is one, is the one before `_bucket`."""
    if question.calendar is None:
        return f"_before is not distinct from _bucket - {exact_interval(question.bucket_width)}"
    return f"{_later(question, '_before')} is not distinct from _bucket"


def _month(bucket: str, calendar: Calendar) -> str:
    there = f"{bucket} at time zone {literal(calendar.zone)}"
    return f"(12 * extract(year from {there}) + extract(month from {there}))::integer"


def _of_retention(question: Retention) -> dict[str, Any]:
    return {
        "between": partial(_between, question),
        "was_just_before": _before(question),
        "longest": exact_interval(at_least(question.bucket_width, question.calendar)),
        "reach": exact_interval(table_span(question)),
        "periods": question.periods,
        "first_time": question.mode is Mode.FIRST_TIME,
        "or_after": question.on is On.ON_OR_AFTER,
        "table": question.name,
    }


def _of_funnel(question: Funnel) -> dict[str, Any]:
    return {
        "steps": [step.name for step in question.steps],
        "order": str(question.order),
        "within": exact_interval(question.within),
        "reach": exact_interval(reach(question)),
        "excluded": EXCLUDED if question.exclude else None,
        "dimension": question.dimension.name if question.dimension is not None else None,
    }
