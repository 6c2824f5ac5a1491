"""Where a dead letter goes when its table is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.runtime import balanced, running, task
from support.runtime.samples import error

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database


def test_dead_letters_go_to_the_file_when_their_table_is_missing(database: Database, tmp_path: Path) -> None:
    database.execute("drop table analytics_dead_letters")
    path = tmp_path / "deep" / "letters.jsonl"
    with running("thread", database.dsn, dead_letter_file=str(path)) as client:
        client.track(error("\0"))
        client.track(task(0))
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered) == (1, 1)
    (line,) = path.read_text().splitlines()
    assert json.loads(json.loads(line)["payload"])["data"]["error_message"] == "\0"
    assert path.stat().st_mode & 0o077 == 0


def test_a_dead_letter_that_nobody_takes_is_counted_as_lost(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database.execute("drop table analytics_dead_letters")
    (tmp_path / "file").write_text("not a directory")
    with running("thread", database.dsn, dead_letter_file=str(tmp_path / "file" / "letters.jsonl")) as client:
        client.track(error("secret\0"))
        assert not client.flush(30).ok
        assert balanced(client).dropped_by_reason == {"dead_letter_failed": 1}
    assert any("lost an event of type application_error" in record.message for record in caplog.records)
    assert "secret" not in caplog.text
