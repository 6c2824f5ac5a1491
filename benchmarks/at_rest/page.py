"""The page of the results."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Sequence

from backends import Figures

_HEAD = """\
# Benchmarks of what is at rest

Measured on {date}, {processors} processors, {system}: {versions}.
{count} events of {days} days as the demo sends them, with ids of version 7. `python benchmarks/at_rest` writes this page.

The bytes are those of the table with its indexes, by event, after VACUUM (FULL on plain PostgreSQL). They do not depend on how busy
the machine is; the times do. "One hour" counts one event type and takes a percentile of it in an hour in the past, as a
refresh of a late hour does. "One person" reads all rows of a user. "Refresh" is all seven aggregates afresh, by event.
"""
_TAIL = """
## What follows

- `analytics-codegen generate` goes on writing the first setting (segments by `event_type`, order by `timestamp desc, event_id`). Compressed
  rows take about a tenth of the bytes of rows that are not. Nothing with the same reading times takes less than some 4 % off that.
- Order by `user_id` without segments takes a fifth off, with lz4 a quarter. An hour of one event type then lies in all batches of
  its day and takes several times as long to read. Late events need such hours, so that is not worth it.
- `timescaledb.enable_uuid_compression` (off unless you set it, in TimescaleDB 2.22) and `default_toast_compression = lz4` are settings of your server. Each takes
  about 4 % off, the two together no more. Both are safe to set: they hold for what is compressed from then on.
- Plain PostgreSQL and the Apache edition do not compress. An event is too short for TOAST, so its method makes no difference there.
- Ids of version 4 (random) cost more: 93 bytes an event were measured with such ids, on another stream.
"""


def page(found: Sequence[Figures], versions: Sequence[str], count: int, days: int) -> str:
    """Return the page: a table for each backend."""
    lines = [
        _HEAD.format(
            date=dt.datetime.now(dt.UTC).date(), processors=os.cpu_count(), system=platform.platform(terse=True),
            versions="; ".join(versions), count=count, days=days,
        )
    ]  # fmt: skip
    for backend in dict.fromkeys(entry.backend for entry in found):
        lines += [
            f"\n## {backend}",
            "",
            "| setting | bytes an event | of these without indexes | one hour, ms | one person, ms | refresh, us an event |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for entry in found:
            if entry.backend == backend:
                refresh = "" if entry.refresh is None else f"{entry.refresh:.1f}"
                lines.append(
                    f"| {entry.settings} | {entry.size:.1f} | {entry.table:.1f} | {entry.hour:.1f} | {entry.person:.1f} |"
                    f" {refresh} |"
                )
    return "\n".join(lines) + _TAIL
