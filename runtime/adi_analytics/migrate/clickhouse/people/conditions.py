"""Who a row is of, as ClickHouse asks it.

What a row has to do with a person is said by `Person`, in Python. The server can't say all of it: it reads no list on
the way to a field, and not the escapes of JSON. So there are two tests: `surely` finds rows that are the person's, and
`maybe` all that can be; those that only the second finds are looked at by `is_of`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._engine.rows.store_policy import keys_of_path
from adi_analytics._shared.clickhouse.text import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from adi_analytics.migrate.files.manifest import Column
    from adi_analytics.migrate.people.person import Person
    from adi_analytics.migrate.people.places import Place

_ESCAPED: Final = re.compile(r'["\\/\x00-\x1f]+')
"""What a document may write in another way than with a number."""
_ASCII: Final = tuple(f"\\u00{digit}" for digit in range(2, 8))
"""How the numbers of printable ASCII begin."""


def surely(person: Person) -> str:
    """Return the condition for events that are the person's, for all of one but odd ones."""
    parts = [f"ifNull(user_id = {_own(person)}, false)"]
    parts += [_holds(column, person.anywhere) for column in ("data", "meta") if person.anywhere]
    for path in person.fields:
        keys = keys_of_path(path)
        parts += [*_at("data", keys, (person.id,)), *_at("meta", ["context", *keys], (person.id,))]
    for path, values in person.given:
        parts += _at("data", keys_of_path(path), values)
    return f"({' or '.join(parts)})"


def maybe(person: Person) -> str:
    """Return the condition for events that can be the person's."""
    needles = _needles(_compared(person), person)
    return f"({' or '.join([surely(person), *(_any('multiSearchAny', one, needles) for one in ('data', 'meta'))])})"


def maybe_in_text(person: Person, *columns: str) -> str:
    """Return the condition for texts of JSON, in one of *columns*, that can be the person's."""
    needles = _needles([person.id, *_compared(person)], person)
    parts = [_any("multiSearchAny", column, needles) for column in columns]
    parts += [_holds(column, person.anywhere) for column in columns if person.anywhere]
    return f"({' or '.join(parts)})"


def is_of(person: Person, user_id: str | None, data: str, meta: str) -> bool:
    """Whether an event with these columns is the person's."""
    return person.owns(user_id, document(data), document(meta))


def document(text: str) -> Any:
    """Return what *text* says, with numbers as they are written, and all values of a key that is there twice."""
    try:
        return json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=_with_all_values)
    except (ValueError, RecursionError):
        return text


def _with_all_values(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    return {name: [value for key, value in pairs if key == name] for name in found}


def owned(place: Place, person: Person) -> str:
    """Return the condition for the person's rows of a stored relation, ``false`` if there can be none."""
    parts = [test for column in place.keys if (test := _is(place, person, column, quoted(column.name)))]
    return f"({' or '.join(parts)})" if parts else "false"


def quoting(place: Place, person: Person, column: Column) -> str:
    """Return the condition for rows whose *column* quotes the person, ``false`` if there can be none."""
    name = quoted(column.name)
    if not column.type.endswith("[]"):
        return _tells(person, column.type, name) or "false"
    test = _is(place, person, column, "one")
    return f"arrayExists(one -> {test}, {name})" if test else "false"


def without(place: Place, person: Person, column: Column) -> str:
    """Return what *column* is without the person."""
    if not column.type.endswith("[]"):
        return "null"
    return f"arrayMap(one -> if({_is(place, person, column, 'one')}, null, one), {quoted(column.name)})"


def _is(place: Place, person: Person, column: Column, value: str) -> str:
    """Return the test whether *value*, of the kind that *column* holds, is the person; an empty text if it can't be."""
    if column.type.removesuffix("[]") == "uuid":
        return f"ifNull({value} = {_own(person)}, false)" if person.column_type == "uuid" else ""
    values = place.values(person, column)
    tests = [f"{value} in ({', '.join(map(literal, values))})"] if values else []
    tests += [_holds(value, person.anywhere)] if person.anywhere else []
    return f"ifNull({' or '.join(tests)}, false)" if tests else ""


def _tells(person: Person, kind: str, value: str) -> str:
    """Return the test whether *value*, quoted from an event, has the person's id or its hash in it."""
    if kind == "uuid":
        return f"ifNull({value} = {_own(person)}, false)" if person.column_type == "uuid" else ""
    tests = [f"{value} = {literal(person.id)}", *([_holds(value, person.anywhere)] if person.anywhere else [])]
    return f"ifNull({' or '.join(tests)}, false)"


def _own(person: Person) -> str:
    return f"toUUID({literal(person.id)})" if person.column_type == "uuid" else literal(person.id)


def _holds(text: str, needles: Iterable[str]) -> str:
    return _any("multiSearchAny", f"lower({text})", needles)


def _any(function: str, text: str, needles: Iterable[str]) -> str:
    return f"{function}({text}, [{', '.join(map(literal, needles))}])"


def _at(column: str, keys: Sequence[str | None], values: Sequence[str]) -> Iterator[str]:
    """Yield the test whether the JSON of *column* has one of *values* at *keys*, where no list is on the way."""
    names = [key for key in keys if key is not None]
    if len(names) == len(keys):
        at = ", ".join([column, *map(literal, names)])
        yield f"(JSONType({at}) = 'String' and JSONExtractString({at}) in ({', '.join(map(literal, values))}))"


def _compared(person: Person) -> list[str]:
    """Return the texts that are compared with values of fields."""
    return [*([person.id] if person.fields else []), *(value for _, values in person.given for value in values)]


def _needles(values: Sequence[str], person: Person) -> list[str]:
    """Return texts of which a document has one, if it has one of *values*, or of what is the person's anywhere."""
    longest = [max(_ESCAPED.split(value), key=len) for value in values]
    escapes = _ASCII if all(map(str.isascii, [*values, *person.anywhere])) else ("\\u",)
    return list(dict.fromkeys([*longest, *escapes]))
