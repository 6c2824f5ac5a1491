"""The catalog's store policy: which values never leave the process, and which leave it as a keyed hash only."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

Action = Callable[[Any], Any]
_REMOVE: Final = object()


def part_of_path(key: str) -> str:
    """Return *key* as it stands in a path of ``STORE``."""
    return "~2" if key == "*" else key.replace("~", "~0").replace(".", "~1")


def keys_of_path(path: str) -> list[str | None]:
    """Return the keys of *path*, as ``STORE`` has it: ``None`` for every key of a map."""
    return [None if part == "*" else _key_of_part(part) for part in path.split(".")]


def _key_of_part(part: str) -> str:
    return "*" if part == "~2" else part.replace("~1", ".").replace("~0", "~")


class StorePolicy:
    """Applies the ``STORE`` of an event class to its values.

    Args:
        store: ``hash`` or ``drop`` by path of keys; a dot leads into an object, or into each object of a list, and
            ``*`` into each value of a map. In a key ``~1`` is a dot, ``~0`` a ``~``, and ``~2`` is the key ``*``.
        key: The key of the hash. Empty: such values are left out, for a plain text or an unkeyed hash of an address or
            a name can be guessed back.
    """

    def __init__(self, store: Mapping[str, str], key: str) -> None:
        self._key = key.encode()
        self._rules = [(keys_of_path(path), self._action(rule)) for path, rule in store.items()]
        self.parents = frozenset(path[0] for path, _ in self._rules if len(path) > 1)
        """Fields into which a rule leads."""
        self.unkeyed = () if key else tuple(sorted(path for path, rule in store.items() if rule == "hash"))

    def apply(self, values: dict[str, Any]) -> dict[str, Any]:
        """Change *values*, which must be plain JSON, to what may be stored, and return them."""
        for path, action in self._rules:
            _apply(values, path, action)
        return values

    def _action(self, rule: str) -> Action:
        return self._hash if rule == "hash" and self._key else _remove

    def _hash(self, value: Any) -> str:
        return _hashed(self._key, value)


def keyed_hash(key: str, value: str) -> str:
    """Return what is stored of *value* in a field with ``store: hash``."""
    return _hashed(key.encode(), value)


def _hashed(key: bytes, value: Any) -> str:
    text = value.encode() if isinstance(value, str) else msgspec.json.encode(value, order="deterministic")
    return hmac.digest(key, text, "sha256").hex()


def _remove(_value: Any) -> object:
    return _REMOVE


def _apply(values: Any, path: list[str | None], action: Action) -> None:
    if isinstance(values, (list, tuple)):
        for value in values:
            _apply(value, path, action)
        return
    name, *rest = path
    if name is None and isinstance(values, dict):
        for value in values.values():
            _apply(value, rest, action)
        return
    if not isinstance(values, dict) or values.get(name) is None:
        return
    if rest:
        _apply(values[name], rest, action)
    elif (result := action(values[name])) is _REMOVE:
        del values[name]
    else:
        values[name] = result
