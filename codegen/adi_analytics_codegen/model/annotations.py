"""What a catalog notes of an event, a field or an aggregate for people and other tools. It changes nothing stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.model.shown import Shown

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True, repr=False)
class Annotations(Shown):
    """Notes of a catalog. They take no part in comparisons, fingerprints and rules of change."""

    tags: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """Name and URL. The name is empty for a link of a list."""
    data_category: str = ""
    expires: date | None = None
    """The last day on which it is wanted."""
    extra: dict[str, Any] = field(default_factory=dict, hash=False)
    """The keys that begin with ``x-``, with their values as JSON data."""

    def as_keys(self) -> dict[str, Any]:
        """Return all of them as keys that begin with ``x-``, for JSON Schemas and ``explain``."""
        named = all(name for name, _ in self.links)
        stated = {
            "x-tags": list(self.tags),
            "x-links": dict(self.links) if named else [url for _, url in self.links],
            "x-data-category": self.data_category,
            "x-expires": self.expires.isoformat() if self.expires else "",
        }
        return {key: value for key, value in stated.items() if value} | self.extra
