"""What the database keeps for an aggregate or a question about people, and how it is asked, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.dialects import planned_aggregate
from adi_analytics_codegen.model.questions.people import Funnel, Members, Question, Retention
from adi_analytics_codegen.model.text.durations import duration_text

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate

_KINDS: Final = {
    "rollup": "a row per bucket and dimensions",
    "users": "a row per bucket, dimensions and member, for trailing and exact distinct counts",
    "distribution": "how the values are distributed, for percentiles over longer ranges",
    "sketch": "a sketch of the different values, for distinct counts over any range",
    "people": "a row per bucket and member",
}


def stored(catalog: Catalog, name: str) -> dict[str, str]:
    """Return the stored relations of the aggregate or question called *name*, each with what its rows are."""
    plan = planned_aggregate(catalog, name).plan
    found = {}
    for relation in plan.relations:
        columns = ", ".join(column.name for column in relation.columns)
        found[relation.name] = f"{_KINDS[relation.kind]}: {columns}"
    return found


def companions(catalog: Catalog, aggregate: Aggregate) -> dict[str, str]:
    """Return the public views beside that of *aggregate* itself, each with the measures that it is for."""
    plan = planned_aggregate(catalog, aggregate.name).plan
    found = {}
    for view, parts in ((plan.distribution_view, plan.distributions), (plan.sketch_view, plan.sketches)):
        measures = [measure for part in parts for measure in part.measures]
        if measures:
            found[view] = ", ".join(measures)
    return found


def timing(thing: Aggregate | Question) -> dict[str, str]:
    """Return the buckets of *thing*, and when stored ones are brought up to date."""
    every, window, lag = (duration_text(one) for one in (thing.refresh.every, thing.refresh.window, thing.refresh.lag))
    return {
        "bucket": f"{thing.bucket_name}, {duration_text(thing.bucket_width)}",
        "refresh": f"every {every}, from {window} ago to {lag} ago",
    }


def settings(question: Question) -> dict[str, str]:
    """Return how *question* counts, by the key of the catalog that says it."""
    if isinstance(question, Members):
        return {}
    if isinstance(question, Retention):
        return {"periods": str(question.periods), "mode": str(question.mode), "on": str(question.on)}
    return _of_funnel(question)


def _of_funnel(funnel: Funnel) -> dict[str, str]:
    found = {"within": duration_text(funnel.within), "order": str(funnel.order)}
    if funnel.dimension is not None:
        found["dimension"] = f"{funnel.dimension.of}, {funnel.dimension.type}"
    return found
