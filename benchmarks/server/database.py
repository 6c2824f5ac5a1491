"""Events of sixty days in a database, and the aggregates that the measured paths read, stored."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
from adi_analytics import embedded, migrate
from databases import empty_database

CATALOG = "adi_analytics_events"
DAYS = 60
EVENTS_A_PERSON = 40
AGGREGATES = (
    "analytics_api_latency_hourly", "analytics_daily_active_users", "analytics_task_stats_daily",
    "analytics_members_daily", "analytics_cocoon_activity_daily", "analytics_integration_health_daily",
)  # fmt: skip
_SETTINGS = {"max_wal_size": "8GB", "shared_buffers": "1GB", "synchronous_commit": "off", "autovacuum": "off"}
_WORKERS = 2
_KINDS = (
    *["api_request"] * 6, "task_created", "task_started", "task_completed", "task_failed", "auth_login_attempt",
    "cocoon_registered", "cocoon_connected", "integration_connected", "integration_used", "project_created",
)  # fmt: skip

_EACH_DAY = """
insert into analytics_events ("timestamp", event_type, service, data, event_id)
select now() - g * interval '24 hours', 'project_created', 's', '{}', gen_random_uuid()
from generate_series(0, %(days)s) g
"""
"""A row a day makes PostgreSQL's partitions of these days; they stay when the rows go."""

_DAY = """
insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
select least(%(day)s + g * interval '24 hours' / %(count)s, now() - interval '1 second'),
       (%(kinds)s::text[])[1 + g %% array_length(%(kinds)s::text[], 1)], 's' || g %% 4,
       md5((random() * random() * %(people)s)::int::text)::uuid,
       case when g %% 16 < 6 then jsonb_build_object('endpoint', '/x' || g %% 20, 'method', 'GET', 'status_code', 200,
                                                     'duration_ms', g * 7919 %% 997)
            else '{"duration_ms": 40, "exit_code": 0, "success": true, "provider": "p"}'
                 || jsonb_build_object('cocoon_id', 'c' || g %% 997) end,
       gen_random_uuid()
from generate_series(1, %(count)s) g
"""

Say = Callable[[str], None]


@contextlib.contextmanager
def database() -> Iterator[str]:
    """Yield the DSN of an empty database: on the server of ADI_ANALYTICS_BENCH_DSN, or on an embedded one."""
    given = os.environ.get("ADI_ANALYTICS_BENCH_DSN")
    if not given:
        with embedded.start_server(settings=_SETTINGS) as server:
            yield server.dsn
        return
    with psycopg.connect(given, autocommit=True) as connection:
        extension = connection.execute("select from pg_available_extensions where name = 'timescaledb'").fetchone()
    with contextlib.ExitStack() as stack:
        yield empty_database(given, stack, extension=extension is not None)


def fill(dsn: str, count: int, say: Say) -> None:
    """Load *count* events, and store the aggregates."""
    options = migrate.Options(database_url=dsn, catalog=CATALOG)
    migrate.apply(options=options)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_EACH_DAY, {"days": DAYS})
        connection.execute("call analytics_meta.prepare_storage(null)")
        connection.execute("truncate analytics_events")
    started = time.monotonic()
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - dt.timedelta(days=number) for number in range(DAYS)]
    people = count // EVENTS_A_PERSON + 1

    def load(day: dt.datetime) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            given = {"day": day, "count": max(1, count // DAYS), "kinds": list(_KINDS), "people": people}
            connection.execute(_DAY, given)

    _share(days, load, say, "loaded")
    say(f"{count / (time.monotonic() - started):,.0f} events a second")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("analyze analytics_events")

    def store(aggregate: str) -> None:
        migrate.refresh([aggregate], options=options)

    _share(list(AGGREGATES), store, say, "stored")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("analyze")


def _share(work: list, do: Callable, say: Say, done: str) -> None:
    """Do each piece of *work*, by as many threads as there are processors to spare for."""
    total, failed, waiting = len(work), [], iter(work)
    taking = threading.Lock()
    finished = 0

    def run() -> None:
        nonlocal finished
        while not failed:
            with taking:
                one = next(waiting, None)
            if one is None:
                return
            try:
                do(one)
            except Exception as error:  # noqa: BLE001 - it is raised in the thread that waits
                failed.append(error)
                return
            finished += 1
            if finished % 10 == 0 or not isinstance(one, dt.datetime):
                say(
                    f"{done} {finished} of {total}: {one:%Y-%m-%d}" if isinstance(one, dt.datetime) else f"{done} {one}"
                )

    threads = [threading.Thread(target=run) for _ in range(_WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
