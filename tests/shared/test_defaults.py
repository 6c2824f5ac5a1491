"""What the user sets for libpq, wherever that is, wins over our own defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from adi_analytics import migrate
from adi_analytics._engine.drivers.connection import parameters
from adi_analytics._shared.options import settings_from
from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICES = """\
# comment
[other]
connect_timeout=99
[mine]
host=db
connect_timeout = 7
application_name=theirs
# keepalives_idle=1
keepalives_count=5
[last]
tcp_user_timeout=1
"""


@pytest.fixture(autouse=True)
def _services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGSERVICE", "PGCONNECT_TIMEOUT", "PGAPPNAME", "PGSYSCONFDIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "services").write_text(SERVICES, encoding="utf-8")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))


def by_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "services").rename(tmp_path / ".pg_service.conf")
    monkeypatch.delenv("PGSERVICEFILE")
    monkeypatch.setenv("HOME", str(tmp_path))


def by_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "services").rename(tmp_path / "pg_service.conf")
    monkeypatch.delenv("PGSERVICEFILE")
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    monkeypatch.setenv("PGSYSCONFDIR", str(tmp_path))


def by_variable(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICE", "mine")


@pytest.mark.parametrize("place", [None, by_home, by_system, by_variable])
def test_a_service_file_wins(
    place: Callable[[Path, pytest.MonkeyPatch], None] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place is not None:
        place(tmp_path, monkeypatch)

    found = parameters("dbname=x" if place is by_variable else "service=mine", settings_from({}))

    for name in ("connect_timeout", "application_name", "keepalives_count"):
        assert name not in found  # libpq takes it from the file
    assert found["keepalives_idle"] == 30
    assert found["tcp_user_timeout"] == 60_000


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    monkeypatch.setenv("PGAPPNAME", "theirs")

    found = parameters("host=db", settings_from({}))

    assert "connect_timeout" not in found
    assert "application_name" not in found


@pytest.mark.parametrize("conninfo", ["host=db connect_timeout=7", "postgresql://db/?connect_timeout=7"])
def test_the_connection_string_wins(conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "8")

    assert parameters(conninfo, settings_from({}))["connect_timeout"] in {7, "7"}


@pytest.mark.parametrize("conninfo", ["service=missing", "service=", "host=db"])
def test_without_a_word_our_defaults_hold(conninfo: str) -> None:
    found = parameters(conninfo, settings_from({}))

    assert found["connect_timeout"] == 10
    assert found["application_name"] == "adi-analytics"


@pytest.mark.parametrize("form", ["url", "service", "variable"])
def test_the_migrator_lets_them_win(
    form: str, postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}
    real: Any = psycopg.connect

    def connect(*arguments: str, **more: object) -> object:
        given.update(conninfo_to_dict(*arguments) if arguments else {}, **more)
        return real(*arguments, **more)

    monkeypatch.setattr(psycopg, "connect", connect)
    dsn = postgres_dsn
    if form == "url":
        dsn = make_conninfo(dsn, connect_timeout=7)
    elif form == "variable":
        monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    else:
        lines = "".join(f"{name}={value}\n" for name, value in conninfo_to_dict(dsn).items())
        (tmp_path / "services").write_text(f"[mine]\nconnect_timeout=7\n{lines}", encoding="utf-8")
        dsn = "service=mine"

    migrate.status(migrate.Options(database_url=dsn))

    assert given.get("connect_timeout") in ({"7", 7} if form == "url" else {None})
