"""The dashboard as Grafana imports it: a row for each aggregate and question, panels as in the service's layout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.resolve.measures import PERSONAL
from adi_analytics.server.grafana import statements
from adi_analytics.server.grafana.statements import ALL, Shown
from adi_analytics.server.read.dashboard.layout import layout_of
from adi_analytics.server.read.dashboard.titles import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adi_analytics.query.model.describe import Aggregate, Described, Dimension, Measure
    from adi_analytics.server.read.dashboard.layout import Section
    from adi_analytics.server.read.dashboard.panels import Panel
    from adi_analytics.server.read.dashboard.shown import Shown as Wanted

SCHEMA: Final = 39
"""Of the document; Grafana 10.4 has it, and later ones read it."""
DATABASE: Final = "grafana-postgresql-datasource"
"""Grafana's own data source for PostgreSQL."""

_SOURCE: Final = {"type": DATABASE, "uid": "${DS}"}
_WIDTH: Final = 24
_HEIGHT: Final = 8
_UNITS: Final = {
    "number": "short", "percent": "percentunit", "bytes": "bytes", "duration_us": "µs", "duration_ms": "ms",
    "duration_s": "s", "duration_min": "m", "duration_h": "h",
}  # fmt: skip
_CURRENCIES: Final = frozenset({"USD", "EUR", "GBP", "JPY", "CHF", "SEK", "DKK", "NOK", "CZK", "PLN", "INR", "BRL"})
_LINES: Final = {"members_counts", "lifecycle", "funnel"}
"""Views about people that have a row for each bucket."""
_SHARES: Final = re.compile(r"(?:.*_)?rate")
_COUNTS: Final = "int"


def dashboard(described: Described, wanted: Wanted | None = None) -> dict[str, Any]:
    """Return the dashboard of a catalog, shown as it is *wanted*, to be imported into Grafana."""
    layout = layout_of(described, wanted)
    sections = [section for section in layout.sections if section.kind != "overview"]
    variables: list[dict[str, Any]] = [_source_variable()]
    rows: list[tuple[Section, list[dict[str, Any]]]] = []
    for section in sections:
        aggregate = next(one for one in described.aggregates if _name(one) == section.name)
        if aggregate.people is not None:
            rows.append((section, list(_of_people(aggregate))))
            continue
        shown = Shown(aggregate, tuple(one for one in aggregate.dimensions if one.sensitivity not in PERSONAL))
        variables += [_variable(shown, one, section.title) for one in shown.dimensions]
        rows.append((section, list(_of_aggregate(shown, section))))
    return {
        "uid": f"adi-analytics-{described.catalog}"[:40],
        "title": layout.title,
        "tags": ["adi-analytics"],
        "schemaVersion": SCHEMA,
        "timezone": "utc",
        "time": {"from": "now-30d", "to": "now"},
        "graphTooltip": 1,
        "editable": True,
        "annotations": {"list": []},
        "templating": {"list": variables},
        "panels": list(_placed((section, panels) for section, panels in rows if panels)),
    }


def _name(aggregate: Aggregate) -> str:
    people = aggregate.people
    return people.entity if people is not None and people.kind == "members" else aggregate.name


def _source_variable() -> dict[str, Any]:
    return {"name": "DS", "label": "Database", "type": "datasource", "query": DATABASE, "refresh": 1}


def _variable(shown: Shown, dimension: Dimension, title: str) -> dict[str, Any]:
    asked = statements.values(shown, dimension)
    return {
        "name": shown.variable(dimension),
        "label": f"{title}: {title_of(dimension.name).lower()}",
        "type": "query",
        "datasource": _SOURCE,
        "query": asked,
        "definition": asked,
        "refresh": 2,  # when the time range changes
        "multi": True,
        "includeAll": True,
        "allValue": ALL,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _of_aggregate(shown: Shown, section: Section) -> Iterator[dict[str, Any]]:
    for panel in section.panels:
        measures = {title: shown.aggregate.measure(one["name"]) for title, one in _titled(panel).items()}
        added = {title: measure for title, measure in measures.items() if shown.added(measure)}
        if panel.kind == "table":
            yield from _table(shown, panel, measures, added)
        elif shown.is_whole or len(added) == len(measures):
            yield _panel("timeseries", panel.title, statements.over_time(shown, measures), _units(panel))


def _table(
    shown: Shown, panel: Panel, measures: Mapping[str, Measure], added: Mapping[str, Measure]
) -> Iterator[dict[str, Any]]:
    if panel.granularity is None and added:
        named = {panel.by} if panel.by else {one.name for one in shown.dimensions}
        grouped = [one for one in shown.dimensions if one.name in named]
        yield _panel("table", panel.title, statements.by_group(shown, grouped, added), _units(panel))
    elif shown.is_whole:
        yield _panel("table", panel.title, statements.stored_rows(shown, measures), _units(panel))


def _of_people(aggregate: Aggregate) -> Iterator[dict[str, Any]]:
    """Yield lines of counts and of shares for each view that has a row for each bucket."""
    for view in aggregate.views:
        _, columns = aggregate.view(view.kind)
        if view.kind not in _LINES or any(one.role == "dimension" for one in columns):
            continue
        counts = {title_of(one.name): one.name for one in columns if one.role == "measure" and one.type == _COUNTS}
        shares = {title_of(one.name): one.name for one in columns if _SHARES.fullmatch(one.name)}
        for title, lines, unit in ((view.kind, counts, "short"), ("rate", shares, "percentunit")):
            if lines:
                sql = statements.of_people(view.name, aggregate.bucket.column, lines)
                yield _panel("timeseries", title_of(title), sql, dict.fromkeys(lines, unit))


def _titled(panel: Panel) -> dict[str, Mapping[str, Any]]:
    """Return the measures by title, or by name where one before has the title."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in panel.measures:
        found[one["name"] if one["title"] in found else one["title"]] = one
    return found


def _units(panel: Panel) -> dict[str, str]:
    return {title: _unit(one["format"], one["unit"]) for title, one in _titled(panel).items()}


def _unit(form: str, unit: str | None) -> str:
    if form == "currency":
        return f"currency{unit}" if unit in _CURRENCIES else "none"
    return _UNITS[form]


def _panel(kind: str, title: str, sql: str, units: Mapping[str, str]) -> dict[str, Any]:
    common = set(units.values())
    overrides = [
        {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "unit", "value": unit}]}
        for name, unit in units.items()
        if len(common) > 1
    ]
    made: dict[str, Any] = {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "targets": [
            {
                "refId": "A",
                "datasource": _SOURCE,
                "editorMode": "code",
                "rawQuery": True,
                "rawSql": sql,
                "format": "table" if kind == "table" else "time_series",
            }
        ],
        "fieldConfig": {"defaults": {"unit": common.pop()} if len(common) == 1 else {}, "overrides": overrides},
    }
    if kind == "timeseries":
        made["fieldConfig"]["defaults"]["custom"] = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "auto"}
    return made


def _placed(rows: Iterator[tuple[Section, list[dict[str, Any]]]]) -> Iterator[dict[str, Any]]:
    """Yield rows and their panels with ids and places: two beside each other, the last one over the whole width."""
    number = y = 0
    for section, panels in rows:
        number += 1
        place = {"x": 0, "y": y, "w": _WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": section.title, "collapsed": False, "panels": [], "gridPos": place}
        y += 1
        for at, panel in enumerate(panels):
            alone = at % 2 == 0 and at + 1 == len(panels)
            width = _WIDTH if alone else _WIDTH // 2
            number += 1
            place = {"x": at % 2 * (_WIDTH // 2), "y": y, "w": width, "h": _HEIGHT}
            yield {"id": number, **panel, "description": section.description, "gridPos": place}
            y += _HEIGHT if alone or at % 2 else 0
