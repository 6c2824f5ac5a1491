"""``dashboard.json``: how the catalog is shown, and what each part of it says. The service reads it.

It is a file of its own, so that an edit of a title or of a comment changes no manifest.
"""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model.questions.people import Funnel, Members, Retention
from adi_analytics_codegen.model.readers import questions, sources
from adi_analytics_codegen.model.samples.values import SampleError, sample

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.dashboard import Definition, ShownSection
    from adi_analytics_codegen.model.events import Event

FORMAT: Final = 1


def dashboard_file(catalog: Catalog) -> str:
    """Return the text of ``dashboard.json``."""
    told = _told(catalog) if catalog.definitions else {}
    document = {
        "made_by": "analytics-codegen generate",
        "format": FORMAT,
        "package": catalog.python_package if "python" in catalog.outputs else "",
        "title": catalog.dashboard.title,
        "sections": [_section(section) for section in catalog.dashboard.sections],
        "definitions": [_definition(one, told) for one in catalog.definitions if (one.kind, one.name) in told],
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def _section(section: ShownSection) -> dict[str, Any]:
    return {
        "name": section.name,
        "title": section.title,
        "hide": section.hide,
        "by": section.by,
        "panels": [{"title": panel.title, "measures": list(panel.measures)} for panel in section.panels],
        "measures": [
            {"name": one.name, "title": one.title, "format": one.format or "", "hide": one.hide}
            for one in section.measures
        ],
    }


def _told(catalog: Catalog) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what the model knows of each definition, by kind and name."""
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for event in catalog.events:
        about = {"description": event.description, "owner": event.owner, "reads": []}
        told["event", event.name] = {**about, "example": _example(catalog, event)}
    for aggregate in catalog.aggregates:
        about = {
            "description": aggregate.description,
            "owner": aggregate.owner,
            "reads": list(aggregate.sources),
        }
        told["aggregate", aggregate.name] = about
    for question in questions(catalog):
        name = question.entity.name if isinstance(question, Members) else question.name
        about = {"description": question.description, "owner": question.owner}
        told[_KINDS[type(question)], name] = {**about, "reads": list(sources(catalog, question))}
    return told


def _example(catalog: Catalog, event: Event) -> dict[str, Any] | None:
    """Return a valid *event* as JSON data: the catalog's own, or one made up; the same each time."""
    if event.examples:
        return {"type": event.type, **event.examples[0]}
    try:
        return sample(catalog, event, Random(event.name))  # noqa: S311 - it needs to be repeatable, not secret
    except SampleError:
        return None


_KINDS: Final[dict[type, str]] = {Members: "entity", Retention: "retention", Funnel: "funnel"}


def _definition(one: Definition, told: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    place = {"file": one.file, "line": one.line, "text": one.text}
    return {"kind": one.kind, "name": one.name, **told[one.kind, one.name], **place}
