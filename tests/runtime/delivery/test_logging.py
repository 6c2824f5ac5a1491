"""A loss is one log line, without values."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker, events
from adi_analytics.testing import FailingSink
from support.runtime import QUICK, running, settled, task
from support.runtime.samples import refused

if TYPE_CHECKING:
    from support.runtime import Database


def test_a_loss_is_one_log_line_and_tells_no_values(caplog: pytest.LogCaptureFixture) -> None:
    sink = FailingSink()
    client, config = AnalyticsClient.create(**QUICK, max_queue=10)
    sink.go_down()
    with AnalyticsWorker(config, sink=sink):
        for _ in range(1000):
            client.track(events.ApplicationError(service="s", error_type="E", error_message="hush"))
        settled(client, lambda stats: stats.retries > 3)
        sink.come_up()
        client.flush(10)
        settled(client, lambda stats: not stats.pending)
    lost = [record for record in caplog.records if "events lost" in record.message]
    assert [record.levelno for record in lost] == [logging.ERROR]
    assert len([record for record in caplog.records if "can't take events" in record.message]) == 1
    assert "hush" not in caplog.text
    assert {record.name for record in caplog.records} <= {"adi_analytics.worker", "adi_analytics.client"}


def test_the_library_sets_no_handler_and_no_level() -> None:
    for name in ("adi_analytics", "adi_analytics.worker", "adi_analytics.client", "adi_analytics.spool"):
        assert logging.getLogger(name).handlers == []
        assert logging.getLogger(name).level == logging.NOTSET


def test_refused_events_are_one_log_line(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with running("thread", database.dsn) as client:
        for _ in range(3):
            for _ in range(20):
                client.track(refused("hush"))
                client.track("no event")  # type: ignore[arg-type]  # that is the point
            assert client.flush(20).pending == 0
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 2  # the first at once, the rest at the end
    assert "'row_rejected': 60" in lines[1]
    assert "'invalid_event': 60" in lines[1]
    assert "hush" not in caplog.text


def test_a_connection_that_comes_and_goes_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sink = FailingSink()
    client, config = AnalyticsClient.create(**QUICK)
    for _ in range(3):  # neither a recovery nor a new worker ends the interval
        with AnalyticsWorker(config, sink=sink):
            for _ in range(10):
                sink.fail_next(1)
                client.track(task())
                assert client.flush(30).ok
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "connected to the database",
        "the database can't take events now (OperationalError); they wait",
        "the database takes events again",
    ]
    client.close()


@pytest.mark.parametrize("interval", [0.0, 60.0])
def test_after_each_complaint_the_log_says_that_it_is_over(interval: float, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sink = FailingSink()
    client, config = AnalyticsClient.create(**QUICK, log_interval=interval)
    for states in (None, "57P01", None, "53300"):
        with AnalyticsWorker(config, sink=sink):
            sink.fail_next(1, states)
            client.track(task())
            assert client.flush(30).ok
    lines = [record.getMessage() for record in caplog.records]
    complaints = [line for line in lines if "can't take events" in line]
    assert len(complaints) == (3 if interval else 4)
    assert len([line for line in lines if "takes events again" in line]) == len(complaints)
    client.close()


def test_a_worker_that_crashes_again_and_again_does_not_flood_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from adi_analytics._engine.drivers import core_run, thread_runner

    failures = [ZeroDivisionError] * 5

    def new_core(*given: Any, original: Any = core_run.new_core) -> Any:
        if failures:
            raise failures.pop()
        return original(*given)

    monkeypatch.setattr(core_run, "new_core", new_core)
    monkeypatch.setattr(thread_runner, "CRASH_PAUSE", 0.01)
    client, config = AnalyticsClient.create(**QUICK)
    with AnalyticsWorker(config, sink=FailingSink()):
        client.track(task())
        assert client.flush(30).ok
    assert ["the worker failed" in record.message for record in caplog.records] == [True]
    client.close()
