"""What a check found in a catalog: the place, the severity, the rule, what is wrong and how to fix it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from adi_analytics_codegen.model.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.model.fields import Location


class Severity(StrEnum):
    """How much a finding matters. Errors stop generation; warnings and notes, which ask for a look only, do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, repr=False)
class Finding(Shown):
    """One thing that a check found.

    Attributes:
        at: The place in the catalog file.
        rule: The id of the rule, as in docs/reference/rules.md.
        message: What is wrong.
        fix: How to fix it; empty when the message says it.
        subject: The object that it is about, as a path such as ``events.task_created.command``.
    """

    at: Location
    severity: Severity
    rule: str
    message: str
    fix: str = ""
    subject: str = ""

    def __str__(self) -> str:
        """Return the finding as one line, as compilers print theirs."""
        fix = f" ({self.fix})" if self.fix else ""
        return f"{self.at}: {self.severity} {self.rule} {self.message}{fix}"


@dataclass(slots=True, repr=False)
class Findings(Shown):
    """A growing list of findings, so that one run can report them all."""

    items: list[Finding] = field(default_factory=list)

    def error(self, at: Location, rule: str, message: str, fix: str = "", subject: str = "") -> None:
        """Add an error."""
        self.items.append(Finding(at, Severity.ERROR, rule, message, fix, subject))


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any of *findings* is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings* in the order of their places, each once: what is met in many events has one cause."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(str(finding), finding)
    return sorted(first.values(), key=lambda f: (f.at, f.rule, f.message))


class CatalogError(Exception):
    """The catalog cannot be used. ``findings`` says why."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))
