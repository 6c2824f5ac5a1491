"""The URL of a ClickHouse, and what is said about one that can't be used: never a piece of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics._shared.clickhouse.address import ClickhouseUrlError, is_clickhouse, parse_clickhouse
from adi_analytics._shared.conninfo import ConninfoInvalidError, ConninfoMissingError, fresh_conninfo, resolve_conninfo
from adi_analytics.migrate.cli.main import main
from support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FULL: dict[str, Any] = {"host": "db", "port": 8123, "secure": False, "user": "", "password": "", "database": "default"}


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("clickhouse://db", {}),
        ("http://db", {}),
        ("clickhouse://db/", {}),
        ("clickhouse://ada@db:9123/app", {"user": "ada", "port": 9123, "database": "app"}),
        ("clickhouses://db", {"secure": True, "port": 8443}),
        ("https://db:443/app", {"secure": True, "port": 443, "database": "app"}),
        ("clickhouse://db?secure", {"secure": True, "port": 8443}),
        ("clickhouse://db/app?secure=true", {"secure": True, "port": 8443, "database": "app"}),
        ("clickhouse://db?secure=0", {}),
        ("clickhouse://a%40b:p%2F%3A%3F%23%25%C3%BC@db", {"user": "a@b", "password": "p/:?#%ü"}),
        ("clickhouse://:secret@db", {"user": "default", "password": "secret"}),
        ("CLICKHOUSE://[::1]:8124", {"host": "[::1]", "port": 8124}),
        ("clickhouse://db?insert_quorum=auto", {"insert_quorum": "auto"}),
        ("clickhouse://db/app/", {"database": "app"}),
        ("clickhouse://db/app/?insert_quorum=2", {"database": "app", "insert_quorum": "2"}),
        ("clickhouse://db?secure&ca_cert=%2Fca.pem", {"secure": True, "port": 8443, "ca_cert": "/ca.pem"}),
    ],
)
def test_what_a_url_says(url: str, parts: dict[str, Any]) -> None:
    found = parse_clickhouse(url)
    assert {name: getattr(found, name) for name in FULL | parts} == FULL | parts
    assert resolve_conninfo(f" '{url}'\n", clickhouse=True) == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("clickhouse://", "expected clickhouse://"),
        ("clickhouse://ada:hunter2/x@db", "write @ as %40"),
        ("clickhouse://ada:hunter2@x@db", "write @ as %40"),
        ("clickhouse://ada:hunter2#x@db", "# as %23"),
        ("clickhouse://ada:hunter2:x@db", ": as %3A"),
        ("clickhouse://ada:hunter2%@db", "% as %25"),
        ("clickhouse://ada:hunter2%FF@db", "expected clickhouse://"),
        ("clickhouse://a%3Ab:hunter2@db", "a user name with :"),
        ("clickhouse://one,two/app", "expected clickhouse://"),
        ("clickhouse://db:0", "between 1 and 65535"),
        ("clickhouse://db:70000", "between 1 and 65535"),
        ("clickhouse://db/a/b", "expected clickhouse://"),
        ("clickhouse://db?hunter2=1", "number 1 behind the ?"),
        ("clickhouse://db?secure=1&hunter2", "number 2 behind the ?"),
        ("clickhouse://db?password=hunter2", "unknown parameter 'password': write it before the host"),
        ("clickhouse://db?fsync_after_insert=1", "it is a setting of the table"),
        ("clickhouse://db?secure=hunter2", "secure must be true or false"),
        ("clickhouses://db?secure=false", "clickhouses:// says TLS"),
        ("clickhouse://db//", "expected clickhouse://"),
        ("clickhouse://db?ca_cert=/hunter2.pem", "ca_cert is for TLS"),
        ("clickhouse://db?secure=false&ca_cert=/hunter2.pem", "ca_cert is for TLS"),
        ("clickhouse://db?insert_quorum=hunter2", "insert_quorum must be a number of replicas, or auto"),
    ],
)
def test_what_is_wrong_with_a_url(url: str, problem: str) -> None:
    assert is_clickhouse(url)
    with pytest.raises(ClickhouseUrlError) as caught:
        parse_clickhouse(url)
    assert problem in str(caught.value)
    with pytest.raises(ConninfoInvalidError) as shown:
        resolve_conninfo(url, clickhouse=True)
    assert problem in str(shown.value)
    assert "hunter2" not in str(shown.value)


def test_no_object_shows_the_password() -> None:
    found = parse_clickhouse("clickhouses://ada:hunter2@db/app")
    assert (found.place, found.url) == ("db:8443", "https://db:8443/")
    assert "hunter2" not in repr(found)


def test_the_environment_may_name_one(tmp_path: Path) -> None:
    url = "clickhouse://db/app"
    assert resolve_conninfo(None, clickhouse=True, environ={"DATABASE_URL": url}, folder=tmp_path) == url
    (tmp_path / ".env").write_text(f"DATABASE_URL={url}\n", encoding="utf-8")
    assert resolve_conninfo(None, clickhouse=True, environ={}, folder=tmp_path) == url
    with pytest.raises(ConninfoMissingError):
        resolve_conninfo(None, clickhouse=True, environ={}, folder=tmp_path / "none")


@pytest.mark.parametrize("url", ["clickhouse://ada:hunter2@db/app", "https://ada:hunter2@db"])
def test_what_needs_postgresql_says_so(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for ask in (lambda: resolve_conninfo(url), lambda: fresh_conninfo(lambda: url)):
        with pytest.raises(ConninfoInvalidError, match="it is the URL of a ClickHouse") as caught:
            ask()
        assert "hunter2" not in str(caught.value)
    for command, message in (("baseline --adopt", "not on ClickHouse"), ("drift", "cannot connect to db:8")):
        assert main([*command.split(), "--project", str(ROOT), "--database-url", url]) != 0
        said = "".join(capsys.readouterr())
        assert message in said
        assert "hunter2" not in said
