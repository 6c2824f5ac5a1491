"""What the names in a catalog suggest: which events are rare, which follow each other, and what values look like.

A name that is not here is taken for something usual: everything works without these words, it only looks less real.
"""

from __future__ import annotations

import re
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


AFTER: Final = _words("archived deleted refunded removed returned")
"""Last words of events that now and then come after all is done."""

BAD: Final = _words(
    "abandoned bounced canceled cancelled crashed declined denied error errored exception expired failed failure "
    "overdue rejected refused timeout unsubscribed"
)
"""Last words of events that seldom happen, and words in values that are rare."""

FAULT: Final = _words("decline error exception failure fault")
"""Words in the names of fields that only have a value when something failed."""

OUTCOME: Final = _words("completed ok passed succeeded success successful valid")
"""Names of truth values that are nearly always true."""

ORDER: Final = {
    word: place
    for place, words in enumerate(
        (
            "added asked created placed queued requested submitted",
            "accepted connected opened received sent shipped started",
            "assigned changed processing progressed updated used viewed",
            "closed completed delivered disconnected done ended finished paid processed succeeded verified",
            " ".join(sorted(AFTER)),
        )
    )
    for word in words.split()
}
"""The last words of events about the same thing, in the order in which they happen to it."""

OFTEN: Final = {
    **dict.fromkeys(_words("clicked query request searched seen used view viewed visited"), 4.0),
    **dict.fromkeys(_words("changed received refresh updated validated verified"), 1.5),
    **dict.fromkeys(_words("commented connected disconnected rated reviewed written"), 0.5),
    **dict.fromkeys(_words("claimed installed registered"), 0.2),
    **dict.fromkeys(BAD | AFTER, 0.12),
}
"""The last words of events that are more or less frequent than others."""

ONCE: Final = re.compile(r"(^|_)(sign(ed)?_?up|(user|account|customer|member)_(created|registered|joined))($|_)")
"""Events that happen once to everybody, at the beginning."""

LASTING: Final = _words("claimed connected disconnected installed paired registered used")
"""The last words of events about things that somebody has for long, so that the same ones come up again."""

ID: Final = re.compile(r"(^|_)(id|key|token|uid|uuid)$")
"""Names of fields that tell one thing from another."""

GROUP: Final = _words("company group organisation organization team tenant")
"""Words in the names of ids that several people share."""

COUNT: Final = _words("attempts count items number parcels pieces quantity retries retry seats")
"""Words in the names of small numbers."""

MEDIANS: Final = {
    **dict.fromkeys(_words("duration s sec seconds"), 70.0),
    **dict.fromkeys(_words("b byte bytes ns"), 40_000.0),
    "us": 900.0,
    "ms": 140.0,
    "min": 12.0,
    "h": 3.0,
    "kb": 300.0,
    "mb": 12.0,
    "gb": 2.0,
    "percent": 60.0,
    **dict.fromkeys(_words("amount discount eur chf cost gbp price refund revenue total usd value"), 38.0),
    **dict.fromkeys(COUNT, 1.6),
    "stock": 45.0,
}
"""The usual value of a number with this unit, or with this word in its name."""

VALUES: Final = {
    "action": "create search comment assign archive",
    "browser": "Chrome Safari Firefox Edge",
    "carrier": "Post Courier Bike",
    "category": "Shoes Shirts Bags Books Games Garden",
    "channel": "web email social search",
    "city": "Zurich Berlin Vienna Paris Milan",
    "command": "build test lint deploy",
    "country": "CH DE AT FR IT US",
    "currency": "EUR USD CHF GBP",
    "device": "phone laptop tablet",
    "endpoint": "/search /items /items/{id} /orders /account",
    "format": "pdf csv xlsx png",
    "language": "en de fr it",
    "locale": "en-US de-CH fr-CH it-CH",
    "medium": "organic cpc email referral",
    "method": "GET POST PUT DELETE",
    "os": "Android iOS Windows macOS Linux",
    "page": "/ /pricing /docs /account",
    "path": "/ /pricing /docs /account",
    "plan": "free team business",
    "platform": "web ios android",
    "provider": "github gitlab slack linear",
    "query_type": "select insert update delete",
    "region": "north south east west",
    "service": "web api worker",
    "source": "search newsletter social direct",
    "status": "ok waiting failed",
    "version": "2.4.1 2.4.0 2.3.7",
    "error_type": "TimeoutError ConnectionError ValueError KeyError",
    "error": "timeout unreachable refused invalid",
    "reason": "timeout unreachable refused invalid",
}
"""Values of fields whose name ends so, for what no example and no condition of the catalog says."""


LOOKS: Final = frozenset(word for word, often in OFTEN.items() if often > 2)  # noqa: PLR2004 - the first group
"""The last words of events that cost nothing: many do this, and few go on."""


def last(name: str) -> str:
    """Return the last word of a name."""
    return name.rpartition("_")[2]


def is_bad(name: str) -> bool:
    """Return whether a name tells of something that went wrong."""
    return not BAD.isdisjoint(name.lower().split("_"))


def usual_values(name: str) -> tuple[str, ...]:
    """Return values that a field of this name often has; none if nothing is known."""
    words = name.split("_")
    for start in range(len(words)):
        found = VALUES.get("_".join(words[start:]))
        if found:
            return tuple(found.split())
    return ()
