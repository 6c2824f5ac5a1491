"""What refuses events may hold for one connection only: the worker tries again on a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from support.runtime import balanced, running, settled, tasks
from support.runtime.samples import error

if TYPE_CHECKING:
    from support.runtime import Database

DATABASE, ROLE = "database {database}", "role {role} in database {database}"


def alter(database: Database, target: str, change: str) -> None:
    """Change a setting that only new connections see."""
    parameters = conninfo_to_dict(database.dsn)
    names = {"database": parameters["dbname"], "role": parameters["user"]}
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("set default_transaction_read_only = off")
        connection.execute("set role none")
        connection.execute(f"alter {target} {change}".format(**names).encode())


@pytest.mark.parametrize("target", [DATABASE, ROLE], ids=["database", "role"])
@pytest.mark.parametrize(
    ("setting", "state"),
    [("default_transaction_read_only = on", "25006"), ("search_path = nowhere", "42P01"), ("role = nobody", "42501")],
)
def test_a_setting_that_was_mended_counts(database: Database, kind: str, target: str, setting: str, state: str) -> None:
    if "nobody" in setting:
        database.execute(
            "do $$ begin create role nobody; exception when unique_violation or duplicate_object then end $$"
        )
    alter(database, target, f"set {setting}")
    with running(kind, database.dsn) as client:
        for event in tasks(10):
            client.track(event)
        assert settled(client, lambda stats: stats.retries >= 2).last_error == state
        alter(database, target, f"reset {setting.split(maxsplit=1)[0]}")
        assert client.flush(30).ok
        assert balanced(client).delivered == 10
    database.assert_numbers(10)


def test_a_table_of_dead_letters_that_was_out_of_sight_is_seen_again(
    database: Database, kind: str, tmp_path: object
) -> None:
    database.execute("create schema other")
    database.execute("alter table analytics_dead_letters set schema other")
    with running(kind, database.dsn, dead_letter_file=f"{tmp_path}/letters") as client:
        client.track(error("\0"))
        assert client.flush(30).ok
        assert balanced(client).dead_lettered == 1  # in the file
        alter(database, DATABASE, "set search_path = public, other")
        client.track(error("\0"))
        assert client.flush(30).ok
        client.track(error("\0"))
        assert client.flush(30).ok
    with psycopg.connect(database.dsn) as connection:
        assert connection.execute("select count(*) from analytics_dead_letters").fetchone() == (2,)
