"""What a check of the live database finds: small records, sorted worst first."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

Severity = Literal["error", "warning", "info"]
REBUILD: Final = "Raise the version of {} in events.yaml, let `analytics-migrate new` rebuild it, and run `all`."
"""What to do about an aggregate that no statement mends; its name goes into the place."""

LATER: Final = "Repair the other findings first, then check again."
"""What to do about a check that could not be made, because what it reads is missing."""

_ORDER: Final = {"error": 0, "warning": 1, "info": 2}


class Fix(NamedTuple):
    """What to do about a difference; the last two fields of a `Finding`."""

    fix: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between the database and what it should be.

    Attributes:
        severity: ``error``: data is lost, wrong or refused; ``warning``: it works, but not as the catalog says;
            ``info``: worth knowing.
        object: What is meant, for example ``column events.data``.
        expected: What it should be.
        actual: What it is.
        fix: Statements that mend it, to run as they are; empty where none can.
        advice: What to do instead of them, before or after them, in words; empty where they are enough.
    """

    severity: Severity
    object: str
    expected: str
    actual: str
    fix: str = ""
    advice: str = ""


def ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return *findings*, worst first, then by object."""
    return tuple(sorted(findings, key=lambda finding: (_ORDER[finding.severity], finding.object, finding.expected)))


def show(value: Any) -> str:
    """Return a property's value in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def difference(expected: str, actual: str) -> tuple[str, str]:
    """Return the lines of each text that the other one lacks; both texts if they differ in spaces only."""
    ours, theirs = _lines(expected), _lines(actual)
    only: tuple[list[str], list[str]] = ([], [])
    for tag, start, end, first, last in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag != "equal":
            only[0].extend(ours[start:end])
            only[1].extend(theirs[first:last])
    return (_shown(only[0]), _shown(only[1])) if any(only) else (expected, actual)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().rstrip(";").splitlines() if line.strip()]


def _shown(lines: list[str]) -> str:
    return "\n".join(lines) or "nothing in its place"
