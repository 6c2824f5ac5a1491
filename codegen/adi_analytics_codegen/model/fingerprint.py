"""The hash of a catalog: equal for catalogs that mean the same, whatever their comments, order of keys or files."""

from __future__ import annotations

import enum
import json
from dataclasses import Field, fields, is_dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model.fields import Location

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Enum
    from adi_analytics_codegen.model.questions.aggregates import Aggregate


def canonical(value: Any) -> Any:
    """Return *value* of the model as JSON data: without places and notes, spans of time in seconds, enums by value."""
    if is_dataclass(value):
        named = ((f.name, getattr(value, f.name)) for f in fields(value) if not _is_unused(f, value))
        return {name: canonical(item) for name, item in named if not isinstance(item, Location)}
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return value


def _is_unused(member: Field[Any], value: Any) -> bool:
    """Return whether *member* of *value* means nothing, or came with a later format and is not used."""
    return not member.compare or ("since" in member.metadata and getattr(value, member.name) == member.default)


_TEXTS: Final = frozenset(
    {"version", "description", "owner", "examples", "deprecated", "status", "class_name", "domain", "member"}
)


def meaning(thing: Event | Aggregate | Enum) -> Any:
    """Return what *thing* says of its data: all of it but versions, texts, owners, examples and its place in code."""
    return _without_texts(canonical(thing))


def _without_texts(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_texts(item) for key, item in data.items() if key not in _TEXTS}
    return [_without_texts(item) for item in data] if isinstance(data, list) else data


def fingerprint(catalog: Catalog) -> str:
    """Return the hash of *catalog*: 64 hexadecimal digits. Its format and its outputs change no meaning."""
    import hashlib

    data = {key: value for key, value in canonical(catalog).items() if key not in {"format", "outputs"}}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
