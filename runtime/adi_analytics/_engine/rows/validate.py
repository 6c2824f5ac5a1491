"""Checks the JSON of an event against its class."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


# msgspec quotes values and unknown names after these; the rest of what it says, and its paths, are the class's own.
_QUOTING: Final = ("Invalid enum value", "Invalid value", "Invalid UUID", "Object contains unknown field")
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # as JSON spells it, and not behind an escaped backslash
_PATH: Final = re.compile(r" - at (?:`key` in )?`\$[\w.\[\]]*`\Z")


class InvalidValueError(ValueError):
    """The values of an event are JSON but break the catalog's rules. The message names the field, never the value."""


def decoder_of(cls: type) -> Callable[[bytes], object]:
    """Return what checks the JSON of events of *cls*, by decoding it: types and bounds are enforced there.

    It raises `InvalidValueError`.
    """
    decode: Callable[[bytes], object] = msgspec.json.Decoder(cls).decode

    def check(data: bytes) -> object:
        try:
            decoded = decode(data)
        except msgspec.ValidationError as error:
            raise InvalidValueError(_without_values(error)) from None  # its message may hold a value
        except msgspec.DecodeError:
            raise InvalidValueError("Holds text that UTF-8 can't, a lone surrogate") from None
        refuse_nul(data)
        return decoded

    return check


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


def _without_values(error: msgspec.ValidationError) -> str:
    text = str(error)
    path = _PATH.search(text)
    problem, place = (text[: path.start()], path[0]) if path else (text, "")
    own = error.__cause__ is None  # else it comes from code of the class, which may quote anything
    if not (own and problem.startswith(("Expected ", "Object missing required field "))):
        problem = next((start for start in _QUOTING if problem.startswith(start)), "Invalid value")
    return problem + place
