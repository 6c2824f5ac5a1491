"""Checks the JSON of an event against its class."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from adi_analytics._engine.rows.extras import attach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


# msgspec quotes values and unknown names after these; the rest of what it says, and its paths, are the class's own.
_QUOTING: Final = ("Invalid enum value", "Invalid value", "Invalid UUID", "Object contains unknown field")
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # as JSON spells it, and not behind an escaped backslash


class InvalidValueError(ValueError):
    """The values of an event are JSON but break the catalog's rules. The message names the field, never the value."""


def decoder_of(cls: type) -> Callable[[bytes], object]:
    """Return what checks the JSON of events of *cls*, by decoding it: types and bounds are enforced there.

    It raises `InvalidValueError`.
    """
    decode: Callable[[bytes], object] = msgspec.json.Decoder(cls).decode
    rules: Mapping[str, tuple[str, ...]] = getattr(cls, "RULES", {})
    open_objects: tuple[str, ...] = getattr(cls, "OPEN", ())

    def check(data: bytes) -> object:
        try:
            decoded = decode(data)
        except msgspec.ValidationError as error:
            raise InvalidValueError(_without_values(error, cls)) from None  # its message may hold a value
        except msgspec.DecodeError:
            raise InvalidValueError("Holds text that UTF-8 can't, a lone surrogate") from None
        refuse_nul(data)
        if rules:
            _check_rules(decoded, rules)
        if open_objects:
            attach(decoded, data, open_objects)
        return decoded

    return check


def _check_rules(event: object, rules: Mapping[str, tuple[str, ...]]) -> None:
    """Raise `InvalidValueError` if *event* breaks one of *rules* between its fields; the keys are what to say then."""
    for problem, (kind, *names) in rules.items():
        first, *others = (getattr(event, name) is not None for name in names)
        if kind == "requires":
            is_kept = not first or all(others)
        else:
            count = sum(others, first)
            is_kept = count == 1 if kind == "exactly_one_of" else count > 0
        if not is_kept:
            raise InvalidValueError(problem)


def refuse_nul(data: bytes, place: str = "") -> None:
    """Raise `InvalidValueError` if a text or a key in the JSON of an object holds U+0000.

    The message names the field of the object, behind *place*.
    """
    if b"\\u0000" in data and _NUL.search(data):
        fields = json.loads(data).items()
        # A name with U+0000 is shown by no class, but may be in a context.
        name = next(name for name, value in fields if "\0" in name or _NUL.search(json.dumps(value).encode()))
        shown = name if name.isidentifier() else "[...]"
        raise InvalidValueError(f"Holds U+0000, which PostgreSQL can't store - at `$.{place}{shown}`")


def has_shape(value: Any, declared: Any) -> bool:
    """Return whether *value*, of plain JSON types, is what a field *declared* so takes."""
    try:
        msgspec.convert(value, declared)
    except Exception:  # noqa: BLE001 - whatever it says, the answer is no
        return False
    return True


def wire_names(cls: type) -> dict[str, str]:
    """Return what each field of the dataclass *cls* is called in JSON."""
    names = [field.name for field in dataclasses.fields(cls)]
    return dict(zip(names, getattr(cls, "__struct_encode_fields__", names), strict=True))


@cache
def _path_of(cls: type) -> re.Pattern[str]:
    """Return what finds the path at the end of a message: nothing but keys of *cls* and of the objects inside it."""
    from msgspec import inspect  # needed by faulty events only

    keys = "|".join(re.escape(key) for key in sorted(["type", *_keys(inspect.type_info(cls))], key=len, reverse=True))
    return re.compile(rf" - at (?:`key` in )?`\$(?:\[(?:\d+|\.\.\.)\]|\.(?:{keys}))*`\Z")


def _keys(kind: Any) -> Iterator[str]:
    """Yield the keys of objects of *kind*, a type as `msgspec.inspect` describes it, and of those inside them."""
    for field in getattr(kind, "fields", ()):
        yield field.encode_name
        yield from _keys(field.type)
    for inner in (*getattr(kind, "types", ()), getattr(kind, "item_type", None), getattr(kind, "value_type", None)):
        if inner is not None:
            yield from _keys(inner)


def _without_values(error: msgspec.ValidationError, cls: type) -> str:
    text = str(error)
    path = _path_of(cls).search(text)
    problem, place = (text[: path.start()], path[0]) if path else (text, "")
    own = error.__cause__ is None  # else it comes from code of the class, which may quote anything
    if not (own and problem.startswith(("Expected ", "Object missing required field "))):
        problem = next((start for start in _QUOTING if problem.startswith(start)), "Invalid value")
    return problem + place
