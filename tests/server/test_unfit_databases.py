"""The database takes no events, for whatever reason: what the log, probes and clients are told of it, and how often."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime

import psycopg
import pytest
from adi_analytics.server import condition
from psycopg.conninfo import make_conninfo
from support.clickhouse.databases import ask
from support.clickhouse.installed import Installed
from support.reading import CATALOG
from support.servers import apply_migrations
from support.serving import PATH, item, served, wait_for

OTHER = (
    "create or replace view analytics_meta_installation as select 'other' as catalog, 'x' as table,"
    " 'y' as dead_letters_table, cast(null, 'Nullable(UInt64)') as retention"
)
SECRETS = ("s3cret", "clickhouse://", "postgresql://")


class Postgres:
    """A database that is empty, and what is done to it."""

    def __init__(self, databases):
        self._databases = databases
        self.empty = databases.empty
        self.away = "postgresql://nobody:s3cret@127.0.0.1:1/nothing"

    def install(self, url):
        apply_migrations(url, "")

    def give_away(self, url):
        self.install(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("update analytics_meta.installation set catalog = 'other'")


class Clickhouse:
    """The same on ClickHouse."""

    def __init__(self, databases):
        self._databases = databases
        self.away = "clickhouse://nobody:s3cret@127.0.0.1:1/nothing"

    @contextlib.contextmanager
    def empty(self):
        with self._databases.empty() as url:
            yield url.replace("http", "clickhouse", 1)

    def install(self, url):
        Installed.create(url.replace("clickhouse", "http", 1), CATALOG)

    def give_away(self, url):
        self.install(url)
        ask(url.replace("clickhouse", "http", 1), OTHER)


@pytest.fixture(params=["databases", "clickhouse_databases"])
def kind(request):
    """PostgreSQL and ClickHouse."""
    given = request.getfixturevalue(request.param)
    return Postgres(given) if request.param == "databases" else Clickhouse(given)


@pytest.fixture
def lines(caplog):
    """What the service's log says, from a level on."""
    caplog.set_level(logging.INFO, logger="adi_analytics.server")

    def found(level=logging.INFO):
        own = [one for one in caplog.records if one.name == "adi_analytics.server" and one.levelno >= level]
        said = [one.getMessage() for one in own]
        assert not any(secret in line for line in said for secret in SECRETS)
        return said

    return found


async def _sent(client, times=3):
    return [await client.post(PATH, json=[item()]) for _ in range(times)]


@pytest.mark.parametrize(
    ("unfit", "said", "probe"),
    [
        ("empty", "analytics_events", "analytics-migrate all"),
        ("foreign", "belongs to the catalog 'other'", "another catalog's"),
        ("away", "127.0.0.1", "can't be reached"),
    ],
)
def test_the_log_says_once_that_no_events_are_taken_and_why(kind, unfit, said, probe, lines):
    async def run(url):
        async with served(database_url=url) as client:
            return await _sent(client), [await client.get("/ready") for _ in range(3)]

    with kind.empty() as url:
        if unfit == "foreign":
            kind.give_away(url)
        sent, ready = asyncio.run(run(kind.away if unfit == "away" else url))
    assert {one.status_code for one in sent + ready} == {503}
    (line,) = lines(logging.WARNING)
    assert line.startswith("the database takes no events (")
    assert said in line
    assert "ForeignDatabaseError" not in line
    assert {probe in one.json()["detail"] for one in ready} == {True}
    detail = sent[0].json()["detail"]
    assert ("GET /ready" in detail, "is away" in detail) == ((False, True) if unfit == "away" else (True, False))
    assert "counts once" in detail
    assert not any(secret in one.text for one in sent + ready for secret in SECRETS)


def test_a_table_that_comes_brings_what_waited_and_one_line(kind, lines, tmp_path):
    async def run(url):
        async with served(database_url=url, spool_dir=str(tmp_path / "spool")) as client:
            assert [one.json()["spooled"] for one in await _sent(client)] == [1, 1, 1]
            (line,) = lines(logging.WARNING)
            assert line.endswith("they wait on disk")
            kind.install(url)
            await asyncio.to_thread(wait_for, lambda: any("delivered" in one for one in lines()))
            assert (await client.get("/ready")).json()["status"] == "ready"
            return (await client.post(PATH, json=[item()])).json()["stored"]

    with kind.empty() as url:
        assert asyncio.run(run(url)) == 1
    taken = [line for line in lines() if line.startswith("the database takes events again")]
    assert (len(taken), len(lines(logging.WARNING))) == (1, 1)


def test_a_probe_alone_finds_out_and_says_when_it_is_over(kind, lines):
    async def run(url):
        async with served(database_url=url) as client:
            found = [(await client.get("/ready")).status_code for _ in range(2)]
            kind.install(url)
            return [*found, *[(await client.get("/ready")).status_code for _ in range(2)]]

    with kind.empty() as url:
        assert asyncio.run(run(url)) == [503, 503, 200, 200]
    assert len(lines()) == 2
    assert lines()[1].startswith("the database takes events again, after ")


def test_a_table_that_goes_is_noticed_by_a_connection_from_before(kind, lines):
    async def run(url):
        async with served(database_url=url) as client:
            assert (await client.get("/ready")).status_code == 200
            if isinstance(kind, Clickhouse):
                ask(url.replace("clickhouse", "http", 1), "rename table analytics_events to hidden")
            else:
                with psycopg.connect(url) as connection:
                    connection.execute("alter table analytics_events rename to hidden")
            return await client.get("/ready")

    with kind.empty() as url:
        kind.install(url)
        answer = asyncio.run(run(url))
    assert (answer.status_code, "analytics-migrate all" in answer.json()["detail"]) == (503, True)
    assert len(lines(logging.WARNING)) == 1


def test_a_writer_without_a_right_to_look_is_ready(migrated_dsn):
    """It may write to the table, and read nothing, not even whose the database is."""
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute("create role few_rights login")
        connection.execute("grant insert on analytics_events to few_rights")

    recent = item(timestamp=datetime.now(UTC).isoformat())  # a late one is marked, which needs a right

    async def run():
        url = make_conninfo(migrated_dsn, user="few_rights")
        async with served(database_url=url) as client:
            return (await client.get("/ready")).status_code, (await client.post(PATH, json=[recent])).json()["stored"]

    try:
        assert asyncio.run(run()) == (200, 1)
    finally:
        with psycopg.connect(migrated_dsn, autocommit=True) as connection:
            connection.execute("drop owned by few_rights")
            connection.execute("drop role few_rights")


@pytest.mark.parametrize(("code", "said"), [("42501", "SQLSTATE 42501: "), ("A0001", "SQLSTATE A0001, from a trigger")])
def test_what_a_ping_cannot_see_is_not_over_when_it_works(migrated_dsn, lines, code, said):
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        raising = f"begin raise '%', new.event_type using errcode = '{code}'; end"
        connection.execute(f"create function broken() returns trigger language plpgsql as $$ {raising} $$".encode())
        connection.execute("create trigger broken before insert on analytics_events"
                           " for each row execute function broken()")  # fmt: skip

    async def run():
        async with served(database_url=migrated_dsn) as client:
            for _ in range(2):
                assert (await client.post(PATH, json=[item()])).status_code == 503
                assert (await client.get("/ready")).status_code == 200
            with psycopg.connect(migrated_dsn, autocommit=True) as connection:
                connection.execute("drop trigger broken on analytics_events")
            return (await client.post(PATH, json=[item()])).json()["stored"]

    assert asyncio.run(run()) == 1
    complaint, again = lines()
    assert complaint.startswith(f"the database takes no events ({said}")
    assert code != "A0001" or "task_created" not in complaint  # a trigger's own code may come with any text
    assert again.startswith("the database takes events again")


def test_tokens_that_cannot_be_read_are_in_the_log(kind, lines):
    async def run(url):
        headers = {"Authorization": f"Bearer adi_ingest_{'0' * 12}_{'a' * 43}"}
        async with served(database_url=url, without_tokens=False) as client:
            return [(await client.post(PATH, json=[item()], headers=headers)).status_code for _ in range(2)]

    with kind.empty() as url:
        assert asyncio.run(run(url)) == [503, 503]
    (line,) = lines(logging.WARNING)
    assert line.startswith("the tokens can't be read (")


def test_answers_that_a_database_cannot_give_are_in_the_log_once(kind, lines):
    async def run(url):
        paths = ("/events", "/overview", "/metrics")
        async with served(database_url=url) as client:
            return [[(await client.get(path)).status_code for path in paths] for _ in range(3)]

    with kind.empty() as url:
        kind.give_away(url)
        assert asyncio.run(run(url)) == [[503, 503, 200]] * 3
    said = lines(logging.WARNING)
    assert len(said) == len(set(said)) == 2
    assert any("not that of the catalog" in line for line in said)


def test_a_fault_that_comes_and_goes_writes_no_line_each_time(lines, monkeypatch):
    found = condition.Condition("again, after %.1f s")
    for _ in range(5):
        found.failed("x", logging.WARNING, "x fails")
        found.worked()
    assert [line.partition(",")[0] for line in lines()] == ["x fails", "again"]
    monkeypatch.setattr(condition, "_INTERVAL", 0.0)
    found.failed("x", logging.WARNING, "x fails")
    found.failed("y", logging.ERROR, "y fails")
    assert len(lines()) == 4


def test_a_row_that_cannot_be_stored_is_refused_in_plain_words(clickhouse_databases):
    early = "1200-01-01T00:00:00Z"

    async def run(url):
        async with served(database_url=url) as client:
            return (await client.post(PATH, json=[item(timestamp=early), item()])).json()

    with clickhouse_databases.empty() as url:
        found = asyncio.run(run(Installed.create(url, CATALOG).database))
    assert found["stored"] == 1
    assert "years 1900 to 2299" in found["rejected"][0]["message"]
    assert "Error" not in found["rejected"][0]["message"]


def test_a_full_disk_is_in_the_log_once(lines, tmp_path):
    async def run():
        away = "postgresql://nobody@127.0.0.1:1/nothing"
        async with served(database_url=away, spool_dir=str(tmp_path / "spool"), spool_max_bytes=1) as client:
            return [one.status_code for one in await _sent(client)]

    assert asyncio.run(run()) == [503, 503, 503]
    assert [line for line in lines(logging.ERROR) if "disk" in line] == [
        "events can't be kept on disk: the spool is full"
    ]
