"""Behind a pooler in transaction mode the migrator refuses to work, and the worker delivers."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from adi_analytics import migrate
from adi_analytics.migrate.server import pooler
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from support.migrating import run
from support.runtime import Database, running, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PGBOUNCER = shutil.which("pgbouncer")


class _Shared(psycopg.Connection[Any]):
    """Another client of the same session, as a pooler has them."""

    def close(self) -> None:
        pass

    def __del__(self, *_: object) -> None:
        pass


def test_a_session_that_answers_two_clients_is_found(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:

        def another() -> psycopg.Connection[Any]:
            made = _Shared(connection.pgconn)
            made.autocommit = True
            return made

        assert pooler._is_shared(connection, another)
        assert connection.execute("show geqo_seed").fetchone() == ("0",)


def test_a_session_of_its_own_is_not_taken_for_a_shared_one(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        assert not pooler._is_shared(connection, lambda: psycopg.connect(postgres_dsn, autocommit=True))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def pgbouncer(dsn: str, folder: Path, mode: str) -> Iterator[str]:
    """Run pgbouncer with a single connection to the server."""
    server, port = conninfo_to_dict(dsn), _free_port()
    place = f"host={server['host']} port={server.get('port', 5432)} user={server['user']}"
    folder.chmod(0o777)
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{server['dbname']} = {place}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = 1\nunix_socket_dir =\n",
        encoding="utf-8",
    )
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen([str(_PGBOUNCER), "-q", *user, str(folder / "pgbouncer.ini")]) as process:
        try:
            for _ in range(500):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.01)
            yield make_conninfo(host="127.0.0.1", port=port, dbname=server["dbname"], user=server["user"])
        finally:
            process.terminate()


@pytest.mark.skipif(_PGBOUNCER is None, reason="needs pgbouncer")
def test_the_migrator_refuses_a_pooler_in_transaction_mode(migrated_dsn: str, tmp_path: Path) -> None:
    with pgbouncer(migrated_dsn, tmp_path, "transaction") as dsn:
        for command in ("all", "status", "maintain", "drift"):
            ended = run(command, "--database-url", dsn)
            assert ended.code == 1
            assert "is a pooler in transaction mode" in ended.err
        found = {entry.check: entry for entry in migrate.doctor(migrate.Options(database_url=dsn))}
        assert "session mode" in found["connection"].remedy
    with pgbouncer(migrated_dsn, tmp_path, "statement") as dsn:
        ended = run("status", "--database-url", dsn)
        assert (ended.code, "is a pooler that allows no transactions" in ended.err) == (1, True)


@pytest.mark.skipif(_PGBOUNCER is None, reason="needs pgbouncer")
def test_the_migrator_works_behind_a_pooler_in_session_mode(postgres_dsn: str, tmp_path: Path) -> None:
    with pgbouncer(postgres_dsn, tmp_path, "session") as dsn:
        options = migrate.Options(database_url=dsn)
        assert migrate.apply(options=options).applied


@pytest.mark.skipif(_PGBOUNCER is None, reason="needs pgbouncer")
@pytest.mark.parametrize("kind", ["thread", "asyncio"])
def test_the_worker_leaves_nothing_to_the_next_client(migrated_dsn: str, tmp_path: Path, kind: str) -> None:
    with pgbouncer(migrated_dsn, tmp_path, "transaction") as dsn, running(kind, dsn, statement_timeout=0.5) as client:
        for event in tasks(100):
            client.track(event)
        assert client.flush(30).ok
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as other:
            assert other.execute("show statement_timeout").fetchone() == ("0",)
            assert other.execute("show client_min_messages").fetchone() == ("notice",)
            other.execute("select pg_sleep(1)")
    Database(migrated_dsn).assert_numbers(100)
