"""Whatever a role, a database or a client sets, every command gives the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.full import IN_FULL
from support.migrating import connect, counted, environment, execute, run, truth, value

if TYPE_CHECKING:
    from support.servers import Databases

SETTINGS = {
    "datestyle": "German",
    "intervalstyle": "iso_8601",
    "standard_conforming_strings": "off",
    "client_encoding": "LATIN1",
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "250ms",
    "idle_session_timeout": "250ms",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "search_path": "elsewhere",
    "timezone": "Asia/Kolkata",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "check_function_bodies": "off",
    "client_min_messages": "debug5",
}
# Those that would end the test's own sessions, or that must be there before the schema is chosen.
AT_ONCE = {name: text for name, text in SETTINGS.items() if name != "search_path"}
MORE = [("datestyle", "SQL, DMY"), ("intervalstyle", "sql_standard"), ("timezone", "America/St_Johns")]

LOAD = """
insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
select now() - i * interval '12 hours', 'task_created', 's', gen_random_uuid(), '{"type": "task_created"}',
       gen_random_uuid()
from generate_series(0, 40) i
"""


def pin_wrongly(dsn: str, **settings: str) -> None:
    with connect(dsn) as connection:
        (name,) = connection.execute("select quote_ident(current_database())").fetchone() or ("",)
        for setting, text in settings.items():
            connection.execute(f"alter database {name} set {setting} = '{text}'".encode())


def check_commands(dsn: str, plain: str) -> None:
    """Run every command; *plain* is a connection string whose sessions have the server's settings."""
    where = ("--database-url", dsn)
    execute(plain, "set search_path = public; " + LOAD)
    kept = "update analytics_meta.storage set retention = '7 days', chunk_interval = '1 day'"
    execute(plain, kept)
    maintained = run("maintain", *where, "--format", "json")
    assert maintained.code == 0, maintained.err
    assert maintained.json["notes"] == []
    assert maintained.json["expired"] >= 6  # a week is dropped as a whole, once all of it is a week old
    assert maintained.json["partitions"] >= 6
    assert len(maintained.json["refreshed"]) == 10
    execute(plain, "update analytics_meta.storage set retention = '90 days'")
    found = run("drift", *where)
    assert found.code == 0, found.out
    for command in (
        ("all",), ("backfill",), ("refresh",), ("doctor",), ("status", "--check"), ("dry-run",), ("dead-letters",),
    ):  # fmt: skip
        ended = run(*command, *where)
        assert ended.code == 0, ended.err + ended.out
    assert value(plain, "select sum(created)::int from public.analytics_task_stats_daily") == 41
    execute(plain, "call analytics_meta.maintain()")


def plain(dsn: str) -> str:
    """Return *dsn* with the server's own settings, where one would end or refuse a session of the test."""
    names = ("statement_timeout", "lock_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout")
    options = " ".join(f"-c%20{name}%3D0" for name in names) + " -c%20default_transaction_read_only%3Doff"
    options += " -c%20search_path%3Dpublic -c%20client_min_messages%3Dwarning"
    return f"{dsn}{'&' if '?' in dsn else '?'}options={options.replace(' ', '%20')}"


def apart(number: int) -> list[dict[str, str]]:
    """Deal the settings to *number* groups; what MORE says of a setting is never in the group of its other value."""
    groups: list[dict[str, str]] = [{} for _ in range(number)]
    for place, (name, text) in enumerate(SETTINGS.items()):
        groups[place % number][name] = text
    for name, text in MORE:
        next(group for group in groups if name not in group)[name] = text
    return groups


ALONE = [{name: text} for name, text in [*SETTINGS.items(), *MORE]]
GROUPS = ALONE if IN_FULL else apart(4)


@pytest.mark.parametrize("settings", GROUPS, ids=", ".join)
def test_settings_of_the_database_change_no_answer(migrated_dsn: str, settings: dict[str, str]) -> None:
    pin_wrongly(migrated_dsn, **settings)

    check_commands(migrated_dsn, plain(migrated_dsn))


def test_all_of_them_at_once_from_the_first_migration_on(postgres_dsn: str) -> None:
    execute(postgres_dsn, "create access method other type table handler heap_tableam_handler")
    pin_wrongly(postgres_dsn, **AT_ONCE, default_tablespace="pg_default", default_table_access_method="other")
    assert run("all", "--database-url", postgres_dsn).code == 0
    other = "select count(*) from pg_class where relam = (select oid from pg_am where amname = 'other')"
    assert value(plain(postgres_dsn), other) == 0
    pin_wrongly(plain(postgres_dsn), search_path="elsewhere")

    check_commands(postgres_dsn, plain(postgres_dsn))


def test_settings_of_the_client_change_no_answer(databases: Databases) -> None:
    asked = " ".join(f"-c {name}={text.replace(' ', chr(92) + ' ')}" for name, text in AT_ONCE.items())
    with databases.empty() as dsn:
        with environment(PGOPTIONS=asked, PGTZ="Asia/Kolkata", PGDATESTYLE="German", PGCLIENTENCODING="LATIN1"):
            assert run("all", "--database-url", dsn).code == 0
            execute(plain(dsn), LOAD)
            ended = run("maintain", "--database-url", dsn, "--format", "json")
            assert ended.code == 0, ended.err
            assert run("drift", "--database-url", dsn).code == 0
        assert counted(dsn) == truth(dsn)
        assert value(dsn, "select count(*) from analytics_events_default") == 0
