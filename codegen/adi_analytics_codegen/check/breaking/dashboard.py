"""Rules about the dashboard: what those who read it no longer find there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.breaking.rule import Catalogs, Found, Rule
from adi_analytics_codegen.model.dashboard import ShownSection
from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.questions.people import section
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.rows.results import REVEALING, of_dimension, of_measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate

_FIX: Final = "tell those who read the page"


def _panel_emptied(seen: Catalogs) -> Iterator[Found]:
    yield from _sections(seen)
    kept = {one.name: one for one in seen.new.aggregates}
    for old in seen.old.aggregates:
        if old.name in kept and not old.coarser_than and not _hidden(seen, old.name):
            yield from _measures(seen, old, kept[old.name])
            yield from _dimensions(seen, old, kept[old.name])


def _sections(seen: Catalogs) -> Iterator[Found]:
    """Yield the sections that are gone, with all of their panels."""
    kept = _paths(seen.new)
    for path in _paths(seen.old):
        name = path.partition(".")[2]
        if path not in kept and not _hidden(seen, name):
            title = _shown(seen.old, name, seen).title
            message = f"the section {title or name} of the dashboard goes, and all of its panels: {path} is gone"
            yield Found(seen.at, f"dashboard.{name}", message, _FIX)


def _paths(catalog: Catalog) -> list[str]:
    """Return the paths of what has a section."""
    aggregates = [f"aggregates.{one.name}" for one in catalog.aggregates if not one.coarser_than]
    return [*aggregates, *map(section, questions(catalog))]


def _hidden(seen: Catalogs, name: str) -> bool:
    """Return whether a section was not shown, or is hidden by the edit, which says so itself."""
    return any(_shown(catalog, name, seen).hide for catalog in (seen.old, seen.new))


def _shown(catalog: Catalog, name: str, seen: Catalogs) -> ShownSection:
    """Return what *catalog* says of a section; if nothing, one that is laid out by default."""
    return next((one for one in catalog.dashboard.sections if one.name == name), ShownSection(name, seen.at))


def _measures(seen: Catalogs, old: Aggregate, new: Aggregate) -> Iterator[Found]:
    """Yield the measures that panels of an aggregate showed, and that no answer has any more."""
    own = _shown(seen.old, old.name, seen)
    hidden = {one.name for one in own.measures if one.hide}
    kept = _answered(seen.new, new)
    gone = [name for name in _answered(seen.old, old) if name not in kept and name not in hidden]
    for name in gone:
        panel = next((one for one in own.panels if name in one.measures), None)
        if panel is None:
            yield _found(old, new, name, f"no panel shows {name} any more")
            continue
        empty = ", and is empty" if set(panel.measures) <= {*gone, *hidden} else ""
        title = panel.title or " and ".join(panel.measures)
        yield _found(old, new, name, f"the panel {title} loses {name}{empty}")


def _dimensions(seen: Catalogs, old: Aggregate, new: Aggregate) -> Iterator[Found]:
    """Yield the dimensions that the panels of an aggregate could be grouped by, and no longer can."""
    by = _shown(seen.old, old.name, seen).by
    kept = _grouped(seen.new, new)
    for name in _grouped(seen.old, old):
        if name not in kept:
            before = f"its table was grouped by {name}, and " if name == by else ""
            yield _found(old, new, name, f"{before}no panel can be grouped by {name} any more")


def _found(old: Aggregate, new: Aggregate, name: str, message: str) -> Found:
    return Found(new.at, f"dashboard.{old.name}.{name}", f"dashboard.{old.name}: {message}", _FIX)


def _answered(catalog: Catalog, aggregate: Aggregate) -> list[str]:
    """Return the measures that answers show."""
    found = [one.name for one in aggregate.measures if _is_public(of_measure(catalog, aggregate, one))]
    return [*found, *(one.name for one in aggregate.derived)]


def _grouped(catalog: Catalog, aggregate: Aggregate) -> list[str]:
    """Return the dimensions that answers show."""
    return [one.name for one in aggregate.dimensions if _is_public(of_dimension(catalog, aggregate, one))]


def _is_public(about: dict[str, object]) -> bool:
    return about["sensitivity"] not in REVEALING


DASHBOARD_RULES: Final[dict[str, Rule[Catalogs]]] = {
    "panel-emptied": Rule(
        _panel_emptied,
        Severity.NOTE,
        "The dashboard showed an aggregate, a question, a measure or a dimension, in a panel of `dashboard` or in one "
        "made by default, and no answer has it any more.",
    ),
}
