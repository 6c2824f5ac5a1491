"""The command `copy`: moves events between PostgreSQL and ClickHouse."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from adi_analytics.migrate.cli.output import Output, Table
from adi_analytics.migrate.copy.copy import copy
from adi_analytics.migrate.copy.result import CopyOptions
from adi_analytics.migrate.errors import EXIT_DRIFT, EXIT_OK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.migrate.copy.result import CopyResult
    from adi_analytics.migrate.options import Options

_DAYS_SHOWN = 50


def copy_events(arguments: argparse.Namespace, options: Options) -> Output:
    """Copy what *arguments* name, and show what was found."""
    how = CopyOptions(
        since=arguments.since,
        until=arguments.until,
        verify_only=arguments.verify_only,
        compare_documents=arguments.compare_documents,
    )
    result = copy(arguments.source, arguments.target, options, how=how)
    shown = [*_days(result), *_lines(result)]
    return Output({**asdict(result), "whole": result.whole}, shown, EXIT_OK if result.whole else EXIT_DRIFT)


def _days(result: CopyResult) -> Iterator[str | Table]:
    if result.days:
        columns = ("day (UTC)", "source", "target", "missing", "changed", "only in target", "other documents")
        rows = [
            (f"{day.day:%Y-%m-%d}", *map(str, (day.source, day.target, day.missing, day.changed, day.extra)),
             str(day.documents))
            for day in result.days[:_DAYS_SHOWN]
        ]  # fmt: skip
        yield Table(columns, rows, "days that differ")
        if len(result.days) > _DAYS_SHOWN:
            yield f"... and {len(result.days) - _DAYS_SHOWN} days more"


def _lines(result: CopyResult) -> Iterator[str]:
    yield from (f"refused by {result.target}: event {one.event_id}: {one.reason}" for one in result.examples)
    if result.replaced:
        yield f"null stands for a number that no double holds in {result.replaced} events, such as:"
        yield from (f"  {event_id}" for event_id in result.replaced_ids)
    if result.changed_documents:
        yield "documents differ of these events, and maybe others:"
        yield from (f"  {event_id}" for event_id in result.changed_documents)
    if result.outside:
        yield f"{result.outside} events before year 1 or after year 9999 stay in {result.source}"
    if result.moving and result.settled is not None:
        copied = "not compared" if result.verify_only else "copied, not compared"
        yield f"still moving: {result.moving} events after {result.settled:%Y-%m-%d %H:%M} UTC, {copied}"
    days = f"{result.equal} days are equal, {len(result.days)} differ"
    done = "compared" if result.verify_only else f"copied {result.copied} events from {result.source}; compared"
    yield f"{done} {result.rows} in {result.seconds:.1f} s: {days}"
