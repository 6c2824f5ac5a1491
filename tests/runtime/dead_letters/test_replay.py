"""Dead letters are sent again: from the table and from the file, repaired or not, once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from adi_analytics import events
from adi_analytics._engine.dead_letters import file as letter_file
from adi_analytics._engine.dead_letters.file import DeadLetterFile
from adi_analytics._engine.dead_letters.letter import DeadLetter
from adi_analytics._engine.rows.row import Row
from adi_analytics.migrate.upkeep.replay import DeadLetterFileError, import_file, replay
from adi_analytics_events import CATALOG
from support.runtime import running, task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.runtime import Database


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


def waiting(database: Database) -> list[tuple[int, str]]:
    return database.execute("select id, event_type from analytics_dead_letters where replayed_at is null order by id")


def test_letters_hold_all_that_is_known(database: Database) -> None:
    send(database, nul(), "no event")
    found = database.execute("select event_type, service, reason, sqlstate from analytics_dead_letters")
    assert sorted(found) == [
        ("application_error", "s", "invalid_event", None),
        ("str", "unknown", "invalid_event", None),
    ]


def test_a_row_that_the_mended_database_takes_is_replayed_once(
    database: Database, connection: psycopg.Connection
) -> None:
    database.execute("alter table analytics_events add constraint picky check (event_type <> 'task_completed')")
    send(database, task(0), task(1), nul("fine"))
    assert replay(connection, CATALOG).replayed == 0
    assert len(waiting(database)) == 2
    database.execute("alter table analytics_events drop constraint picky")
    result = replay(connection, CATALOG)
    assert (result.replayed, result.held, result.refused) == (2, 0, ())
    database.assert_numbers(2)
    assert replay(connection, CATALOG).replayed == 0
    assert waiting(database) == []
    assert len(database.letters()) == 2  # marked, not deleted


def test_what_is_still_wrong_stays_and_says_why(database: Database, connection: psycopg.Connection) -> None:
    wrong = events.ApiRequest(service="s", endpoint="/", method="GET", status_code=1, duration_ms=1)
    send(database, nul(), nul("\ud800"), wrong, "no event")
    result = replay(connection, CATALOG)
    assert result.replayed == 0
    found = [(letter.event_type, letter.sqlstate, letter.message) for letter in result.refused]
    assert sorted(found, key=str) == [
        ("api_request", None, "Expected `int` >= 100 - at `$.status_code`"),
        ("application_error", None, "Holds U+0000, which PostgreSQL can't store - at `$.error_message`"),
        ("application_error", None, "Holds text that UTF-8 can't, a lone surrogate"),
        ("str", None, "the catalog adi has no event str"),
    ]
    assert len(waiting(database)) == 4


def test_a_trigger_that_refuses_one_letter_does_not_stop_the_others(
    database: Database, connection: psycopg.Connection
) -> None:
    database.execute("create table rules (allowed text)")
    database.execute(
        "create function picky() returns trigger language plpgsql as $$ begin"
        " if new.service not in (select allowed from rules) then raise exception 'not now'; end if;"
        " return new; end $$"
    )
    database.execute("create trigger picky before insert on analytics_events for each row execute function picky()")
    send(database, nul("one"), events.ApplicationError(service="t", error_type="E", error_message="two"))
    database.execute("insert into rules values ('t')")
    result = replay(connection, CATALOG)
    assert result.replayed == 1
    assert [(letter.event_type, letter.sqlstate) for letter in result.refused] == [("application_error", "P0001")]


def test_repair_replaces_what_can_not_be_stored(database: Database, connection: psycopg.Connection) -> None:
    send(database, nul("nul \0"), nul("surrogate \ud800"))
    assert replay(connection, CATALOG, repair=True).replayed == 2
    rows = database.execute("select data ->> 'error_message' from analytics_events order by id")
    assert {row[0] for row in rows} == {"nul \N{REPLACEMENT CHARACTER}", "surrogate \N{REPLACEMENT CHARACTER}"}


def test_an_event_with_a_store_policy_is_checked_as_far_as_it_can_be(
    database: Database, connection: psycopg.Connection
) -> None:
    hidden: Any = {"success": True, "email": "ada@example.org"}
    database.execute("alter table analytics_events add constraint picky check (event_type <> 'auth_login_attempt')")
    send(database, events.AuthLoginAttempt(**hidden), hash_key="key")
    send(database, events.AuthLoginAttempt(**hidden))  # without a key the field is left out
    send(database, events.AuthLoginAttempt(**{**hidden, "success": "perhaps"}), hash_key="key")
    send(database, events.AuthLoginAttempt(**{**hidden, "error": 5}), hash_key="key")
    database.execute("alter table analytics_events drop constraint picky")
    result = replay(connection, CATALOG)
    assert (result.replayed, result.unchecked) == (2, {"auth_login_attempt": ("email",)})
    assert [letter.message for letter in result.refused] == [
        "Expected `bool`, got `str` - at `$.success`",
        "Expected `str | null`, got `int` - at `$.error`",
    ]
    assert replay(connection, CATALOG, force=True).replayed == 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"email": "ada@example.org"}, "Expected `str` matching regex"),
        ({"success": None}, "Expected `bool`, got `null`"),
        ({"state": 1}, "Object contains unknown field"),
        ({"user_id": "ada"}, "Invalid UUID"),
    ],
)
def test_what_a_store_policy_would_not_have_written_is_refused(
    database: Database, connection: psycopg.Connection, change: dict[str, Any], problem: str
) -> None:
    database.execute("alter table analytics_events add constraint picky check (event_type <> 'auth_login_attempt')")
    send(database, events.AuthLoginAttempt(success=True, email="ada@example.org"), hash_key="key")
    database.execute("alter table analytics_events drop constraint picky")
    database.execute(
        "update analytics_dead_letters set payload = jsonb_set(payload::jsonb, '{data}',"
        " (payload::jsonb -> 'data') || %s::jsonb)::text",
        (json.dumps(change),),
    )
    (refused,) = replay(connection, CATALOG).refused
    assert refused.message.startswith(problem)
    assert "ada@example" not in refused.message


def test_force_sends_what_breaks_the_rules(database: Database, connection: psycopg.Connection) -> None:
    send(database, events.ApiRequest(service="s", endpoint="/", method="GET", status_code=1, duration_ms=1))
    ((number, _),) = waiting(database)
    assert replay(connection, CATALOG, ids=[number + 1], force=True).replayed == 0
    assert replay(connection, CATALOG, ids=[number], force=True).replayed == 1
    columns = 'service, "timestamp", event_id'
    (stored,) = database.execute(f"select {columns} from analytics_events")
    assert [stored] == database.execute(f"select {columns} from analytics_dead_letters")


def test_a_replayed_event_that_arrived_after_all_is_held(database: Database, connection: psycopg.Connection) -> None:
    send(database, nul())
    replay(connection, CATALOG, repair=True)
    database.execute("update analytics_dead_letters set replayed_at = null")
    result = replay(connection, CATALOG, repair=True)
    assert (result.replayed, result.held) == (1, 1)
    assert database.execute("select count(*) from analytics_events") == [(1,)]


def test_a_replayed_old_event_marks_its_hour(database: Database, connection: psycopg.Connection) -> None:
    with running("thread", database.dsn) as client:
        client.track(nul(), timestamp=datetime.now(UTC) - timedelta(days=3))
        assert client.flush(10).pending == 0
    database.execute("delete from analytics_meta.late_buckets")
    replay(connection, CATALOG, repair=True)
    assert database.execute("select count(*) from analytics_meta.late_buckets") == [(1,)]


def test_the_file_is_imported_and_removed(database: Database, connection: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    database.execute("alter table analytics_dead_letters rename to away")
    send(database, nul(), nul("other \0"), dead_letter_file=str(path))
    database.execute("alter table away rename to analytics_dead_letters")
    assert import_file(connection, CATALOG.dead_letters_table, path) == 2
    assert list(tmp_path.iterdir()) == []
    assert import_file(connection, CATALOG.dead_letters_table, path) == 0
    assert replay(connection, CATALOG, repair=True).replayed == 2


def test_a_letter_written_while_the_file_is_imported_is_not_lost(
    database: Database, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "letters.jsonl"
    database.execute("alter table analytics_dead_letters rename to away")
    send(database, nul(), dead_letter_file=str(path))
    database.execute("alter table away rename to analytics_dead_letters")
    row = Row(
        timestamp="2026-11-01T12:00:00+00:00", event_type="t", service="s", user_id=None, data={},
        event_id="0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9b01", meta={},
    )  # fmt: skip
    lock = letter_file._lock
    imported: list[Any] = []

    def import_between_open_and_lock(descriptor: int) -> None:
        if not imported:
            imported.append(1)
            imported.append(import_file(connection, CATALOG.dead_letters_table, path))
        lock(descriptor)

    monkeypatch.setattr(letter_file, "_lock", import_between_open_and_lock)
    DeadLetterFile(path).append(DeadLetter(row, "encoding", "m", None, "0"))
    assert imported == [1, 1]
    assert import_file(connection, CATALOG.dead_letters_table, path) == 1
    assert len(waiting(database)) == 2


def test_an_interrupted_import_goes_on(database: Database, connection: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    database.execute("alter table analytics_dead_letters rename to away")
    for text in ("a\0", "b\0"):
        send(database, nul(text), dead_letter_file=str(path))
        if text == "a\0":
            path.rename(path.with_suffix(".importing"))
    database.execute("alter table away rename to analytics_dead_letters")
    assert import_file(connection, CATALOG.dead_letters_table, path) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_broken_line_of_the_file_is_named(connection: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text("{}\n")
    with pytest.raises(DeadLetterFileError, match=r"letters.importing:1: expected a JSON object"):
        import_file(connection, CATALOG.dead_letters_table, path)
