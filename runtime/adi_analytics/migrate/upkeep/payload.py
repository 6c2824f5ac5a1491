"""What a dead letter holds, for people to read: values of secret fields are never shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.migrate.errors import UsageError

if TYPE_CHECKING:
    from adi_analytics._shared.catalog import Catalog

SECRET: Final = "(secret)"  # noqa: S105 - what stands in the place of one
UNKNOWN: Final = "(not in the catalog)"
UNREADABLE: Final = "(not readable)"

_Path = tuple[str, ...]
_LARGEST: Final = 2**63  # JSON for other programs: greater whole numbers are shown as texts


class Payloads:
    """Shows payloads.

    Args:
        catalog: Says which fields are secret.

    Raises:
        UsageError: If its generated package is too old to say so.
    """

    def __init__(self, catalog: Catalog) -> None:
        try:
            info = import_module(catalog.package).field_info
        except AttributeError as error:
            raise UsageError(
                f"the package {catalog.package} does not say which fields are secret, so no payload is shown",
                "Run `analytics-codegen generate`.",
            ) from error
        self._events = {name: _keys(info(event)) for name, event in catalog.events.items()}

    def shown(self, payload: str) -> Any:
        """Return *payload* as JSON data, with a word in the place of values that are secret, or may be."""
        try:
            row = json.loads(payload)
            fields = self._events.get(row["event_type"])
            if not isinstance(row["data"], Mapping):
                return _plain({**row, "data": UNREADABLE})
            data = {key: value if key == "type" else _shown(value, key, fields) for key, value in row["data"].items()}
            return _plain({**row, "data": data})
        except (ValueError, TypeError, KeyError, RecursionError):  # somebody wrote it by hand
            return UNREADABLE


def _keys(info: Mapping[str, Any]) -> dict[_Path, bool]:
    """Return the fields by the keys that lead to them in JSON, and whether they are secret."""
    found = {}
    for path in info:
        parts = path.split(".")
        names = [info[".".join(parts[: n + 1])].wire or part for n, part in enumerate(parts)]
        found[tuple(names)] = info[path].sensitivity == "secret"
    return found


def _shown(value: Any, key: str, fields: Mapping[_Path, bool] | None) -> Any:
    if fields is None or (key,) not in fields:
        return UNKNOWN
    return _hidden(value, {(key,)}, fields)


def _hidden(value: Any, paths: Iterable[_Path], fields: Mapping[_Path, bool]) -> Any:
    """Return *value*, which may be what any of *paths* leads to: the keys of a map are in none of them."""
    if any(fields[path] for path in paths):
        return SECRET
    if isinstance(value, Mapping):
        return {
            key: _hidden(inner, {*paths, *(found for path in paths if (found := (*path, key)) in fields)}, fields)
            for key, inner in value.items()
        }
    return [_hidden(inner, paths, fields) for inner in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Return *value* so that every JSON encoder takes it."""
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case bool():
            return value
        case int() if abs(value) >= _LARGEST:
            return str(value)
        case list():
            return [_plain(inner) for inner in value]
        case dict():
            return {_plain(key): _plain(inner) for key, inner in value.items()}
    return value
