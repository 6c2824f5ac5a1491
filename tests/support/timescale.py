"""TimescaleDB for the tests: a native server, or the WASM build under Node.js, or a loud skip."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

import pytest

from support.servers import Databases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class TimescaleDatabases(Protocol):
    """Gives a test its database on TimescaleDB."""

    def empty(self) -> AbstractContextManager[str]:
        """Yield the DSN of a database with nothing in it but the extension."""
        ...

    def migrated(self) -> AbstractContextManager[str]:
        """Yield the DSN of a database with all migrations applied."""
        ...


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
    reason = "no TimescaleDB: set ADI_ANALYTICS_TEST_TIMESCALE_DSN"
    if os.environ.get("ADI_ANALYTICS_REQUIRE_TIMESCALE") == "1":
        pytest.fail(f"{reason} (ADI_ANALYTICS_REQUIRE_TIMESCALE=1 forbids to skip)")
    pytest.skip(reason)
