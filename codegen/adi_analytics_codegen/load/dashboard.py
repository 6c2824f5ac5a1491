"""From nodes to the dashboard, checked against what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.dashboard import Dashboard, NumberFormat, ShownMeasure, ShownPanel, ShownSection
from adi_analytics_codegen.model.questions.people import Members
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.text.naming import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Location
    from adi_analytics_codegen.model.questions.aggregates import Aggregate

_OF_AGGREGATES: Final = ("by", "panels", "measures")


def read_dashboard(root: Node, catalog: Catalog, context: Context) -> Dashboard:
    """Return how *catalog*, which *root* describes, is shown."""
    node = root.get("dashboard")
    if node is None:
        return Dashboard()
    resolver = _Resolver(catalog, context)
    sections = (resolver.section(name, one) for name, one in node.entries("sections").items())
    return Dashboard(node.scalar("title", ""), tuple(one for one in sections if one is not None))


@dataclass(slots=True)
class _Resolver:
    catalog: Catalog
    context: Context

    def section(self, name: str, node: Node) -> ShownSection | None:
        """Return the section of what is called *name*, or ``None`` after a finding."""
        subject = f"dashboard.{name}"
        aggregates = {one.name: one for one in self.catalog.aggregates if not one.coarser_than}
        asked = [one.entity.name if isinstance(one, Members) else one.name for one in questions(self.catalog)]
        if name not in aggregates and name not in asked:
            message = f'there is no aggregate, entity, retention or funnel "{name}"'
            fix = did_you_mean(name, {*aggregates, *asked}) or "remove it"
            self.context.error(node.key_at, "unknown-section", message, fix, subject)
            return None
        aggregate = aggregates.get(name)
        if aggregate is None:
            for key in _OF_AGGREGATES:
                if node.get(key) is not None:
                    message = f'"{key}" is for aggregates'
                    self.context.error(node.mapping[key].key_at, "key-of-other-type", message, "remove it", subject)
            return ShownSection(name, node.key_at, node.scalar("title", ""), bool(node.scalar("hide")))
        return ShownSection(
            name=name,
            at=node.key_at,
            title=node.scalar("title", ""),
            hide=bool(node.scalar("hide")),
            by=self._by(node, aggregate, subject),
            panels=self._panels(node, aggregate, subject),
            measures=tuple(
                ShownMeasure(key, one.key_at, one.scalar("title", ""), _format(one), bool(one.scalar("hide")))
                for key, one in node.entries("measures").items()
                if self._is_measure(key, one.key_at, aggregate, subject)
            ),
        )

    def _by(self, node: Node, aggregate: Aggregate, subject: str) -> str:
        named = node.get("by")
        if named is None:
            return ""
        known = [dimension.name for dimension in aggregate.dimensions]
        if named.text not in known:
            message = f'{aggregate.name} has no dimension "{named.text}"'
            fix = did_you_mean(named.text, known) or "remove it"
            self.context.error(named.at, "unknown-dimension", message, fix, subject)
        return named.text

    def _panels(self, node: Node, aggregate: Aggregate, subject: str) -> tuple[ShownPanel, ...]:
        seen: set[str] = set()
        panels = []
        for one in node.list("panels"):
            names = []
            for measure in one.list("measures"):
                if not self._is_measure(measure.text, measure.at, aggregate, subject):
                    continue
                if measure.text in seen:
                    message = f'"{measure.text}" is in a panel already'
                    self.context.error(measure.at, "measure-twice", message, "remove it from one of them", subject)
                seen.add(measure.text)
                names.append(measure.text)
            panels.append(ShownPanel(tuple(names), one.at, one.scalar("title", "")))
        return tuple(panels)

    def _is_measure(self, name: str, at: Location, aggregate: Aggregate, subject: str) -> bool:
        known = _measures(aggregate)
        if name in known:
            return True
        message = f'{aggregate.name} has no measure "{name}"'
        self.context.error(at, "unknown-measure", message, did_you_mean(name, known) or "remove it", subject)
        return False


def _measures(aggregate: Aggregate) -> list[str]:
    derived: Iterable[str] = (ratio.name for ratio in aggregate.derived)
    return [*(measure.name for measure in aggregate.measures), *derived]


def _format(node: Node) -> NumberFormat | None:
    stated = node.scalar("format")
    return None if stated is None else NumberFormat(stated)
