"""Open objects, whose classes have `OPEN`: members that the catalog does not name are beside the others in JSON."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.structs import force_setattr

from adi_analytics._engine.rows.store_policy import keys_of_path

EXTRA: Final = "\x7f"
"""The key of ``extra`` where ``msgspec`` writes it."""
_MARK: Final = f'"{EXTRA}":'.encode()


def merged_json(data: bytes, paths: tuple[str, ...]) -> bytes:
    """Return *data*, which ``msgspec`` made of an event, with the extra members at *paths* in their places."""
    return msgspec.json.encode(merged(msgspec.json.decode(data), paths)) if _MARK in data else data


def merged(plain: Any, paths: tuple[str, ...]) -> Any:
    """Do the same to decoded JSON, in place, and return it."""
    for path in paths:
        _merge(plain, keys_of_path(path) if path else [])
    return plain


def attach(event: Any, data: bytes, paths: tuple[str, ...]) -> None:
    """Give the open objects of *event* at *paths* the members of *data*, its JSON, that the catalog does not name."""
    plain = msgspec.json.decode(data)
    for path in paths:
        _attach(event, plain, keys_of_path(path) if path else [])


def _merge(value: Any, path: list[str | None]) -> None:
    if issubclass(type(value), (list, tuple)):
        for inner in value:
            _merge(inner, path)
    elif not issubclass(type(value), dict):
        return
    elif not path:
        for key, inner in value.pop(EXTRA, {}).items():
            value.setdefault(key, inner)
    elif path[0] is None:
        for inner in value.values():
            _merge(inner, path[1:])
    else:
        _merge(value.get(path[0]), path[1:])


def _attach(made: Any, plain: Any, path: list[str | None]) -> None:
    if issubclass(type(made), (list, tuple)):
        for one, inner in zip(made, plain, strict=True):
            _attach(one, inner, path)
    elif issubclass(type(made), dict):
        for key, one in made.items():
            _attach(one, plain[key], path[1:])
    elif made is not None and path:
        name = dict(zip(made.__struct_encode_fields__, made.__struct_fields__, strict=True))[path[0]]
        _attach(getattr(made, name), plain.get(path[0]), path[1:])
    elif made is not None:
        known = set(made.__struct_encode_fields__) - {EXTRA}
        force_setattr(made, "extra", {key: inner for key, inner in plain.items() if key not in known})
