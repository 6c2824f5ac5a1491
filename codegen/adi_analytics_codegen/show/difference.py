"""What an edit changes, for people: every event, field, enum, aggregate and setting that differs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.model.fingerprint import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    Attributes:
        kind: ``added``, ``removed`` or ``changed``.
        subject: Its path, such as ``events.task_completed.fields.duration_ms.unit``.
        old: What it was, as JSON data; ``None`` when added.
        new: What it is; ``None`` when removed.
    """

    kind: str
    subject: str
    old: Any = None
    new: Any = None

    def __str__(self) -> str:
        """Return the change as one line."""
        if _is_list(self.old) and _is_list(self.new):
            lost, gained = ([x for x in a if x not in b] for a, b in ((self.old, self.new), (self.new, self.old)))
            if lost or gained:
                return (
                    f"~ {self.subject}:"
                    + "".join(f" -{_short(x)}" for x in lost)
                    + "".join(f" +{_short(x)}" for x in gained)
                )
        if self.kind == "changed":
            return f"~ {self.subject}: {_short(self.old)} -> {_short(self.new)}"
        return f"{'+' if self.kind == 'added' else '-'} {self.subject}{_summary(self.new or self.old)}"


def difference(old: Catalog, new: Catalog) -> list[Change]:
    """Return every change from *old* to *new*, in the order of the catalog."""
    return list(_changes("", _tree(canonical(old)), _tree(canonical(new))))


def _tree(value: Any) -> Any:
    """Return JSON data with lists of named things as mappings, so that they are compared by name."""
    if isinstance(value, dict):
        left_out = {"store_stated", "sources"} if value.get("all_events") else {"store_stated"}
        return {key: _tree(item) for key, item in value.items() if key not in left_out}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {item["name"]: _tree(item) for item in value}
    return value


def _changes(subject: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if not isinstance(old, dict | list) or not isinstance(new, dict | list) or not (_by_name(old) and _by_name(new)):
        yield Change("changed", subject, old, new)
        return
    olds, news = dict(old), dict(new)
    for key in dict.fromkeys([*olds, *news]):
        path = f"{subject}.{key}" if subject else str(key)
        if key not in news:
            yield Change("removed", path, old=olds[key])
        elif key not in olds:
            yield Change("added", path, new=news[key])
        else:
            yield from _changes(path, olds[key], news[key])


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _by_name(value: Any) -> bool:
    return isinstance(value, dict) or value == []


def _short(value: Any) -> str:
    limit = 80
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _summary(value: Any) -> str:
    """Return type and description of an added or removed thing."""
    if not isinstance(value, dict):
        return "" if value is None else f": {_short(value)}"
    words = [str(value[key]) for key in ("type", "kind") if value.get(key)]
    text = value.get("description") or ""
    return "".join([f" ({', '.join(words)})" if words else "", f": {text}" if text else ""])
