"""``analytics-migrate audit``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from adi_analytics.migrate.cli.output import Output, Table, minute

if TYPE_CHECKING:
    from adi_analytics._audit.findings import Audit, ObservedEvent
    from adi_analytics.migrate.options import Options


def show_audit(arguments: argparse.Namespace, options: Options) -> Output:
    """Show the events of the catalog, and what is observed of them."""
    from adi_analytics._audit.findings import as_data
    from adi_analytics.migrate.anywhere import audit

    found = audit(options, days=arguments.days, sample=arguments.sample)
    events = Table(("event", "last seen (UTC)", "rows a day", "misfits"), [_line(one) for one in found.events])
    return Output(as_data(found), [events, *_more(found)])


def _line(event: ObservedEvent) -> tuple[str, ...]:
    share = "" if event.share is None else f"{event.misfits} of {event.checked} ({event.share:.1%})"
    return event.name, minute(event.last_seen), f"{event.rows_a_day:g}", share


def _more(found: Audit) -> Iterator[str | Table]:
    problems = [(one.name, str(fault.rows), fault.problem) for one in found.events for fault in one.problems]
    if problems:
        yield Table(("event", "rows", "problem"), problems, "rows that are not what the catalog says")
    if found.unknown:
        lines = [(one.name, str(one.rows), minute(one.last_seen)) for one in found.unknown]
        yield Table(("event", "rows", "last seen (UTC)"), lines, "types that the catalog does not have")
    if found.dead_letters:
        letters = [
            (one.reason, one.event_type, str(one.letters), minute(one.newest)) for one in found.dead_letters
        ]  # fmt: skip
        yield Table(("reason", "event", "letters", "newest (UTC)"), letters, "dead letters that wait")
    yield from found.notes
