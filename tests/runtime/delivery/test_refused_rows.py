"""The server refuses rows, or has them already."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from adi_analytics import Event
from support.runtime import balanced, running, task, tasks
from support.runtime.samples import refused, task_with

if TYPE_CHECKING:
    from support.runtime import Database


def test_the_server_is_asked_about_a_row_before_it_is_set_aside(database: Database) -> None:
    """A server whose message names the wrong line, as a translated or changed one might, costs no event."""
    from adi_analytics._engine.stores import postgres_faults

    named = postgres_faults.named_line
    try:
        postgres_faults.named_line = lambda error, table: 1  # always the first
        with running("thread", database.dsn) as client:
            stream: list[Event] = [*tasks(100), refused(), *tasks(100, start=100)]
            for event in stream:
                client.track(event)
            assert client.flush(30).ok
            assert balanced(client).dead_lettered == 1
    finally:
        postgres_faults.named_line = named
    database.assert_numbers(200)


def test_rows_refused_in_several_transactions_of_a_batch_cost_no_other(database: Database, kind: str) -> None:
    """What the server says about the second transaction is not about the rows of the first."""
    with running(kind, database.dsn, max_batch_bytes=40_000, batch_size=1000, flush_interval=60) as client:
        for number in range(100):
            client.track(task(number))
            if number % 33 == 0:
                client.track(refused(f"number {number}"))
        assert client.flush(30).ok
        assert (balanced(client).delivered, client.stats().dead_lettered) == (100, 4)
    database.assert_numbers(100)
    assert database.letters() == [("application_error", "row_rejected", "54000")] * 4


def test_a_check_constraint_and_a_trigger_refuse_rows(database: Database) -> None:
    database.execute("alter table analytics_events add check ((data ->> 'duration_ms')::int is distinct from 3)")
    database.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin"
        " if new.data ->> 'duration_ms' = '7' then raise 'no'; end if; return new; end $$"
    )
    database.execute("create trigger refuse before insert on analytics_events for each row execute function refuse()")
    with running("thread", database.dsn) as client:
        for event in tasks(10):
            client.track(event)
        assert client.flush(30).ok
        balanced(client)
    assert database.numbers() == [0, 1, 2, 4, 5, 6, 8, 9]
    assert sorted(letter[2] or "" for letter in database.letters()) == ["23514", "P0001"]


def test_another_unique_constraint_does_not_swallow_rows(database: Database) -> None:
    """Only the same event is a harmless duplicate; a user's own unique constraint refuses."""
    database.refuse_repeated_exit_codes()
    with running("thread", database.dsn) as client:
        for exit_code in (1, 2, 1):
            client.track(task_with(exit_code=exit_code))
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered, stats.duplicates) == (2, 1, 0)
    assert database.letters() == [("task_completed", "row_rejected", "23505")]


def test_the_same_batch_twice_is_there_once(database: Database, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from adi_analytics import client as module

    fixed = iter([uuid.UUID(int=number) for number in range(100)] * 2)
    monkeypatch.setattr(module, "_uuid7", lambda: next(fixed))
    monkeypatch.setattr(module, "_now", lambda: 1_800_000_000_000_000_000)
    with running(kind, database.dsn) as client:
        for _ in range(2):
            for event in tasks(100):
                client.track(event)
            assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.duplicates) == (200, 100)
    database.assert_numbers(100)


def test_twice_in_one_batch_is_there_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from adi_analytics import client as module

    monkeypatch.setattr(module, "_uuid7", lambda: uuid.UUID(int=1))
    monkeypatch.setattr(module, "_now", lambda: 1_800_000_000_000_000_000)
    with running("thread", database.dsn) as client:
        client.track(task(0))
        client.track(task(0))
        assert client.flush(30).ok
        assert balanced(client).duplicates == 1
    database.assert_numbers(1)
