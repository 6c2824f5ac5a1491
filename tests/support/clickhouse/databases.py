"""Throw-away ClickHouse databases: on the server of ADI_ANALYTICS_TEST_CLICKHOUSE_DSN, or on chdb in a child."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLIENT = httpx.Client(timeout=120, trust_env=False)  # one for all: each makes a context of certificates


class ClickhouseError(Exception):
    """What the server refused, with its code."""

    def __init__(self, code: int, message: str) -> None:
        """Remember both."""
        super().__init__(message)
        self.code = code


class ClickhouseDatabases:
    """Creates and drops databases; a child that died is started again, without what it held."""

    def __init__(self, dsn: str | None = None) -> None:
        """Remember the server ``http://user:password@host:port``; without one, a child is started when needed."""
        self._dsn = dsn
        self._child: subprocess.Popen[str] | None = None
        self._stack = contextlib.ExitStack()

    @property
    def dsn(self) -> str:
        """The server, which runs."""
        if self._dsn is not None and (self._child is None or self._child.poll() is None):
            return self._dsn
        self.close()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        command = [sys.executable, str(Path(__file__).with_name("front.py")), folder]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._stack.callback(_end, self._child)
        assert self._child.stdout is not None
        port = self._child.stdout.readline().strip()
        if not port:
            raise RuntimeError("chdb did not start: its message is above")
        self._dsn = f"http://127.0.0.1:{port}"
        return self._dsn

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """Yield ``http://...:port/database`` of a database with nothing in it."""
        name = f"adi_test_{uuid.uuid4().hex[:16]}"
        ask(self.dsn, f"create database {name}")
        try:
            yield urlunsplit(urlsplit(self.dsn)._replace(path=f"/{name}"))
        finally:
            ask(self.dsn, f"drop database if exists {name} sync")

    def kill(self) -> None:
        """End the child as the kernel does when memory is short."""
        if self._child is None:
            raise RuntimeError("only a child of this process is killed")
        self._child.kill()
        self._child.wait()

    def close(self) -> None:
        """End the child and forget its files."""
        self._stack.close()


def _end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def ask(dsn: str, query: str, rows: bytes | None = None, **parameters: str) -> bytes:
    """Return the answer to *query* in the database that *dsn* names; *rows* are what an INSERT stores."""
    parts = urlsplit(dsn)
    if parts.path.strip("/"):
        parameters = {"database": parts.path.strip("/"), **parameters}
    if rows is not None:
        parameters = {"query": query, **parameters}
    url = urlunsplit(parts._replace(path="/"))
    content = query.encode() if rows is None else rows
    answer = _CLIENT.post(url, params=parameters, content=content)
    if answer.status_code != 200:
        raise ClickhouseError(int(answer.headers.get("X-ClickHouse-Exception-Code", 0)), answer.text)
    return answer.content


@contextlib.contextmanager
def session_clickhouse() -> Iterator[ClickhouseDatabases]:
    """Yield databases on the named server, or on a child that all tests of this process share."""
    found = ClickhouseDatabases(os.environ.get("ADI_ANALYTICS_TEST_CLICKHOUSE_DSN"))
    try:
        yield found
    finally:
        found.close()
