"""The examples run, and what they send arrives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runtime_support import Database

_EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize(("name", "count"), [("asyncio_service.py", 250)])
def test_the_example_delivers(database: Database, name: str, count: int) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", _EXAMPLES / name],
        env={**os.environ, "DATABASE_URL": database.dsn},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{count} events delivered, 0 still waiting" in done.stdout
    assert database.execute("select count(*) from analytics_events where meta ? 'context'") == [(count,)]
