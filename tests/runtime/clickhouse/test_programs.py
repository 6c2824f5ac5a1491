"""Whole programs, of one process or more, that write to ClickHouse."""

from __future__ import annotations

import ssl
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from adi_analytics import AnalyticsClient
from support.clickhouse.proxy import Answer, FaultyProxy
from support.runtime import QUICK, balanced, running, settled, task, tasks
from support.runtime.programs import run_program
from support.runtime.samples import error

if TYPE_CHECKING:
    from pathlib import Path

    from adi_analytics import Stats
    from support.clickhouse.tables import ClickhouseTables
    from support.runtime import Database


def test_a_program_that_just_ends_delivers_and_needs_no_libpq(clickhouse: ClickhouseTables) -> None:
    said, _ = run_program(
        """
        for name in [name for name in sys.modules if name.partition(".")[0] == "psycopg"]:
            del sys.modules[name]
        sys.modules["psycopg"] = None       # as where it finds no libpq
        client = AnalyticsClient.connect(DSN)
        for event in tasks(100):
            client.track(event)
        say(httpx2="httpx2" in sys.modules)
        """,
        clickhouse.dsn,
    )
    assert said == [{"httpx2": True}]
    clickhouse.assert_numbers(100)


def test_a_forked_child_begins_empty_and_delivers_its_own(clickhouse: ClickhouseTables) -> None:
    said, _ = run_program(
        """
        client = AnalyticsClient.connect(DSN, flush_interval=3600, batch_size=10**6)
        for event in tasks(100):
            client.track(event)
        assert client.flush(20).ok              # connected when the process forks
        for event in tasks(100, start=100):
            client.track(event)                 # still queued then
        child = os.fork()
        if child == 0:
            assert books(client) == [0, 0, 0, 0, 0]
            for event in tasks(50, start=200):
                client.track(event)
            say(who="child", ok=client.flush(20).ok, books=books(client))
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        say(who="parent", ok=client.flush(20).ok, books=books(client))
        """,
        clickhouse.dsn,
    )
    assert said == [
        {"who": "child", "ok": True, "books": [50, 50, 0, 0, 0]},
        {"who": "parent", "ok": True, "books": [200, 200, 0, 0, 0]},
    ]
    clickhouse.assert_numbers(250)


def test_what_a_killed_process_spooled_the_next_one_delivers(clickhouse: ClickhouseTables, tmp_path: Path) -> None:
    with FaultyProxy(clickhouse.url) as proxy:
        proxy.fail(*[Answer(503)] * 10_000)
        run_program(
            f"""
            client = AnalyticsClient.connect(DSN, spool="always", spool_dir={str(tmp_path)!r}, **QUICK)
            for event in tasks(500):
                client.track(event)
            while client.stats().spooled < 500:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
            """,
            proxy.dsn,
            status=-9,
        )
    with running("thread", clickhouse.dsn, spool="always", spool_dir=str(tmp_path)) as client:
        settled(client, lambda stats: stats.recovered == 500)
    clickhouse.assert_numbers(500)


def recovered(count: int, stats: Stats) -> bool:
    return stats.recovered == count


def test_a_spool_is_of_one_kind_of_database(database: Database, clickhouse: ClickhouseTables, tmp_path: Path) -> None:
    """A program that writes to both, with one directory in its environment."""
    options: Any = {**QUICK, "spool": "overflow", "spool_dir": str(tmp_path)}
    places = [(clickhouse.dsn, "clickhouse://127.0.0.1:1"), (database.dsn, "host=/nonexistent")]
    for at, (_, nowhere) in enumerate(places):
        client = AnalyticsClient.connect(nowhere, **options)
        for event in tasks(at + 1):
            client.track(event)
        assert client.close(0.1).spooled == at + 1
    for at, (dsn, _) in enumerate(places):
        with running("thread", dsn, **options) as client:
            settled(client, partial(recovered, at + 1))
            client.track(error("\0"))
            client.flush(10)
    clickhouse.assert_numbers(1)
    database.assert_numbers(2)
    assert list(tmp_path.glob("*.segment")) == []


def test_a_proxy_that_takes_no_large_request_gets_small_ones(clickhouse: ClickhouseTables) -> None:
    with FaultyProxy(clickhouse.url) as proxy:
        proxy.refuse = lambda body: Answer(413, None, "<html>too large</html>") if len(body) > 20_000 else None
        options = {"retry_base": 0.001, "retry_cap": 0.01, "batch_size": 1000, "flush_interval": 60}
        with running("thread", proxy.dsn, **options) as client:
            for event in tasks(150):
                client.track(event)
            client.track(error("x" * 30_000))
            assert client.flush(30).ok
            assert (balanced(client).delivered, client.stats().dead_lettered) == (150, 1)
    clickhouse.assert_numbers(150)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, with its key, that only itself vouches for."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    made = [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", f"{path}.crt"]
    try:
        subprocess.run(made, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl")
    with path.open("ab") as file:
        file.write(path.with_name(f"{path.name}.crt").read_bytes())
    return path


def test_tls_asks_for_a_certificate_that_is_trusted(
    clickhouse: ClickhouseTables, certificate: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FaultyProxy(clickhouse.url, context) as proxy:
        place = f"clickhouses://ada:hunter2@{urlsplit(proxy.dsn).netloc}{urlsplit(proxy.dsn).path}"
        with running(kind, place) as client:
            client.track(task(0))
            settled(client, lambda stats: stats.retries > 0)
            assert client.stats().last_error == "ConnectError"
            assert proxy.requests == []  # no password went to whoever that is
            assert client.close(0.1).dropped == 1
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        with running(kind, f"{place}?ca_cert={quote(str(certificate), safe='')}") as client:
            for event in tasks(10):
                client.track(event)
            assert client.flush(30).ok
        with running(kind, f"{place}?ca_cert=/nowhere") as client:
            client.track(task(0))
            settled(client, lambda stats: stats.retries > 0)
            assert client.close(0.1).dropped == 1
        assert "ca_cert can't be read: No such file or directory" in caplog.text
    clickhouse.assert_numbers(10)
