"""Dead letters are sent again: from the table and from the file, repaired or not, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from adi_analytics import events
from adi_analytics._dead_letters import DeadLetterFileError, import_file, list_letters, replay
from runtime_support import running, task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime_support import Database


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.dsn, autocommit=True) as made:
        yield made


def nul(text: str = "a\0b") -> events.ApplicationError:
    return events.ApplicationError(service="s", error_type="E", error_message=text)


def send(database: Database, *tracked: object, **options: object) -> None:
    with running("thread", database.dsn, **options) as client:
        for event in tracked:
            client.track(event)  # type: ignore[arg-type]  # some are wrong on purpose
        assert client.flush(20).pending == 0


def test_letters_are_listed_with_all_that_is_known(database: Database, connection: psycopg.Connection) -> None:
    send(database, nul(), "no event")
    refused, invalid = sorted(list_letters(connection), key=lambda letter: letter.reason, reverse=True)
    assert (refused.event_type, refused.service, refused.reason, refused.sqlstate) == (
        "application_error", "s", "row_rejected", "22P05",
    )  # fmt: skip
    assert (invalid.event_type, invalid.reason, invalid.sqlstate) == ("str", "invalid_event", None)
    assert len(list_letters(connection, limit=1)) == 1


def test_a_row_that_the_mended_database_takes_is_replayed_once(
    database: Database, connection: psycopg.Connection
) -> None:
    database.execute("alter table analytics_events add constraint picky check (event_type <> 'task_completed')")
    send(database, task(0), task(1), nul("fine"))
    assert replay(connection).replayed == 0
    assert len(list_letters(connection)) == 2
    database.execute("alter table analytics_events drop constraint picky")
    result = replay(connection)
    assert (result.replayed, result.held, result.failures) == (2, 0, [])
    database.assert_numbers(2)
    assert replay(connection).replayed == 0
    assert list_letters(connection) == []
    assert len(list_letters(connection, include_replayed=True)) == 2


def test_what_is_still_wrong_stays_and_says_why(database: Database, connection: psycopg.Connection) -> None:
    wrong = events.ApiRequest(service="s", endpoint="/", method="GET", status_code=1, duration_ms=1)
    send(database, nul(), wrong, "no event")
    result = replay(connection)
    assert result.replayed == 0
    assert sorted((failure.event_type, failure.sqlstate, failure.message) for failure in result.failures) == [
        ("api_request", None, "Expected `int` >= 100 - at `$.status_code`"),
        ("application_error", "22P05", "unsupported Unicode escape sequence"),
        ("str", None, "the catalog has no event str"),
    ]
    assert len(list_letters(connection)) == 3


def test_repair_replaces_what_can_not_be_stored(database: Database, connection: psycopg.Connection) -> None:
    send(database, nul("nul \0"), nul("surrogate \ud800"))
    assert replay(connection, repair=True).replayed == 2
    rows = database.execute("select data ->> 'error_message' from analytics_events order by id")
    assert {row[0] for row in rows} == {"nul \N{REPLACEMENT CHARACTER}", "surrogate \N{REPLACEMENT CHARACTER}"}


def test_force_sends_what_breaks_the_rules(database: Database, connection: psycopg.Connection) -> None:
    send(database, events.ApiRequest(service="s", endpoint="/", method="GET", status_code=1, duration_ms=1))
    (letter,) = list_letters(connection)
    assert replay(connection, ids=[letter.id + 1], force=True).replayed == 0
    assert replay(connection, ids=[letter.id], force=True).replayed == 1
    ((service, timestamp, event_id),) = database.execute('select service, "timestamp", event_id from analytics_events')
    assert (service, timestamp, event_id) == ("s", letter.timestamp, letter.event_id)


def test_a_replayed_event_that_arrived_after_all_is_held(database: Database, connection: psycopg.Connection) -> None:
    send(database, nul())
    replay(connection, repair=True)
    database.execute("update analytics_dead_letters set replayed_at = null")
    result = replay(connection, repair=True)
    assert (result.replayed, result.held) == (1, 1)
    assert database.execute("select count(*) from analytics_events") == [(1,)]


def test_a_replayed_old_event_marks_its_hour(database: Database, connection: psycopg.Connection) -> None:
    with running("thread", database.dsn) as client:
        client.track(nul(), timestamp=datetime.now(UTC) - timedelta(days=3))
        assert client.flush(10).pending == 0
    database.execute("delete from analytics_meta.late_buckets")
    replay(connection, repair=True)
    assert database.execute("select count(*) from analytics_meta.late_buckets") == [(1,)]


def test_the_file_is_imported_and_removed(database: Database, connection: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    database.execute("alter table analytics_dead_letters rename to away")
    send(database, nul(), nul("other \0"), dead_letter_file=str(path))
    database.execute("alter table away rename to analytics_dead_letters")
    assert import_file(connection, path) == 2
    assert list(tmp_path.iterdir()) == []
    assert import_file(connection, path) == 0
    assert replay(connection, repair=True).replayed == 2


def test_a_broken_line_of_the_file_is_named(connection: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text("{}\n")
    with pytest.raises(DeadLetterFileError, match=r"letters.importing:1: expected a JSON object"):
        import_file(connection, path)
