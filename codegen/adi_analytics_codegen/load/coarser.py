"""The aggregates that keep percentiles of another one by longer buckets: ``percentiles: {rollup: day}``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.annotations import Annotations
from adi_analytics_codegen.model.kinds import MeasureKind
from adi_analytics_codegen.model.questions.aggregates import Refresh
from adi_analytics_codegen.model.questions.calendars import Unit
from adi_analytics_codegen.model.tables import shorten
from adi_analytics_codegen.model.text.durations import duration_text
from adi_analytics_codegen.model.text.naming import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from adi_analytics_codegen.load.aggregates import AggregateResolver
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Dimension

_WIDTHS: Final = {"day": timedelta(days=1), "week": timedelta(weeks=1)}
_HOUR: Final = timedelta(hours=1)


@dataclass(slots=True)
class CoarserResolver:
    """Resolves ``percentiles`` of the aggregates of one catalog.

    Attributes:
        named: The names of the aggregates that the catalog has.
    """

    aggregates: AggregateResolver
    named: Collection[str]

    def with_coarser(self, name: str, node: Node) -> Iterator[Aggregate]:
        """Yield the aggregate called *name*, and the one that keeps its percentiles by longer buckets."""
        made = self.aggregates.aggregate(name, node)
        yield made
        asked = node.get("percentiles")
        if asked is not None and (rollup := asked.get("rollup")) is not None:
            found = self._coarser(made, asked, rollup.text)
            if found is not None:
                yield found

    def _coarser(self, fine: Aggregate, asked: Node, rollup: str) -> Aggregate | None:
        subject, width = f"aggregates.{fine.name}", _WIDTHS[rollup]
        measures = tuple(measure for measure in fine.measures if measure.kind is MeasureKind.PERCENTILE)
        if not measures:
            self._error(asked, "the aggregate has no percentile", "remove percentiles", subject)
            return None
        if fine.bucket_width >= width:
            message = f"a bucket of {duration_text(fine.bucket_width)} is no shorter than a {rollup}"
            self._error(asked, message, "remove percentiles, or use a longer rollup", subject)
            return None
        dimensions = self._dimensions(fine, asked, subject)
        retention = self.aggregates.storage.retention
        if retention is not None and 3 * width > retention:
            message = f"three buckets of a {rollup} are longer than the retention of {duration_text(retention)}"
            self._error(asked, message, "use a shorter rollup, or keep events longer", subject)
        name = shorten(f"{fine.name}_by_{rollup}")
        if name in self.named:
            message = f'"{name}", which this makes, is another aggregate of the catalog'
            self.aggregates.context.error(asked.key_at, "name-taken", message, "rename the other one", subject)
            return None
        return replace(
            fine,
            name=name,
            description=f"Percentiles of {fine.name} by {rollup}.",
            bucket_name=_free(rollup, dimensions, {measure.name for measure in measures}),
            bucket_width=width,
            refresh=Refresh(_HOUR, 3 * width, _HOUR),
            measures=measures,
            at=asked.key_at,
            dimensions=dimensions,
            derived=(),
            annotations=Annotations(),
            coarser_than=fine.name,
            calendar=None if fine.calendar is None else replace(fine.calendar, unit=Unit(rollup)),
        )

    def _dimensions(self, fine: Aggregate, asked: Node, subject: str) -> tuple[Dimension, ...]:
        if asked.get("dimensions") is None:
            return fine.dimensions
        known = {dimension.name for dimension in fine.dimensions}
        named = {one.text: one for one in asked.list("dimensions")}
        for name, one in named.items():
            if name not in known:
                fix = did_you_mean(name, known) or "name dimensions of the aggregate"
                self.aggregates.context.error(
                    one.at, "percentiles-rollup", f'there is no dimension "{name}"', fix, subject
                )
        return tuple(dimension for dimension in fine.dimensions if dimension.name in named)

    def _error(self, asked: Node, message: str, fix: str, subject: str) -> None:
        self.aggregates.context.error(asked.key_at, "percentiles-rollup", message, fix, subject)


def _free(name: str, dimensions: tuple[Dimension, ...], measures: set[str]) -> str:
    """Return *name*, or another one if a column has it."""
    taken = {dimension.name for dimension in dimensions} | measures
    return name if name not in taken else f"start_of_{name}"
