"""Lints: named rules of good style that a catalog may break for a reason, given as a suppression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.check.lint.aggregates import AGGREGATE_LINTS
from adi_analytics_codegen.check.lint.annotations import ANNOTATION_LINTS
from adi_analytics_codegen.check.lint.dashboard import DASHBOARD_LINTS, sections_of
from adi_analytics_codegen.check.lint.events import EVENT_LINTS
from adi_analytics_codegen.check.lint.fields import FIELD_LINTS
from adi_analytics_codegen.check.lint.people import PEOPLE_LINTS
from adi_analytics_codegen.check.lint.rule import Lint, Seen
from adi_analytics_codegen.model.findings import Finding, Severity, ordered
from adi_analytics_codegen.model.text.naming import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from adi_analytics_codegen.load.loader import Loaded, Waiver

LINTS: Final[dict[str, Lint[Any]]] = {
    **FIELD_LINTS,
    **EVENT_LINTS,
    **AGGREGATE_LINTS,
    **PEOPLE_LINTS,
    **ANNOTATION_LINTS,
    **DASHBOARD_LINTS,
}
"""Every lint by its id."""


def lint(loaded: Loaded) -> list[Finding]:
    """Return every finding of the lints about a loaded catalog that is not suppressed, in the order of the file."""
    catalog = loaded.catalog
    if catalog is None:
        return []
    whole = {name: rule for name, rule in LINTS.items() if name not in DASHBOARD_LINTS}
    found = list(_apply(whole, catalog, loaded))
    for section in sections_of(catalog):
        found += _apply(DASHBOARD_LINTS, section, loaded)
    findings = dict.fromkeys(found)
    suppressed = {(waiver.rule, waiver.subject) for waiver in loaded.suppressions}
    kept = [finding for finding in findings if (finding.rule, finding.subject) not in suppressed]
    present = {(finding.rule, finding.subject) for finding in findings}
    return ordered([*kept, *_stale(loaded.suppressions, present)])


def _apply(lints: Mapping[str, Lint[Seen]], seen: Seen, loaded: Loaded) -> Iterator[Finding]:
    for name, rule in lints.items():
        for at, subject, message, fix in rule.check(seen, loaded):
            yield Finding(at, rule.severity, name, message, fix, subject)


def _stale(suppressions: Iterable[Waiver], present: set[tuple[str, str]]) -> Iterator[Finding]:
    for waiver in suppressions:
        if waiver.rule not in LINTS:
            fix = did_you_mean(waiver.rule, LINTS)
            message = f'there is no lint "{waiver.rule}"'
            yield Finding(waiver.at, Severity.ERROR, "unknown-lint", message, fix, waiver.subject)
        elif (waiver.rule, waiver.subject) not in present:
            message = f"{waiver.rule} finds nothing at {waiver.subject}"
            yield Finding(waiver.at, Severity.ERROR, "stale-suppression", message, "remove it", waiver.subject)
