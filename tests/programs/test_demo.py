"""The demo ends well on ClickHouse; on PostgreSQL CI runs it whole."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.paths import ROOT

pytest.importorskip("chdb", reason="chdb has no wheel for this platform")

DEMO = [sys.executable, str(ROOT / "examples" / "demo"), "--backend", "clickhouse"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}


def test_all_seven_agree_on_clickhouse():
    ended = subprocess.run([*DEMO, "--events", "3000"], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1] == "All seven agree."


def test_a_server_that_is_not_there_is_told():
    given = ENVIRONMENT | {"DATABASE_URL": "clickhouse://ada:secret@127.0.0.1:9/demo"}
    ended = subprocess.run(DEMO, capture_output=True, text=True, env=given, check=False)
    assert ended.returncode == 1
    assert "error: cannot connect to 127.0.0.1:9/demo: " in ended.stdout
    assert "secret" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
