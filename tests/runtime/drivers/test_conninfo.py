"""A connection string may come fresh for each connection, from a service file, or name several hosts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from adi_analytics import AnalyticsClient
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from support.runtime import QUICK, Proxy, balanced, running, settled, task, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database

SECRET = "hunter2"


def cut(database: Database) -> None:
    database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'adi-analytics' and datname = current_database()"
    )


def test_a_function_is_asked_before_each_connection(database: Database, kind: str) -> None:
    asked: list[int] = []

    def fresh() -> str:
        asked.append(threading.get_ident())
        return make_conninfo(database.dsn, password=f"{SECRET}{len(asked)}")

    with running(kind, fresh, **{**QUICK, "batch_size": 1}) as client:
        assert asked == []  # nothing is asked before it is needed
        for number in range(3):
            client.track(task(number))
            assert client.flush(30).ok
            assert len(asked) == number + 1
            cut(database)
        assert threading.get_ident() not in asked
    database.assert_numbers(3)


def test_connect_takes_a_function_too(database: Database) -> None:
    with AnalyticsClient.connect(lambda: f" '{database.dsn}'\n", **QUICK) as client:
        client.track(task(0))
    database.assert_numbers(1)


def test_a_password_that_was_rotated_counts(database: Database, kind: str) -> None:
    """The server trusts every password, so a wrong database stands for a wrong password."""
    answers = iter([make_conninfo(database.dsn, dbname="nowhere")] * 2)
    with running(kind, lambda: next(answers, database.dsn)) as client:
        for event in tasks(10):
            client.track(event)
        assert client.flush(30).ok
        assert balanced(client).retries == 2
    database.assert_numbers(10)


class TokenError(Exception):
    """What a library for tokens might raise."""


@pytest.mark.parametrize("failure", ["raises", "exits", "number", "nothing", "empty", "broken", "foreign"])
def test_a_function_that_fails_is_a_failed_connection(
    database: Database, kind: str, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    answers: dict[str, Any] = {
        "number": 5,
        "nothing": None,
        "empty": " ",
        "broken": f"postgresql://u:{SECRET}@@h:x/d",
        "foreign": f"postgresql://u:{SECRET}@h/d?sslmod=require",
    }
    mended = threading.Event()

    def fresh() -> Any:
        if mended.is_set():
            return database.dsn
        if failure == "raises":
            raise TokenError(f"no token for {SECRET}")
        if failure == "exits":
            raise SystemExit(SECRET)
        return answers[failure]

    with running(kind, fresh) as client:
        for event in tasks(10):
            client.track(event)
        settled(client, lambda stats: stats.retries >= 3)
        mended.set()
        assert client.flush(30).ok
        assert balanced(client).delivered == 10
    database.assert_numbers(10)
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text
    (complaint,) = [record.getMessage() for record in caplog.records if "can't take events" in record.getMessage()]
    assert "from the function given for it" in complaint
    if failure == "raises":
        assert "it raised TokenError" in complaint


def test_a_service_file_says_where(
    database: Database, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = "".join(f"{name}={value}\n" for name, value in conninfo_to_dict(database.dsn).items())
    (tmp_path / "services").write_text(f"[analytics]\n{places}")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    for conninfo in ("service=analytics", "postgresql:///?service=analytics"):
        with running(kind, conninfo) as client:
            client.track(task(0))
            assert client.flush(30).ok
    assert database.numbers() == [0, 0]


def test_a_service_file_is_read_anew(
    database: Database, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    with running(kind, "service=analytics") as client:
        client.track(task(0))
        settled(client, lambda stats: stats.retries >= 2)
        places = "".join(f"{name}={value}\n" for name, value in conninfo_to_dict(database.dsn).items())
        (tmp_path / "services").write_text(f"[analytics]\n{places}")
        assert client.flush(30).ok
    database.assert_numbers(1)


def _hosts(dsn: str, ports: list[int], form: str) -> str:
    named = conninfo_to_dict(dsn)
    if form == "pairs":
        return make_conninfo(dsn, host=",".join(["127.0.0.1"] * len(ports)), port=",".join(map(str, ports)))
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://{named['user']}@{hosts}/{named['dbname']}?gssencmode=disable&target_session_attrs=read-write"


@pytest.mark.parametrize("form", ["url", "pairs"])
def test_of_several_hosts_the_one_that_is_there_takes_the_events(database: Database, kind: str, form: str) -> None:
    with Proxy(database.dsn) as second:
        with Proxy(database.dsn) as first:
            ports = [1, *(int(str(conninfo_to_dict(each.dsn)["port"])) for each in (first, second))]
            client_of = running(kind, _hosts(second.dsn, ports, form))
            client = client_of.__enter__()
            for event in tasks(10):
                client.track(event)
            assert client.flush(30).ok
        for event in tasks(10, start=10):  # the first host is gone
            client.track(event)
        assert client.flush(30).ok
        client_of.__exit__(None, None, None)
    database.assert_numbers(20)


def test_a_host_that_may_not_write_is_not_taken(database: Database, kind: str) -> None:
    name = str(conninfo_to_dict(database.dsn)["dbname"])
    database.execute(f"alter database {name} set default_transaction_read_only = on")
    with Proxy(database.dsn) as proxy:
        port = int(str(conninfo_to_dict(proxy.dsn)["port"]))
        with running(kind, _hosts(proxy.dsn, [port, port], "url")) as client:
            client.track(task(0))
            settled(client, lambda stats: stats.retries >= 2)
            with psycopg.connect(database.dsn, autocommit=True) as connection:
                connection.execute("set default_transaction_read_only = off")
                connection.execute(f"alter database {name} reset default_transaction_read_only".encode())
            assert client.flush(30).ok
    database.assert_numbers(1)
