"""Findings as text for people, JSON for programs and annotations for GitHub."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics_codegen.model.findings import Finding


def _text(findings: list[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    lines = [str(finding) for finding in findings]
    if findings:
        kinds = [Severity.ERROR, Severity.WARNING, *([Severity.NOTE] if counts[Severity.NOTE] else [])]
        lines.append(", ".join(_count(counts[kind], kind) for kind in kinds))
    return "\n".join(lines)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _json(findings: list[Finding]) -> str:
    return json.dumps({"findings": [_record(finding) for finding in findings]}, indent=2)


def _record(finding: Finding) -> dict[str, Any]:
    return {
        "file": finding.at.file,
        "line": finding.at.line,
        "column": finding.at.column,
        "severity": str(finding.severity),
        "rule": finding.rule,
        "subject": finding.subject,
        "message": finding.message,
        "fix": finding.fix,
    }


def _github(findings: list[Finding]) -> str:
    return "\n".join(_annotation(finding) for finding in findings)


def _annotation(finding: Finding) -> str:
    place = f"file={_property(finding.at.file)},line={finding.at.line},col={finding.at.column}"
    message = f"{finding.message} ({finding.fix})" if finding.fix else finding.message
    level = "notice" if finding.severity is Severity.NOTE else finding.severity
    return f"::{level} {place},title={_property(finding.rule)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: Final[dict[str, Callable[[list[Finding]], str]]] = {"text": _text, "json": _json, "github": _github}
"""How findings can be printed."""
