"""Rules about questions about people. What changes their rows is an error, unless the version is raised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.check.breaking.rule import Catalogs, Found, Rule
from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.fingerprint import canonical
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.questions.people import Funnel, Question, Retention, section
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.text.durations import duration_text
from adi_analytics_codegen.model.text.zones import width_text, zone_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.questions.people import Selection


def _pairs(seen: Catalogs) -> Iterator[tuple[Question, Question]]:
    """Yield the old and the new version of every question that both catalogs have."""
    olds = {section(question): question for question in questions(seen.old)}
    for new in questions(seen.new):
        if section(new) in olds:
            yield olds[section(new)], new


def _removed(seen: Catalogs) -> Iterator[Found]:
    kept = {section(question) for question in questions(seen.new)}
    for question in questions(seen.old):
        path = section(question)
        if path not in kept:
            yield Found(seen.at, path, f"{path} was removed", "have it approved as an exception")


def _version_lowered(seen: Catalogs) -> Iterator[Found]:
    for old, new in _pairs(seen):
        if new.version < old.version:
            message = f"{section(new)}: version was {old.version} and is now {new.version}"
            yield Found(new.at, section(new), message, "never count a version down")


def _changed(seen: Catalogs) -> Iterator[Found]:
    for old, new in _pairs(seen):
        if new.version == old.version:
            before, now = _terms(old), _terms(new)
            for key in now:
                if before[key] != now[key]:
                    message = f"{section(new)}: {key} is another one, so its rows mean something else"
                    yield Found(new.at, section(new), message, "raise its version")


def _terms(question: Question) -> dict[str, Any]:
    """Return what decides the rows of *question*, by the key of the catalog that says it."""
    entity = question.entity
    kind = FieldType.STRING if entity.type is FieldType.ENUM else entity.type
    terms: dict[str, Any] = {
        "the entity": (entity.of, kind),
        "the bucket": (question.bucket_name, width_text(question), zone_text(question)),
    }
    if isinstance(question, Retention):
        terms |= {"start": _selected(question.start), "return": _selected(question.returns)}
        terms |= {"mode": question.mode, "on": question.on}
    if isinstance(question, Funnel):
        own = question.dimension
        terms |= {"steps": [_selected(step.selection) for step in question.steps]}
        terms |= {"exclude": sorted(map(_selected, question.exclude)), "order": question.order}
        terms |= {"within": duration_text(question.within), "dimension": own and (own.name, own.of)}
    return terms


def _selected(selection: Selection) -> list[str]:
    return sorted(map(_selected_one, selection.each))


def _selected_one(selection: Selection) -> str:
    return f"{selection.event} {sorted(str(canonical(condition)) for condition in selection.where)}"


def _shown_changed(seen: Catalogs) -> Iterator[Found]:
    for old, new in _pairs(seen):
        if isinstance(old, Funnel) and isinstance(new, Funnel):
            names, now = ([step.name for step in one.steps] for one in (old, new))
            for gone in (name for name in names if name not in now):
                message = f'{section(new)}: step_name is never "{gone}" any more'
                yield Found(new.at, f"{section(new)}.{gone}", message, "change its readers first")
        if isinstance(old, Retention) and isinstance(new, Retention) and new.periods < old.periods:
            message = f"{section(new)}: periods were {old.periods} and are now {new.periods}"
            yield Found(new.at, section(new), message, "change its readers first")


PEOPLE_RULES: Final[dict[str, Rule[Catalogs]]] = {
    "people-removed": Rule(
        _removed, Severity.ERROR, "An entity, a retention or a funnel was removed: the readers of its views break."
    ),
    "people-version-lowered": Rule(
        _version_lowered, Severity.ERROR, "The version of an entity, a retention or a funnel was lowered."
    ),
    "people-changed": Rule(
        _changed,
        Severity.ERROR,
        "What decides the rows of an entity, a retention or a funnel changed. Allowed when its version is raised.",
    ),
    "people-shown-changed": Rule(
        _shown_changed, Severity.WARNING, "A step of a funnel lost its name, or a retention has fewer periods."
    ),
}
