"""What the templates of the public views of questions about people need.

Buckets are counted: a bucket and the next one have numbers that follow each other, whatever a time zone's clocks do.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.backends.clickhouse.expressions import buckets
from adi_analytics_codegen.backends.clickhouse.people.stored import EXCLUDED
from adi_analytics_codegen.backends.people import views
from adi_analytics_codegen.model.questions.people import Funnel, Members, Mode, On, Order, Question, Retention

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.clickhouse.relations import Relation


def template(question: Question) -> str:
    """Return the name of the template of *question*."""
    if isinstance(question, Members):
        return "members"
    return "retention" if isinstance(question, Retention) else "funnel"


def values(question: Question, relation: Relation) -> dict[str, Any]:
    """Return what the template of *question* needs, by the name that it uses."""
    own: dict[str, Any] = {
        "relation": relation,
        "columns": [column.name for column in relation.columns],
        "views": [view.name for view in views(question)],
        "number": lambda bucket: f"toInt64({buckets.number(question, bucket)})",
        "begin": partial(buckets.begin, question),
        "now": buckets.number_now(question),
    }
    if isinstance(question, Retention):
        own |= _of_retention(question)
    return own | _of_funnel(question) if isinstance(question, Funnel) else own


def _of_retention(question: Retention) -> dict[str, Any]:
    return {
        "periods": question.periods,
        "first_time": question.mode is Mode.FIRST_TIME,
        "or_after": question.on is On.ON_OR_AFTER,
    }


def _of_funnel(question: Funnel) -> dict[str, Any]:
    return {
        "steps": [step.name for step in question.steps],
        "order": str(question.order),
        "has_names": question.order is not Order.ANY,
        "within": buckets.micros(question.within),
        "open": buckets.number_now(question, question.within),
        "excluded": EXCLUDED if question.exclude else 0,
        "dimension": question.dimension.name if question.dimension is not None else None,
    }
