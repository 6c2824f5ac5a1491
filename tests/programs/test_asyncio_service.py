"""The examples run, and what they send arrives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.paths import EXAMPLES
from support.runtime import Database


@pytest.mark.parametrize(("name", "count"), [("asyncio_service.py", 250)])
def test_the_example_delivers(migrated_dsn: str, name: str, count: int) -> None:
    database = Database(migrated_dsn)
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name],
        env={**os.environ, "DATABASE_URL": database.dsn},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{count} events delivered, 0 still waiting" in done.stdout
    assert database.execute("select count(*) from analytics_events where meta ? 'context'") == [(count,)]
