"""Runs real programs against a migrated database and reads what arrived."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from support.paths import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(__file__).parent / "scripts"
STOP_TIMEOUT = 60  # seconds


class Programs:
    """Starts programs that deliver to one database.

    Attributes:
        dsn: The database, which they find in DATABASE_URL.
        folder: Where they run; their own, so that they may leave files.
    """

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self.folder = folder
        self._environment = os.environ | {"DATABASE_URL": dsn, "PYTHONPATH": f"{EXAMPLES}{os.pathsep}{SCRIPTS}"}

    def run(self, *arguments: str) -> str:
        """Run Python with these arguments to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def printing(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Run Python while the block runs; what it prints can be read meanwhile."""
        with subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self._environment | environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextlib.contextmanager
    def running(self, *arguments: str, pass_fds: tuple[int, ...] = (), **environment: str) -> Iterator[None]:
        """Run a Python module while the block runs; then stop it as service managers do, with SIGTERM."""
        log = self.folder / "program.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=self.folder,
                env=self._environment | environment,
                stdout=output,
                stderr=output,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        try:
            yield
            process.terminate()
            process.wait(STOP_TIMEOUT)
        except BaseException as error:
            error.add_note(f"{arguments[0]} says:\n{log.read_text()}")
            raise
        finally:
            # What is left of the group after a failure: pools do not always notice that their parent is gone.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def rows(self, columns: str) -> Counter[tuple[object, ...]]:
        """Return these columns of all events, with the number of times that each combination occurs."""
        with psycopg.connect(self.dsn) as connection:
            return Counter(connection.execute(f"select {columns} from analytics_events").fetchall())


class Service:
    """An HTTP service on a socket that listens already, so that nobody has to wait until it has started."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.fd = self._listener.fileno()
        self.port = self._listener.getsockname()[1]

    def request(self, method: str, path: str, **headers: str) -> int:
        """Send a request and return the status of the answer."""
        url = f"http://127.0.0.1:{self.port}{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, method=method, headers=named), timeout=60
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def programs(migrated_dsn, tmp_path):
    return Programs(migrated_dsn, tmp_path)


@pytest.fixture
def service():
    with contextlib.closing(Service()) as listening:
        yield listening
