"""What an edit of the rules between an event's fields may do: old senders still send what the old ones allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.describe import rule_text
from adi_analytics_codegen.check.breaking.rule import Events, Found, Rule
from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.rules import choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.rules import FieldRule


def _tightened(seen: Events) -> Iterator[Found]:
    for rule in () if seen.bumped else _narrowing(seen.old, seen.new):
        message = f"{seen.subject}: old senders may break the rule: {rule_text(rule, str)}"
        yield Found(rule.at, seen.subject, message, "raise the event's version, or leave the rule out")


def _loosened(seen: Events) -> Iterator[Found]:
    for rule in _narrowing(seen.new, seen.old):
        message = f"{seen.subject}: events may now break what old readers check: {rule_text(rule, str)}"
        yield Found(seen.new.at, seen.subject, message, "update the readers before the senders")


def _narrowing(before: Event, after: Event) -> Iterator[FieldRule]:
    """Yield the rules of *after* that refuse something *before* allows. Fields are the same where their keys are."""
    known = {field.key: field.optional for field in before.fields}
    rules = [_by_keys(before, rule) for rule in before.rules]
    for rule in after.rules:
        by_keys = _by_keys(after, rule)
        settled = {key: key in known for key in by_keys.fields if not known.get(key, False)}
        for broken in by_keys.violations():
            clashes = any(settled.get(key, there) is not there for key, there in broken.items())
            if not clashes and choice(rules, settled | broken) is not None:
                yield rule
                break


def _by_keys(event: Event, rule: FieldRule) -> FieldRule:
    keys = {field.name: field.key for field in event.fields}
    return replace(rule, fields=tuple(keys[name] for name in rule.fields))


RULE_RULES: Final[dict[str, Rule[Events]]] = {
    "field-rules-tightened": Rule(
        _tightened,
        Severity.ERROR,
        "A rule between fields is new or narrower, and old senders may break it. Allowed when the event's version is "
        "raised.",
    ),
}
FORWARD_EVENT_RULES: Final[dict[str, Rule[Events]]] = {
    "forward-field-rules-loosened": Rule(
        _loosened, Severity.ERROR, "A rule between fields is gone or wider. Readers of an older version check it."
    ),
}
