"""Late events, and maintenance that does not wait until it is due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adi_analytics import migrate

from support.migrating import connect

if TYPE_CHECKING:
    from support.migrating import Target

NOW = datetime.now(UTC)


def insert_late(target: Target, at: datetime) -> None:
    """What the worker does with an event that is older than `late_after`."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    with connect(target.dsn) as connection, connection.transaction():
        connection.execute(
            'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
            " values (%s, 'task_created', 's', '{}', gen_random_uuid())",
            [at],
        )
        connection.execute(
            "insert into analytics_meta.late_buckets (bucket) values (%s) on conflict (bucket) do"
            " update set marked_at = now()",
            [hour],
        )


def force(target: Target) -> migrate.MaintainResult:
    return migrate.maintain(target.options, forced=True)
