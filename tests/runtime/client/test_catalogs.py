"""A client of one catalog: its tables, its dead letters, its marks; what is another's is refused."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from adi_analytics import (
    AnalyticsClient,
    CatalogAmbiguousError,
    CatalogInvalidError,
    CatalogMissingError,
    InvalidEventError,
    events,
    resolve_catalog,
)
from adi_analytics._shared import catalog as rule
from support.runtime import QUICK, running, task

if TYPE_CHECKING:
    from support.runtime import Database


@dataclass(frozen=True)
class OrderPlaced:
    """An event of another catalog."""

    EVENT_TYPE: ClassVar[str] = "order_placed"
    EVENT_VERSION: ClassVar[int] = 1
    USER_ID_FIELD: ClassVar[None] = None
    SERVICE_FIELD: ClassVar[None] = None
    STORE: ClassVar[dict[str, str]] = {}
    total: int = 7


def test_an_event_of_another_catalog_becomes_a_dead_letter(database: Database) -> None:
    with running("thread", database.dsn) as client:
        client.track(OrderPlaced())  # type: ignore[arg-type]  # another catalog's, on purpose
        client.track(task(1))
        assert client.flush(20).ok
        assert client.stats().dead_lettered_by_reason == {"foreign_event": 1}
        assert client.stats().delivered == 1
    ((event_type, reason, message),) = database.execute(
        "select event_type, reason, message from analytics_dead_letters"
    )
    assert (event_type, reason) == ("OrderPlaced", "foreign_event")
    assert "OrderPlaced is not an event of the catalog adi (adi_analytics_events)" in message


def test_a_strict_client_refuses_it_at_once() -> None:
    client, _ = AnalyticsClient.create(strict=True)
    with pytest.raises(InvalidEventError, match="not an event of the catalog adi"):
        client.track(OrderPlaced())  # type: ignore[arg-type]  # another catalog's, on purpose


def test_the_catalog_says_the_tables_and_from_when_on_a_row_is_late(database: Database) -> None:
    database.execute("alter table analytics_events rename to shop_events")
    database.execute("alter table analytics_dead_letters rename to shop_dead_letters")
    shop = replace(
        events.CATALOG, name="shop", table="shop_events", dead_letters_table="shop_dead_letters", late_after=60
    )
    with running("thread", database.dsn, catalog=shop) as client:
        client.track(task(1), timestamp=datetime.now(UTC) - timedelta(minutes=30))
        client.track({"no": "event"})  # type: ignore[arg-type]  # becomes a dead letter
        assert client.flush(20).ok
    assert database.execute("select count(*) from shop_events") == [(1,)]
    assert database.execute("select count(*) from shop_dead_letters") == [(1,)]
    assert database.execute("select count(*) from analytics_meta.late_buckets") == [(1,)]


def test_a_database_of_another_catalog_takes_nothing(
    migrated_dsn: str, caplog: pytest.LogCaptureFixture, own: Any
) -> None:
    shop = replace(events.CATALOG, name="shop")
    client = AnalyticsClient.connect(migrated_dsn, catalog=shop, **QUICK)
    client.track(task(1))
    assert client.flush(2).pending == 1
    deadline = time.monotonic() + 20
    while "belongs to the catalog 'adi'" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "'shop'" in caplog.text
    assert own(migrated_dsn) == 0
    client.close(0.2)


@pytest.fixture
def own() -> Any:
    import psycopg

    def count(dsn: str) -> int:
        with psycopg.connect(dsn) as connection:
            (number,) = connection.execute("select count(*) from analytics_events").fetchone() or (0,)
        return int(number)

    return count


def test_two_catalogs_share_a_spool_directory_and_not_their_events(database: Database, tmp_path: Path) -> None:
    spool: dict[str, Any] = {"spool": "always", "spool_dir": str(tmp_path)}
    shop = replace(events.CATALOG, name="shop")
    away = AnalyticsClient.connect("postgresql://127.0.0.1:1/none", catalog=shop, **QUICK, **spool)
    away.track(task(1))
    assert away.close(1.0).spooled == 1
    with running("thread", database.dsn, **spool) as client:
        client.track(task(2))
        assert client.flush(20).ok
    assert database.numbers() == [2]
    with running("thread", database.dsn, catalog=shop, **spool) as client:
        deadline = time.monotonic() + 20
        while len(database.numbers()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert database.numbers() == [1, 2]


def test_the_rule(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert resolve_catalog(events.CATALOG) is events.CATALOG
    assert resolve_catalog("adi_analytics_events") is events.CATALOG
    monkeypatch.setenv("ADI_ANALYTICS_CATALOG", "adi_analytics_events")
    assert resolve_catalog() is events.CATALOG
    monkeypatch.delenv("ADI_ANALYTICS_CATALOG")
    assert resolve_catalog() is events.CATALOG  # the only one imported
    monkeypatch.setattr(rule, "_imported", list)
    assert resolve_catalog() is events.CATALOG  # of the project in this folder
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CatalogMissingError, match="analytics-codegen init"):
        resolve_catalog()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("no_such_package", "can't be imported"),
        ("json", "has no CATALOG"),
        (7, "is no catalog"),
        (replace(events.CATALOG, format=99), "its format is 99, this library knows 2"),
    ],
)
def test_what_is_no_catalog_is_explained(given: Any, words: str) -> None:
    with pytest.raises(CatalogInvalidError, match=words):
        AnalyticsClient.create(catalog=given)


@pytest.mark.parametrize("name", [".", "..", "../x", "a b", "a-b", "shop."])
def test_what_is_no_name_of_a_package_is_explained(name: str) -> None:
    with pytest.raises(CatalogInvalidError, match="no name that Python could import"):
        resolve_catalog(name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import not_there", "needs the module not_there"),
        ("raise RuntimeError('broken')", "RuntimeError: broken"),
        ("(", "SyntaxError"),
    ],
)
def test_a_broken_package_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str) -> None:
    (tmp_path / "broken_events.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CatalogInvalidError, match=words):
        resolve_catalog("broken_events")


def test_the_librarys_own_catalog_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be imported by accident; what the project or the installed packages say counts more."""
    from importlib import metadata

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rule, "_imported", lambda: [events.CATALOG])
    assert resolve_catalog() is events.CATALOG
    shop = replace(events.CATALOG, name="shop", package="shop_events")
    module = ModuleType("shop_events")
    vars(module)["CATALOG"] = shop
    monkeypatch.setitem(sys.modules, "shop_events", module)
    entry = metadata.EntryPoint("shop", "shop_events", rule.ENTRY_POINTS)
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [entry])
    assert resolve_catalog() is shop


def test_several_installed_catalogs_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from importlib import metadata

    entries = [metadata.EntryPoint(name, f"{name}_events", rule.ENTRY_POINTS) for name in ("shop", "adi")]
    monkeypatch.setattr(metadata, "entry_points", lambda **_: entries)
    monkeypatch.setattr(rule, "_imported", list)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CatalogAmbiguousError, match="adi_events, shop_events"):
        resolve_catalog()


def test_importing_the_library_imports_no_events() -> None:
    code = "import adi_analytics, sys; adi_analytics.AnalyticsClient; print('adi_analytics_events' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
