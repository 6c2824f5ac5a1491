"""Titles for people, made from the names of the catalog."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORDS: Final[Mapping[str, str]] = {
    "api": "API", "avg": "average", "cpu": "CPU", "csv": "CSV", "db": "DB", "http": "HTTP", "https": "HTTPS",
    "id": "ID", "ids": "IDs", "ip": "IP", "max": "maximum", "min": "minimum", "oauth": "OAuth", "sql": "SQL",
    "sso": "SSO", "ui": "UI", "uri": "URI", "url": "URL", "urls": "URLs", "utm": "UTM",
}  # fmt: skip
_QUANTILE: Final = re.compile(r"p\d{1,3}")
_WIDTH: Final = re.compile(r"(?<=.)_(hourly|daily|weekly|monthly|quarterly|yearly|\d+min|\d+h)$")
_UNITS: Final[Mapping[str, tuple[str, ...]]] = {
    "us": ("us", "micros", "microseconds"), "ms": ("ms", "millis", "milliseconds"), "s": ("s", "sec", "seconds"),
    "min": ("minutes",), "h": ("hours",), "bytes": ("bytes",),
}  # fmt: skip
"""Ends of a name that only say its unit."""


def title_of(name: str) -> str:
    """Return *name* as words: ``p95_duration`` is "p95 duration", ``api_calls`` is "API calls"."""
    words = [_WORDS.get(word, word) for word in name.lstrip("$").replace(".", "_").split("_") if word]
    if not words:
        return name
    first = words[0]
    if first.islower() and not _QUANTILE.fullmatch(first):
        words[0] = first[0].upper() + first[1:]
    return " ".join(words)


def measure_title(name: str, unit: str | None) -> str:
    """Return the title of a measure, without its unit, which the numbers say; ``request_count`` is "Requests"."""
    for end in (*_UNITS.get(unit or "", ()), *([unit.lower()] if unit else ())):
        if name.endswith(f"_{end}"):
            return title_of(name.removesuffix(f"_{end}"))
    counted = name.removesuffix("_count")
    return title_of(f"{counted}s") if counted != name and "_" not in counted else title_of(name)


def aggregate_title(name: str, prefix: str) -> str:
    """Return the title of an aggregate, without the *prefix* that all have and without the length of its buckets."""
    return title_of(_WIDTH.sub("", name.removeprefix(prefix)))


def shared_prefix(names: Iterable[str], catalog: str) -> str:
    """Return the first word of *names* with its ``_`` if it says nothing: all have it, or it is the catalog's name."""
    found = list(names)
    first = {name.partition("_")[0] for name in found}
    if len(first) != 1 or not all("_" in name for name in found):
        return ""
    word = first.pop()
    return f"{word}_" if len(found) > 1 or word in {catalog, "analytics"} else ""
