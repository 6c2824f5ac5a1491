"""Lints about fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.lint.rule import Found, Lint
from adi_analytics_codegen.model.fields import Field
from adi_analytics_codegen.model.kinds import FieldType, Format, Sensitivity, Store
from adi_analytics_codegen.model.text.backtracking import degree, is_anchored, is_slow
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Location


_MOST_TRIES: Final = 10_000_000
"""Steps that a pattern may take over the longest text: they take a regular expression of Python about half a second."""


def _fields(catalog: Catalog, loaded: Loaded) -> Iterator[tuple[Field, str]]:
    """Yield every named field once, where it is defined: one of a group is not repeated for its events."""
    seen: set[Location] = set()
    for event in catalog.events:
        for field in every_field(event.fields):
            if field.name and field.at not in seen:
                seen.add(field.at)
                yield field, loaded.subjects[field.at]


def _field_undocumented(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        if not field.description:
            yield field.at, subject, f'field "{field.name}" has no description', "say what its value means"


def _personal_kept(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        if field.sensitivity is Sensitivity.PERSONAL and not field.store_stated:
            message = f'personal field "{field.name}" is stored unchanged because it has no store'
            yield field.at, subject, message, "set store: keep, hash or drop"


def _secret_stored(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        if field.sensitivity is Sensitivity.SECRET and field.store is not Store.DROP:
            yield field.at, subject, f'secret field "{field.name}" is stored as {field.store}', "use store: drop"


_TELLING: Final = re.compile(
    r"(^|_)(email|e_mail|mail|password|passwd|passphrase|secret|token|api_key|phone|mobile|ssn|iban|"
    r"ip|ip_address|remote_addr|address|first_name|last_name|full_name|surname|birthday|birth_date|"
    r"latitude|longitude|device_name|host_name|hostname|user_agent)($|_\d+$)"
)


_TELLING_FORMATS: Final = {Format.EMAIL, Format.IP}


def _sensitivity_missing(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        telling = field.format in _TELLING_FORMATS or _TELLING.search(field.name)
        if field.sensitivity is Sensitivity.NONE and telling and field.type is not FieldType.BOOL:
            message = f'"{field.name}" sounds like personal data'
            yield field.at, subject, message, "set sensitivity"


_UNITS: Final = {
    "ns": "ns", "us": "us", "ms": "ms", "millis": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "secs": "s",
    "seconds": "s", "minutes": "min", "hours": "h", "days": "d", "bytes": "bytes", "kb": "kB", "mb": "MB",
    "percent": "%", "pct": "%",
}  # fmt: skip


_NUMBERS: Final = {FieldType.INT, FieldType.FLOAT, FieldType.DECIMAL}


def _unit_missing(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        unit = _UNITS.get(field.name.rpartition("_")[2])
        if unit and field.type in _NUMBERS and field.unit is None:
            yield field.at, subject, f'"{field.name}" has no unit', f"set unit: {unit}"


def _column_missing(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    seen: set[Location] = set()
    for event in catalog.events:
        for name, filler, kind in (
            ("user_id", event.user_id_field, catalog.user_id),
            ("service", event.service_field, FieldType.STRING),
        ):
            field = event.field(name)
            if field is None or field.at in seen or field.type is not kind or field.store is not Store.KEEP:
                continue
            if filler is None:
                seen.add(field.at)
                message = f'field "{name}" does not fill the column {name}'
                yield field.at, loaded.subjects[field.at], message, f"add columns: {{{name}: {name}}}"


def _type_differs(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    first: dict[str, tuple[FieldType, str]] = {}
    seen: set[Location] = set()
    for event in catalog.events:
        for field in event.fields:
            kind, where = first.setdefault(field.name, (field.type, event.name))
            if field.type is not kind and field.at not in seen:
                seen.add(field.at)
                message = f'"{field.name}" is {field.type} here and {kind} in {where}'
                yield field.at, loaded.subjects[field.at], message, "use one type, or two names"


def _pattern_unanchored(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        pattern = field.pattern
        if not pattern or field.format is not None or is_anchored(pattern):
            continue
        if "|" in pattern and pattern.startswith("^") and pattern.endswith("$"):
            message = f"^ and $ bind to one alternative of the pattern of {field.name} only"
            yield field.at, subject, message, "put parentheses around the alternatives: ^(?:a|b)$"
        else:
            message = f"the pattern of {field.name} may match anywhere in the string"
            yield field.at, subject, message, "begin it with ^ and end it with $"


def _pattern_slow(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        if field.pattern and field.format is None and is_slow(field.pattern):
            message = f"each character of a text can double the time that the pattern of {field.name} takes"
            yield field.at, subject, message, "let only one part of a repetition match a text: (a+)+ is a+"
        elif field.pattern and field.format is None and (power := degree(field.pattern)) > 1:
            most = int(_MOST_TRIES ** (1 / power))
            if field.max_length is None or field.max_length > most:
                message = f"the pattern of {field.name} takes a time that grows with the length to the power {power}"
                fix = f"let each text match in one way only (a*a* is a*), or set a max_length of {most} at most"
                yield field.at, subject, message, fix


FIELD_LINTS: Final = {
    "field-undocumented": Lint(
        _field_undocumented, "A field has no description. Its name alone is not enough for analysts."
    ),
    "personal-kept": Lint(
        _personal_kept,
        "A personal field does not say `store`. Keeping personal data must be a decision, not an oversight.",
    ),
    "secret-stored": Lint(
        _secret_stored, "A secret is kept or hashed. A secret in a table is a secret in every backup of it."
    ),
    "sensitivity-missing": Lint(
        _sensitivity_missing,
        "A field is called `email`, `ip_address` or the like, or has such a format, and has no sensitivity.",
    ),
    "unit-missing": Lint(_unit_missing, "A number is called `..._ms`, `..._bytes` or the like, and has no unit."),
    "column-missing": Lint(
        _column_missing,
        "A field `user_id` or `service` does not fill its column, so aggregates over the column miss the event.",
    ),
    "type-differs": Lint(
        _type_differs, "Fields of two events have one name and two types, so they cannot be read together."
    ),
    "pattern-unanchored": Lint(
        _pattern_unanchored,
        "A pattern, or an alternative of it, does not begin with `^` or end with `$`, and accepts anything around a "
        "match. `^a|b$` is `^a` or `b$`.",
    ),
    "pattern-slow": Lint(
        _pattern_slow,
        "A pattern backtracks without end: a sender can stop every reader with one short text. "
        "`(a+)+` tries every way to cut a text into parts. A long text also costs much where parts that follow each "
        "other match the same, as in `^a*a*$`.",
    ),
}
