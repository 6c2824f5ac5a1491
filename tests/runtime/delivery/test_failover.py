"""A primary with a standby: the worker goes on with whichever takes writes; the migrator says what a standby is."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from adi_analytics.embedded import programs, start_server
from support.migrating import run
from support.runtime import Database, running, settled, task
from support.servers import TEST_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.embedded import EmbeddedServer


@contextlib.contextmanager
def standby_of(primary: EmbeddedServer) -> Iterator[EmbeddedServer]:
    """Yield a standby of *primary*, which waits for it before it says that something is committed."""
    copy = primary.bin_dir / "pg_basebackup"
    if not copy.exists():
        pytest.skip(f"there is no {copy}, which makes a standby")
    home = Path(tempfile.mkdtemp(dir=primary.directory.parent))
    try:
        user = programs.account(home)
        programs.prepare_home(home, user)
        shutil.copy(primary.directory / "server.json", home)
        command = [str(copy), "-h", str(primary.directory / "run"), "-U", "postgres", "-D", str(home / "data")]
        programs.run([*command, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"], home, user)
        with start_server(home, settings=TEST_SETTINGS) as server:
            with psycopg.connect(primary.dsn, autocommit=True) as connection:
                connection.execute("alter system set synchronous_standby_names = '*'")
                connection.execute("select pg_reload_conf()")
            yield server
    finally:
        shutil.rmtree(home)


def test_the_worker_follows_a_failover(own_server: EmbeddedServer, own_database: Database) -> None:
    with standby_of(own_server) as standby:
        for command in ("status", "drift", "pre", "maintain"):
            refused = run(command, "--database-url", standby.dsn)
            assert (refused.code, "is a standby, which is read-only" in refused.err) == (1, True)
        hosts = quote(",".join(str(server.directory / "run") for server in (standby, own_server)), safe="")
        url = f"postgresql://postgres@/postgres?host={hosts}&target_session_attrs=read-write"
        with running("thread", url, batch_size=10) as client:
            for number in range(100):
                client.track(task(number))
            settled(client, lambda stats: stats.delivered > 0)
            own_server.signal(signal.SIGKILL)
            assert own_server.wait_stopped()
            for number in range(100, 200):
                client.track(task(number))
            settled(client, lambda stats: stats.retries > 0)
            with psycopg.connect(standby.dsn, autocommit=True) as connection:
                connection.execute("alter system set synchronous_standby_names = ''")
                connection.execute("select pg_promote()")
            assert client.flush(30).ok
        Database(standby.dsn).assert_numbers(200)
