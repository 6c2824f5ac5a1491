"""The spool: events on disk while the server is away, and found again whatever happened to the process or the disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from adi_analytics import AnalyticsClient, OptionError
from adi_analytics._engine.spool.segment import MAGIC
from support.runtime import QUICK, balanced, running, settled, task, tasks
from support.runtime.programs import run_program, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from adi_analytics.embedded import EmbeddedServer
    from support.clickhouse.tables import ClickhouseTables
    from support.runtime import Database

NOWHERE = "host=/nonexistent"


def spooled(directory: Path, count: int, start: int = 0, **options: object) -> None:
    """Leave *count* events in the spool."""
    merged = {**QUICK, "spool": "overflow", "spool_dir": str(directory), **options}
    client = AnalyticsClient.connect(NOWHERE, **merged)
    for event in tasks(count, start=start):
        client.track(event)
    result = client.close(0.1)
    assert (result.ok, result.spooled) == (True, count)
    assert balanced(client).spooled == count


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.segment"))


def recover(database: Database, directory: Path, count: int) -> None:
    with running("thread", database.dsn, spool="overflow", spool_dir=str(directory)) as client:
        settled(client, lambda stats: stats.recovered == count)
        assert balanced(client).accepted == 0
    database.assert_numbers(count)


def test_what_a_closed_client_spooled_is_delivered_by_the_next(database: Database, tmp_path: Path) -> None:
    spooled(tmp_path, 1000)
    assert segments(tmp_path)
    recover(database, tmp_path, 1000)
    assert segments(tmp_path) == []


def test_overflow_spools_while_the_server_is_away_and_delivers_when_it_is_back(
    own_server: EmbeddedServer, own_database: Database, tmp_path: Path, kind: str
) -> None:
    own_server.halt()
    options = {"spool": "overflow", "spool_dir": str(tmp_path), "max_queue": 1000, "spool_segment_bytes": 50_000}
    with running(kind, own_server.dsn, **options) as client:
        for start in range(0, 5000, 100):
            for event in tasks(100, start=start):
                client.track(event)
            settled(client, lambda stats: stats.pending < 600)
        stats = balanced(client)
        assert (stats.accepted, stats.dropped) == (5000, 0)
        assert stats.spooled > 4000
        assert len(segments(tmp_path)) > 1
        own_server.start()
        settled(client, lambda stats: stats.delivered == 5000)
        assert balanced(client).spooled == 0
    own_database.assert_numbers(5000)
    assert segments(tmp_path) == []


def test_always_writes_before_it_delivers(stored: Database | ClickhouseTables, tmp_path: Path, kind: str) -> None:
    with running(kind, stored.dsn, spool="always", spool_dir=str(tmp_path)) as client:
        for start in range(0, 3000, 300):
            for event in tasks(300, start=start):
                client.track(event)
            assert client.flush(20).ok
        stats = balanced(client)
        assert (stats.delivered, stats.spooled, stats.pending) == (3000, 0, 0)
        (live,) = segments(tmp_path)
        assert live.read_bytes() == MAGIC  # used again and again, emptied when all in it is delivered
    stored.assert_numbers(3000)


def test_always_with_the_server_away_keeps_memory_empty(
    own_server: EmbeddedServer, own_database: Database, tmp_path: Path, kind: str
) -> None:
    own_server.halt()
    options = {"spool": "always", "spool_dir": str(tmp_path), "max_queue": 1000, "spool_linger": 0.01}
    with running(kind, own_server.dsn, **options) as client:
        for start in range(0, 3000, 500):
            for event in tasks(500, start=start):
                client.track(event)
            settled(client, lambda stats: stats.pending == 0)
        assert balanced(client).spooled == 3000
        assert client.flush(5).ok  # on disk is safe
        own_server.start()
        settled(client, lambda stats: stats.delivered == 3000)
    own_database.assert_numbers(3000)


def test_a_worker_that_stops_and_starts_goes_on_with_its_own_spool(
    own_server: EmbeddedServer, own_database: Database, tmp_path: Path
) -> None:
    from adi_analytics import AnalyticsWorker

    own_server.halt()
    client, config = AnalyticsClient.create(**QUICK, spool="overflow", spool_dir=str(tmp_path))
    worker = AnalyticsWorker(config, own_server.dsn)
    worker.start()
    for event in tasks(100):
        client.track(event)
    assert worker.stop(0.1).spooled == 100
    own_server.start()
    worker.start()
    stats = settled(client, lambda stats: stats.delivered == 100)
    assert (stats.spooled, stats.recovered) == (0, 0)
    client.close()
    own_database.assert_numbers(100)


def test_a_living_process_keeps_its_spool_to_itself(database: Database, tmp_path: Path) -> None:
    first = AnalyticsClient.connect(NOWHERE, **QUICK, spool="always", spool_dir=str(tmp_path))
    for event in tasks(100):
        first.track(event)
    settled(first, lambda stats: stats.spooled == 100)
    with running("thread", database.dsn, spool="always", spool_dir=str(tmp_path)) as second:
        second.track(task(100))
        assert second.flush(10).ok
        assert balanced(second).recovered == 0
        assert database.numbers() == [100]
        first.close(0.0)
        second.flush(10)
        settled(second, lambda stats: stats.recovered == 100)
    database.assert_numbers(101)


def test_a_torn_tail_is_cut_off(database: Database, tmp_path: Path) -> None:
    spooled(tmp_path, 100)
    (segment,) = segments(tmp_path)
    os.truncate(segment, segment.stat().st_size - 5)  # in the middle of the last record
    recover(database, tmp_path, 99)
    assert list(tmp_path.glob("*.damaged")) == []


@pytest.mark.parametrize("part", ["row", "length", "checksum"])
def test_a_flipped_bit_costs_one_event(
    database: Database, tmp_path: Path, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    spooled(tmp_path, 100)
    (segment,) = segments(tmp_path)
    data = bytearray(segment.read_bytes())
    record = len(MAGIC)
    for _ in range(40):
        record += 8 + int.from_bytes(data[record : record + 4])
    data[record + {"length": 0, "checksum": 5, "row": 60}[part]] ^= 0x10
    segment.write_bytes(data)
    with running("thread", database.dsn, spool="overflow", spool_dir=str(tmp_path)) as client:
        settled(client, lambda stats: stats.recovered == 99)
    assert database.numbers() == [*range(40), *range(41, 100)]
    (kept,) = tmp_path.glob("*.damaged")
    assert kept.read_bytes() == data
    assert any(record.levelname == "ERROR" and "damaged" in record.message for record in caplog.records)


def test_a_file_that_is_no_segment_is_kept_and_reported(database: Database, tmp_path: Path) -> None:
    (tmp_path / "stranger.000001.segment").write_bytes(b"what is this")
    spooled(tmp_path, 10)
    with running("thread", database.dsn, spool="overflow", spool_dir=str(tmp_path)):
        wait_for(lambda: segments(tmp_path) == [])
    assert [path.read_bytes() for path in tmp_path.glob("*.damaged")] == [b"what is this"]
    database.assert_numbers(10)


def test_own_events_that_the_disk_lost_are_counted(
    own_server: EmbeddedServer, own_database: Database, tmp_path: Path
) -> None:
    own_server.halt()
    options = {"spool": "always", "spool_dir": str(tmp_path), "spool_linger": 0.0}
    with running("thread", own_server.dsn, **options) as client:
        client.track(task(0))
        settled(client, lambda stats: stats.spooled == 1)  # in memory too: the next ones are on disk only
        for event in tasks(9, start=1):
            client.track(event)
        settled(client, lambda stats: stats.spooled == 10)
        last = segments(tmp_path)[-1]
        os.truncate(last, last.stat().st_size - 5)
        own_server.start()
        settled(client, lambda stats: stats.delivered == 9)
        settled(client, lambda stats: stats.spooled == 0)
        assert balanced(client).dropped_by_reason == {"spool_damaged": 1}
    own_database.assert_numbers(9)


@pytest.mark.parametrize("policy", ["drop_newest", "drop_oldest"])
def test_a_spool_at_its_cap_follows_its_policy(
    own_server: EmbeddedServer, own_database: Database, tmp_path: Path, policy: str
) -> None:
    own_server.halt()
    options = {
        "spool": "always", "spool_dir": str(tmp_path), "spool_linger": 0.0, "spool_full": policy,
        "spool_max_bytes": 60_000, "spool_segment_bytes": 10_000, "max_queue": 100, "max_batch": 50,
    }  # fmt: skip
    with running("thread", own_server.dsn, **options) as client:
        for start in range(0, 1000, 50):
            for event in tasks(50, start=start):
                client.track(event)
            # The bound of the queue, and the batch that the disk did not take.
            settled(client, lambda stats: stats.pending <= (100 + 50 if policy == "drop_newest" else 0))
        balanced(client)
        assert sum(path.stat().st_size for path in segments(tmp_path)) <= 60_000
        own_server.start()
        client.flush(30)
        stats = settled(client, lambda stats: stats.delivered + stats.dropped == 1000)
        assert stats.dropped_by_reason.keys() == {{"drop_newest": "queue_full", "drop_oldest": "spool_full"}[policy]}
    numbers = own_database.numbers()
    assert len(numbers) == len(set(numbers)) == stats.delivered
    survivor = {"drop_newest": 0, "drop_oldest": 999}[policy]  # what only the other policy gives up
    assert survivor in numbers


def test_a_full_disk_never_hurts_the_program(database: Database, tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes the kernel refuse to write, as a full disk does; the events stay in memory and arrive."""
    said, err = run_program(
        f"""
        import logging, resource
        logging.basicConfig(level="ERROR")
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        client = AnalyticsClient.connect(DSN, spool="always", spool_dir={str(tmp_path)!r}, **QUICK)
        for start in range(0, 2000, 500):
            for event in tasks(500, start=start):
                client.track(event)
            assert client.flush(20).ok
        say(books=books(client))
        """,
        database.dsn,
    )
    assert said == [{"books": [2000, 2000, 0, 0, 0]}]
    assert "the spool takes no events (File too large)" in err
    database.assert_numbers(2000)


def test_a_spool_that_can_not_be_used_is_reported_and_done_without(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with running("thread", database.dsn, spool="always", spool_dir=str(tmp_path / "file")) as client:
        client.track(task(0))
        assert client.flush(10).ok
    database.assert_numbers(1)
    assert any("events stay in memory" in record.message for record in caplog.records)


def test_a_spool_needs_a_directory() -> None:
    with pytest.raises(OptionError, match="spool_dir: expected a directory, because spool is 'always'"):
        AnalyticsClient.create(spool="always")


def test_a_forked_child_has_a_spool_of_its_own(database: Database, tmp_path: Path) -> None:
    run_program(
        f"""
        client = AnalyticsClient.connect("host=/nonexistent", spool="always", spool_dir={str(tmp_path)!r}, **QUICK)
        for event in tasks(100):
            client.track(event)
        while client.stats().spooled < 100:
            time.sleep(0.01)
        child = os.fork()
        if child == 0:
            for event in tasks(100, start=100):
                client.track(event)
            while client.stats().spooled < 100:
                time.sleep(0.01)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert books(client) == [100, 0, 100, 0, 0]
        os._exit(0)
        """,
        "",
    )
    recover(database, tmp_path, 200)
