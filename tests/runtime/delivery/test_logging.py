"""A loss is one log line, without values."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker, events
from adi_analytics.testing import FailingSink
from support.runtime import QUICK, running, settled

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
                client.track(events.ApplicationError(service="s", error_type="E", error_message="hush\0"))
                client.track("no event")  # type: ignore[arg-type]  # that is the point
            assert client.flush(20).pending == 0
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 2  # the first at once, the rest at the end
    assert "'row_rejected': 60" in lines[1]
    assert "'invalid_event': 60" in lines[1]
    assert "hush" not in caplog.text
