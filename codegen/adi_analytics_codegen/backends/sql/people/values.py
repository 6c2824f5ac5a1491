"""What the templates of questions about people need."""

from __future__ import annotations

from typing import Any

from adi_analytics_codegen.backends.sql.people.stored import EXCLUDED
from adi_analytics_codegen.backends.sql.text.names import exact_interval, seconds
from adi_analytics_codegen.model.questions.people import Funnel, Mode, On, Question, Retention


def values(question: Question) -> dict[str, Any]:
    """Return what the templates of *question* need, by the name that they use."""
    own: dict[str, Any] = {"width": exact_interval(question.bucket_width)}
    if isinstance(question, Retention):
        own |= _of_retention(question)
    return own | _of_funnel(question) if isinstance(question, Funnel) else own


def _of_retention(question: Retention) -> dict[str, Any]:
    return {
        "width_seconds": seconds(question.bucket_width),
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
        "excluded": EXCLUDED if question.exclude else None,
        "dimension": question.dimension.name if question.dimension is not None else None,
    }
