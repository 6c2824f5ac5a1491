"""The events that each backend gets, made by the database itself, and rows to insert as text."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any, Final

TABLE: Final = "analytics_events"
COLUMNS: Final = '"timestamp", event_type, service, user_id, data, event_id, meta'
_DAY: Final = 86_400_000_000

_KINDS: Final = (
    *["api_request"] * 6, "task_created", "task_started", "task_completed", "task_failed", "auth_login_attempt",
    "cocoon_registered", "cocoon_connected", "integration_connected", "integration_used", "project_created",
)  # fmt: skip

EACH_DAY: Final = """
insert into analytics_events ("timestamp", event_type, service, data, event_id)
select now() - g * interval '24 hours', 'project_created', 's', '{}', gen_random_uuid()
from generate_series(0, 60) g
"""
"""A row a day makes the partitions of these days; they stay when the rows go."""

ON_POSTGRES: Final = """
insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
select %(day)s + g * %(length)s / %(count)s * interval '1 microsecond',
       (%(kinds)s::text[])[1 + g %% 16], 's' || g %% 4,
       md5(((g * 7919 %% 1000003)::bigint * (g * 104729 %% 1000003) / 1000003 * %(people)s / 1000003)::text)::uuid,
       case when g %% 16 < 6
            then jsonb_build_object('endpoint', '/x' || g %% 20, 'method', 'GET', 'status_code', 200,
                                    'duration_ms', g * 7919 %% 997)
            else jsonb_build_object('duration_ms', 40, 'exit_code', 0, 'success', true, 'provider', 'p',
                                    'cocoon_id', 'c' || g %% 997) end,
       md5('event ' || %(name)s || g)::uuid
from generate_series(1, %(count)s::bigint) g
"""

ON_CLICKHOUSE: Final = """
insert into analytics_events
with lower(hex(MD5(toString(intDiv(intDiv(g * 7919 % 1000003 * (g * 104729 % 1000003), 1000003) * {people}, 1000003)))))
        as person,
    lower(hex(MD5(concat('event {name}', toString(g))))) as event
select
    fromUnixTimestamp64Micro({day} + intDiv(g * {length}, {count}), 'UTC'),
    {kinds}[1 + g % 16], concat('s', toString(g % 4)),
    toUUID(concat(substring(person, 1, 8), '-', substring(person, 9, 4), '-', substring(person, 13, 4), '-',
                  substring(person, 17, 4), '-', substring(person, 21))),
    if(g % 16 < 6,
       concat('{{"endpoint": "/x', toString(g % 20), '", "method": "GET", "status_code": 200, "duration_ms": ',
              toString(g * 7919 % 997), '}}'),
       concat('{{"duration_ms": 40, "exit_code": 0, "success": true, "provider": "p", "cocoon_id": "c',
              toString(g % 997), '"}}')),
    toUUID(concat(substring(event, 1, 8), '-', substring(event, 9, 4), '-', substring(event, 13, 4), '-',
                  substring(event, 17, 4), '-', substring(event, 21))),
    '{{}}'
from (select toInt64(number + 1) as g from numbers({count}))
"""


def of_day(day: dt.datetime, count: int, people: int) -> dict[str, Any]:
    """Return the values for ON_POSTGRES and ON_CLICKHOUSE: *count* events of *day*."""
    return {"count": count, "people": people, "kinds": list(_KINDS), "length": _DAY, "name": f"{day:%j}"}


def block(number: int, size: int) -> bytes:
    """Return *size* rows of now as tab-separated text."""
    at = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(hours=1)
    lines = []
    for n in range(size):
        person, event = os.urandom(16).hex(), os.urandom(16).hex()
        ids = [f"{x[:8]}-{x[8:12]}-{x[12:16]}-{x[16:20]}-{x[20:]}" for x in (person, event)]
        time_of = f"{at + dt.timedelta(microseconds=number * size + n):%Y-%m-%d %H:%M:%S.%f}"
        data = '{"endpoint": "/x", "method": "GET", "status_code": 200, "duration_ms": 40}'
        lines.append("\t".join((time_of, "api_request", "s", ids[0], data, ids[1], "{}")))
    return ("\n".join(lines) + "\n").encode()
