"""Where a dead letter goes when its table is missing."""

from __future__ import annotations

import errno
import json
import os
import pwd
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from adi_analytics._engine.dead_letters.letter import DeadLetter
from adi_analytics._engine.rows.row import Row
from support.runtime import balanced, running, task
from support.runtime.samples import error

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database


def test_dead_letters_go_to_the_file_when_their_table_is_missing(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database.execute("drop table analytics_dead_letters")
    path = tmp_path / "deep" / "letters.jsonl"
    with running("thread", database.dsn, dead_letter_file=str(path)) as client:
        client.track(error("\0"))
        client.track(task(0))
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered) == (1, 1)
    assert f"they go to {path}; `analytics-migrate dead-letters import`" in caplog.text
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


def test_a_user_without_a_home_directory_can_deliver(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A container that runs under a bare number has neither HOME nor an entry in the list of users."""

    def unknown(_uid: int) -> Any:
        raise KeyError("unknown user")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with running("thread", database.dsn) as client:
        client.track(task(0))
        assert client.flush(30).ok
        database.execute("drop table analytics_dead_letters")
        client.track(error("secret\0"))
        assert not client.flush(30).ok
        assert balanced(client).dropped_by_reason == {"dead_letter_failed": 1}
    assert "the user has no home directory; set dead_letter_file" in caplog.text
    assert "the worker failed" not in caplog.text


def test_a_file_that_can_not_be_locked_costs_no_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from adi_analytics._engine.dead_letters import file

    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(file, "_lock", fail)
    letter = DeadLetter(
        Row(timestamp="2026-01-01", event_type="e", service="a", user_id=None, data={}, event_id="1", meta={}),
        "row_rejected",
        "m",
        None,
        "1",
    )
    before = psutil.Process().num_fds()
    for _ in range(10):
        with pytest.raises(OSError, match="locks"):
            file.DeadLetterFile(tmp_path / "letters").append(letter)
    assert psutil.Process().num_fds() == before
