"""TimescaleDB for the tests: a native server, or the WASM build under Node.js, or a loud skip."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

import pytest

from support.servers import Databases, apply_migrations
from support.wasm import WasmServer, WasmUnavailableError, start_wasm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class TimescaleDatabases(Protocol):
    """Gives a test its database on TimescaleDB."""

    def empty(self) -> AbstractContextManager[str]:
        """Yield the DSN of a database with nothing in it but the extension."""
        ...

    def migrated(self, backend: str = "timescaledb") -> AbstractContextManager[str]:
        """Yield the DSN of a database with all migrations of *backend* applied."""
        ...


class WasmDatabases:
    """Gives each test the only database of the WASM server, brought back to a snapshot before."""

    def __init__(self, server: WasmServer) -> None:
        self._server = server

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """Yield its DSN, with nothing in it but the extension."""
        self._server.open("empty")
        yield self._server.dsn

    @contextlib.contextmanager
    def migrated(self, backend: str = "timescaledb") -> Iterator[str]:
        """Yield its DSN, with all migrations of *backend* applied."""
        if not self._server.has(backend):
            self._server.open("empty")
            apply_migrations(self._server.dsn, backend)
            self._server.save(backend)
        self._server.open(backend)
        yield self._server.dsn


@contextlib.contextmanager
def session_timescale() -> Iterator[TimescaleDatabases]:
    """Yield databases on the native server of ADI_ANALYTICS_TEST_TIMESCALE_DSN, or on the WASM server.

    Without either the test is skipped, or fails if ADI_ANALYTICS_REQUIRE_TIMESCALE=1.
    """
    native = os.environ.get("ADI_ANALYTICS_TEST_TIMESCALE_DSN")
    if native is not None:
        databases = Databases(native, extension="timescaledb")
        with contextlib.closing(databases):
            yield databases
        return
    try:
        server = start_wasm()
    except WasmUnavailableError as error:
        reason = f"no TimescaleDB: set ADI_ANALYTICS_TEST_TIMESCALE_DSN to a server, or mend the WASM one: {error}"
        if os.environ.get("ADI_ANALYTICS_REQUIRE_TIMESCALE") == "1":
            pytest.fail(f"{reason} (ADI_ANALYTICS_REQUIRE_TIMESCALE=1 forbids to skip)")
        pytest.skip(reason)
    with contextlib.closing(server):
        yield WasmDatabases(server)
