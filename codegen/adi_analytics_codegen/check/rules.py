"""Every rule that a finding can name, with what it says: for ``explain`` and docs/reference/rules.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adi_analytics_codegen.check.breaking import FORWARD_RULES
from adi_analytics_codegen.check.breaking import RULES as BREAKING_RULES
from adi_analytics_codegen.check.lint import LINTS

_CATALOG_RULES: Final = {
    "aggregate-field": "An aggregate reads a field that one of the events it reads does not have.",
    "aggregate-field-type": "An aggregate reads a field that has different types in the events it reads.",
    "aggregate-field-wire": "An aggregate reads a field that has different names in the JSON of the events it reads.",
    "aggregate-unstored": "An aggregate reads a field that is not stored, or tests one that is stored as a hash.",
    "bad-example": "An example of an event breaks the event's own schema.",
    "bad-pattern": "A pattern is no regular expression, or means different things to different engines.",
    "bucket-width": "A bucket is neither a month nor a week nor a day nor an even part of a day.",
    "class-name": "Two classes of the generated code have one name, or a class has a name that the code itself uses.",
    "column-store": "The field that fills a column is not stored unchanged.",
    "column-twice": "Two columns of an aggregate have one name.",
    "column-type": "The field that fills `user_id` is no uuid (or not what `user_id` under `catalog` says), or the one "
    "that fills `service` is no string.",
    "deprecation-status": "An event has a deprecation, but is neither deprecated nor retired.",
    "dimension-type": "An aggregate groups by a list, an object or free JSON.",
    "duplicate-key": "A key is given twice, in one mapping or in one section over several files.",
    "each-list": "An aggregate has `each`, and what that names is no list, or a list of lists or maps.",
    "empty-range": "A lower bound is above its upper bound.",
    "encoding": "A file is not UTF-8.",
    "entity-field": "The field of an entity is in no event, or is of a type that identifies nothing.",
    "entity-lacking": "A retention or a funnel counts an event that does not have the entity.",
    "event-twice": "An aggregate names an event twice.",
    "field-twice": "A field comes twice into an event or group.",
    "fixed-value": "A constant or a default is no value that its field can have, or the field has a key beside it that "
    "contradicts it.",
    "funnel-exclude": "A funnel excludes what cannot come between its steps, or everything.",
    "funnel-steps": "A funnel has too few or too many steps, or a step that every event is, or one event in two steps "
    "without an order.",
    "funnel-within": "The window of a funnel is shorter than a bucket, or longer than the retention.",
    "group-cycle": "Groups include each other in a circle, or types of objects do.",
    "include": "A file is included twice, is outside of the main file's folder, or holds what belongs into that file.",
    "key-of-items": "The items of a list have a key that only fields can have.",
    "key-of-other-type": "A field, a measure or a section of the dashboard of this type cannot have this key.",
    "measure-twice": "A section of the dashboard has a measure in two panels.",
    "measure-type": "A measure cannot be taken of a field of this type.",
    "measure-value": "A measure is of a text that is no arithmetic of fields, or of one in which a field cancels out.",
    "member-collision": "Two values of an enum would be called the same in generated code.",
    "missing-key": "A key that is needed is missing.",
    "name-taken": "An aggregate, or what is made for it, has the name of a table, view or index that is made for "
    "another part. `x_distribution`, `x_sketch`, `x_v1` and all names that begin with `x_v1_` belong to `x`.",
    "needs-format": "A key or value came with a newer format than the catalog says it has.",
    "percentiles-rollup": "An aggregate asks for percentiles by longer buckets, and has none, or no such dimension, or "
    "buckets that are as long; or the events are not kept for three of the longer ones.",
    "python-name": "A name is a keyword of Python, or hides a type there.",
    "ratio-of": "A ratio is of something that cannot be divided: no count, no sum, no distinct count alone.",
    "refresh-window": "A refresh window holds less than two buckets, or leaves some out between two refreshes, or is "
    "longer than the retention.",
    "reserved-name": "A name is reserved: by the catalog for something removed, or by the format.",
    "rule-contradiction": "No event can keep all rules between its fields, or none that has one of the fields.",
    "rule-field": "A rule between fields names a required field, or a field twice.",
    "selection-list": "A list of events has one twice with the same tests, or `any` beside others.",
    "store-type": "A field that is stored as a hash is no string.",
    "system-column": "A column of an aggregate has the name of a system column of PostgreSQL, such as `xmin`.",
    "time-zone": "A bucket has a time zone that does not exist, or whose midnight came twice on a day since 2012, or "
    "it is neither a day nor a week nor a month.",
    "too-many-columns": "An aggregate has more columns than a table of PostgreSQL can have, or than fit into a row.",
    "trailing-span": "The span of a trailing count is not a whole number of buckets greater than one.",
    "unknown-dimension": "A section of the dashboard names a dimension that its aggregate does not have.",
    "unknown-entity": "A retention or a funnel is about an entity that does not exist.",
    "unknown-domain": "An event names a domain that does not exist.",
    "unknown-enum": "A field names an enum that does not exist.",
    "unknown-event": "Something names an event that does not exist, or that the aggregate does not read.",
    "unknown-field": "A column or a rule names a field that the event does not have.",
    "unknown-group": "Something includes a group that does not exist.",
    "unknown-key": "A key does not exist here.",
    "unknown-measure": "A ratio or the dashboard names a measure that does not exist.",
    "unknown-reference": "A `where` tests something that can be no field.",
    "unknown-section": "The dashboard has a section of something that does not exist.",
    "unknown-type": "A field names a type of objects that does not exist.",
    "unknown-replacement": "What is deprecated names itself, or nothing that exists, as what replaces it.",
    "unreadable": "A file cannot be read.",
    "where-never": "A `where` compares with a value that the field cannot have, or no row can pass all its tests.",
    "where-operator": "A `where` uses an operator that the field's type does not have.",
    "where-type": "A `where` compares with a value of another type than the field's, or with a time that does not "
    "exist.",
    "wire-collision": "Two events, or two fields of an event or an object, have one name in JSON.",
    "wrong-type": "A value has the wrong type: a string where a mapping is expected, for example.",
    "wrong-value": "A value is not among those allowed here.",
    "yaml-alias": "An alias has no anchor, contains itself, or expands to far too much.",
    "yaml-depth": "The file is nested too deep.",
    "yaml-document": "The file holds more than one document.",
    "yaml-key": "A key is a list, a mapping or an alias.",
    "yaml-merge": "A merge key (`<<`) is used. Groups and `include` do the same.",
    "yaml-syntax": "The file is not YAML.",
    "yaml-tag": "A tag such as `!!python/object` is used. Tags mean nothing in a catalog.",
}
_WAIVER_RULES: Final = {
    "unknown-lint": "A suppression names a lint that does not exist.",
    "stale-suppression": "A suppression fits no finding. Remove it.",
    "unknown-rule": "An exception names a rule that does not exist.",
    "expired-exception": "An exception has ended.",
    "stale-exception": "An exception fits no change, as after the change has been merged. Remove it.",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        kind: ``catalog``, ``lint``, ``breaking``, ``forward`` or ``waiver``.
    """

    kind: str
    severity: str
    text: str


RULES: Final[dict[str, Rule]] = {
    **{name: Rule("catalog", "error", text) for name, text in _CATALOG_RULES.items()},
    **{name: Rule("lint", str(lint.severity), lint.text) for name, lint in LINTS.items()},
    **{
        name: Rule("forward" if name in FORWARD_RULES else "breaking", str(rule.severity), rule.text)
        for name, rule in BREAKING_RULES.items()
    },
    **{
        name: Rule("waiver", "warning" if name == "stale-exception" else "error", text)
        for name, text in _WAIVER_RULES.items()
    },
}
"""Every rule by its id."""

_INTRODUCTION: Final = """\
<!-- Made by `analytics-codegen rules --format markdown`. Do not edit. -->
# Rules

Every finding names its rule. `analytics-codegen explain RULE` shows one, `analytics-codegen rules` all of them.
"""
_LINT_TEXT: Final = """\
Found by `analytics-codegen lint`, which then exits with 1. Each can be suppressed where there is a reason:

```yaml
suppressions:
  - rule: wide-dimension
    at: aggregates.sign_ins_daily.user_id
    reason: There are few users, and support looks each of them up.
```"""
_BREAKING_TEXT: Final = """\
Found by `analytics-codegen breaking --against git:REF`, which exits with 1 when one is an error. Events that were
drafts are exempt. A change that you need can be accepted until a date:

```yaml
exceptions:
  - rule: field-removed
    at: events.task_created.command
    reason: Legal asked for it to go at once.
    until: 2026-12-31
```"""
_FORWARD_TEXT: Final = """\
Found by `analytics-codegen breaking --forward`, besides the changes above. They are what strict readers with the old
catalog refuse of new senders: `from_json`, the JSON Schemas of what is sent, an endpoint that takes events in. Update
such readers first. Whoever reads rows with `from_stored` need not care about most of them."""
_CHAPTERS: Final = {
    "catalog": ("Errors of a catalog", "Nothing is generated while one is found. They cannot be suppressed."),
    "lint": ("Lints", _LINT_TEXT),
    "breaking": ("Breaking changes", _BREAKING_TEXT),
    "forward": ("What old strict readers refuse", _FORWARD_TEXT),
    "waiver": ("Suppressions and exceptions", "Each must match a finding. An exception must not have ended."),
}


def markdown() -> str:
    """Return the reference page of all rules."""
    parts = [_INTRODUCTION]
    for kind, (title, text) in _CHAPTERS.items():
        rows = [f"| `{name}` | {rule.severity} | {rule.text} |" for name, rule in RULES.items() if rule.kind == kind]
        head = ["| rule | severity | what it finds |", "|---|---|---|"]
        parts.append("\n".join([f"## {title}\n\n{text}\n", *head, *rows, ""]))
    return "\n".join(parts)
