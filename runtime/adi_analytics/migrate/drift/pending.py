"""Tells what pending migrations will do to a database, and what they will leave."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence

from adi_analytics.migrate.drift.findings import LATER, Finding
from adi_analytics.migrate.files.migration import MigrationFile
from adi_analytics.migrate.run.record import Applied

_WORD = re.compile(r"\w+")
_ADVICE = {
    "pre": "Run `analytics-migrate pre` before the new code is deployed, or `analytics-migrate all`.",
    "post": "Run `analytics-migrate post` once the new code runs everywhere, or `analytics-migrate all`.",
}
_UNTIL = "A pending migration changes this: apply it, then check again."


def told(
    files: Sequence[MigrationFile],
    applied: Sequence[Applied],
    waiting: Sequence[MigrationFile],
    differences: Iterable[Finding],
) -> Iterator[Finding]:
    """Yield what is applied, what each pending migration is for, and the *differences*.

    Those that a pending migration speaks of are only worth knowing: it will make them go.
    """
    done = [row.name for row in applied if row.status != "running"]
    so_far = f"{len(done)} applied, the last is {done[-1]}" if done else "none is applied to its end"
    names = ", ".join(file.name for file in waiting)
    yield Finding(
        "error", "migrations", f"{len(files)} applied", f"{so_far}; not applied: {names}",
        advice=_ADVICE[waiting[0].phase],
    )  # fmt: skip
    half = {row.number for row in applied if row.status == "running"}
    for file in waiting:
        why = "; ".join(file.header.why) or file.slug.replace("_", " ")
        lost = " (destroys data: --allow-destructive)" if file.header.destructive else ""
        state = "half applied" if file.number in half else "pending"
        yield Finding("warning", f"migration {file.name}", f"applied: {why}{lost}", state)
    spoken = {word for file in waiting for word in _WORD.findall(file.text)}
    for finding in differences:
        if finding.advice == LATER or spoken.intersection(_subject(finding)):
            yield dataclasses.replace(finding, severity="info", fix="", advice=_UNTIL)
        else:
            yield finding


def _subject(finding: Finding) -> set[str]:
    """Return the names of the relations, columns or functions that a finding is about."""
    named = _WORD.findall(finding.object.partition("(")[0])
    kinds = {"function", "table", "view"}
    whole = named[-1:] if named and named[0] in kinds else []  # which may be a single word, such as compute
    return {word for word in named if "_" in word and word != "analytics_meta"} | set(whole)
