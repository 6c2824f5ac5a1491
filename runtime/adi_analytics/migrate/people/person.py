"""A person, and how to tell what is stored of one: in SQL, and in rows that are not in a database."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adi_analytics._engine.rows.store_policy import keyed_hash, keys_of_path, part_of_path
from adi_analytics._shared.sql import literal
from adi_analytics.migrate.errors import UsageError

_OWN_FIELD: Final = "user_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person to look for.

    Attributes:
        id: The id as it is stored.
        column_type: The type of the column ``user_id``: ``uuid`` or ``text``.
        anywhere: Texts that are the person's wherever they stand, in lower case: forms of a UUID, and keyed hashes.
        fields: Paths of keys that may hold the id: of a string, which may be another thing's id elsewhere.
        given: Other paths and the values by which they are the person's, as they are and hashed.
    """

    id: str
    column_type: str
    anywhere: tuple[str, ...]
    fields: tuple[str, ...]
    given: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The values of a column of its own that are the person: the id, and its keyed hash."""
        return tuple(dict.fromkeys([self.id, *self.anywhere]))

    def in_row(self) -> str:
        """Return the SQL condition for rows of events that are the person's."""
        parts = [f"user_id = {literal(self.id)}::{self.column_type}"]
        parts += [self.in_text(f"{column}::text") for column in ("data", "meta") if self.anywhere]
        for field in self.fields:
            parts += [_at(column, path, (self.id,)) for column, path in (("data", field), ("meta", f"context.{field}"))]
        parts += [_at("data", field, values) for field, values in self.given]
        return f"({' or '.join(parts)})"

    def in_text(self, expression: str) -> str:
        """Return the SQL condition for texts that hold one of `anywhere`."""
        patterns = ", ".join(literal(f"%{text}%") for text in self.anywhere)
        return f"lower({expression}) like any (array[{patterns}]::text[])"

    def owns(self, user_id: object, data: Any, meta: Any) -> bool:
        """Whether a row with these columns is the person's."""
        if user_id == self.id:
            return True
        text = json.dumps([user_id, data, meta], default=str).lower()
        if any(known in text for known in self.anywhere):
            return True
        context = meta.get("context") if isinstance(meta, Mapping) else None
        if any(self.id in {*_values(data, field), *_values(context, field)} for field in self.fields):
            return True
        return any(not set(values).isdisjoint(_values(data, field)) for field, values in self.given)


def person(
    identity: str, column_type: str, *, key: str, sensitive: tuple[str, ...], given: Mapping[str, str]
) -> Person:
    """Return the person that *identity* names.

    Args:
        identity: The id.
        column_type: The type of the column ``user_id``.
        key: The key of hashed fields; empty if it is not known.
        sensitive: The fields that the catalog calls personal or pseudonymous.
        given: Other fields, each with the person's value.

    Raises:
        UsageError: If the id can't be one.
    """
    if not identity or "\0" in identity:
        raise UsageError("the id of the person is empty", "Give it as the events have it.", setting="id")
    if not all(map(_is_text, (identity, *given.values()))):
        raise UsageError("what was given of the person is no text in UTF-8", "Give it in UTF-8.", setting="id")
    forms: tuple[str, ...] = ()
    if column_type == "uuid":
        try:
            found = uuid.UUID(identity)
        except ValueError:
            raise UsageError(
                "the id of the person is no UUID, as ids of users are in this catalog",
                "Give it as the events have it; another field's value goes into --field NAME=VALUE.",
                setting="id",
            ) from None
        identity, forms = str(found), (str(found), found.hex)
    hashes = (keyed_hash(key, identity),) if key else ()
    return Person(
        id=identity,
        column_type=column_type,
        anywhere=(*forms, *hashes),
        fields=() if forms else tuple(dict.fromkeys([_OWN_FIELD, *sensitive])),
        given=tuple((name, (value, *([keyed_hash(key, value)] if key else []))) for name, value in given.items()),
    )


def _is_text(value: str) -> bool:
    """Whether *value* can be sent: what came in another encoding from a terminal can't."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def path_of_keys(path: str, fields: Mapping[str, Any]) -> str:
    """Return the path of keys in JSON of what is at *path* in the terms of the catalog."""
    names = path.split(".")
    found = (fields.get(".".join(names[: end + 1])) for end in range(len(names)))  # `*`, of a map, is no field
    parts = zip(names, found, strict=True)
    return ".".join(name if field is None else part_of_path(field.wire or name) for name, field in parts)


def _at(column: str, field: str, values: tuple[str, ...]) -> str:
    """Return the condition for JSON that has one of *values* at the path *field*, also in a list on the way."""
    names = keys_of_path(field)
    path = "$" + "".join(".*" if name is None else f".{json.dumps(name)}" for name in names) + " ? (@ == $value)"
    exact = [
        f"jsonb_path_exists({column}, {literal(path)}, jsonb_build_object('value', {literal(value)}::text))"
        for value in values
    ]
    if None not in names:
        keys = ", ".join(map(literal, names))
        shown = ", ".join(map(literal, values))  # a number is compared as it is written
        exact.append(f"{column} #>> array[{keys}] in ({shown})")
    return " or ".join(exact)


def _values(value: Any, field: str) -> Iterator[str]:
    """Yield the texts and numbers at the path *field* of plain JSON."""
    return _at_keys(value, keys_of_path(field))


def _at_keys(value: Any, keys: Sequence[str | None]) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _at_keys(inner, keys)
    elif not keys:
        if isinstance(value, (str, int, float)):
            yield str(value).lower() if isinstance(value, bool) else str(value)  # as JSON writes it
    elif isinstance(value, Mapping):
        for inner in value.values() if keys[0] is None else [value.get(keys[0])]:
            yield from _at_keys(inner, keys[1:])
