"""Statistics as metrics, log lines, and the testing API."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker, InvalidEventError, analytics_context, events
from adi_analytics.contrib.opentelemetry import instrument
from adi_analytics.contrib.prometheus import AnalyticsCollector
from adi_analytics.testing import FailingSink, RecordingClient
from opentelemetry.metrics import Observation
from prometheus_client import CollectorRegistry, generate_latest
from support.runtime import QUICK, balanced, running, settled, task, tasks

if TYPE_CHECKING:
    from adi_analytics.testing import RecordedEvents
    from support.runtime import Database

# The second is loaded by its entry point where the package is installed; by this line where it is not.
pytest_plugins = ["pytester", "adi_analytics.testing.pytest_plugin"]


def test_prometheus_scrapes_the_books(database: Database) -> None:
    with running("thread", database.dsn, max_queue=10**6) as client:
        registry = CollectorRegistry()
        registry.register(AnalyticsCollector(client))
        for event in tasks(10):
            client.track(event)
        client.track("no event")  # type: ignore[arg-type]  # a dead letter
        client.flush(10)
        text = generate_latest(registry).decode()
    lines = text.splitlines()
    assert "adi_analytics_accepted_total 11.0" in lines
    assert "adi_analytics_delivered_total 10.0" in lines
    assert 'adi_analytics_dead_lettered_total{reason="invalid_event"} 1.0' in lines
    assert "adi_analytics_pending 0.0" in lines
    assert "adi_analytics_connected 1.0" in lines


class _Meter:
    """Keeps the callbacks, as an SDK's meter does; the API package alone has none that works."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Any] = {}

    def create_observable_counter(self, name: str, callbacks: list[Any], **_: str) -> None:
        self.callbacks[name] = callbacks[0]

    create_observable_gauge = create_observable_counter


class _Provider:
    def __init__(self) -> None:
        self.meter = _Meter()

    def get_meter(self, _name: str) -> _Meter:
        return self.meter


def test_opentelemetry_observes_the_books(database: Database) -> None:
    provider = _Provider()
    client, _ = AnalyticsClient.create(max_queue=5)
    instrument(client, provider)  # type: ignore[arg-type]  # all that is used of a MeterProvider
    for event in tasks(8):
        client.track(event)
    observed = {name: list(callback(None)) for name, callback in provider.meter.callbacks.items()}
    assert observed["adi_analytics.accepted"] == [Observation(8, {})]
    assert observed["adi_analytics.dropped"] == [Observation(3, {"reason": "queue_full"})]
    assert observed["adi_analytics.pending"] == [Observation(5, {})]
    client._pipeline.abandon("shutdown")


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


def test_the_recording_client_records() -> None:
    client = RecordingClient(service="shop")
    with analytics_context(a=1):
        client.track(task(1))
    client.track_if(False, task(2))
    client.track(events.AuthLoginAttempt(success=True, email="a@b"))
    assert client.events.of_type(events.TaskCompleted) == [task(1)]
    assert client.events.of_type("auth_login_attempt")[0].email == "a@b"  # type: ignore[attr-defined]  # of this event only
    assert (client.events.enriched[0].service, client.events.enriched[0].context) == ("shop", {"a": 1})
    assert len(client.events) == 2
    assert client.events[0] == task(1)
    with pytest.raises(InvalidEventError, match="event task_completed"):
        client.track(events.TaskCompleted(task_id="1", user_id="2", duration_ms=-1, exit_code=0))  # type: ignore[arg-type]  # invalid on purpose
    assert len(client.events) == 2
    assert balanced(client).pending == 0
    assert client.flush().ok
    client.events.clear()
    assert client.events == []


def test_the_failing_sink_fails_as_told() -> None:
    sink = FailingSink()
    client, config = AnalyticsClient.create(**QUICK)
    with AnalyticsWorker(config, sink=sink):
        sink.fail_next(2)
        sink.fail_next(sqlstate="40001")
        client.track(task(1))
        assert client.flush(10).ok
        assert (sink.attempts, balanced(client).retries) == (4, 3)
        sink.refuse(lambda row: row.data["duration_ms"] == 3)
        for event in tasks(3, start=2):
            client.track(event)
        assert client.flush(10).pending == 0
        assert balanced(client).dead_lettered_by_reason == {"row_rejected": 1}
    assert [row.data["duration_ms"] for row in sink.rows] == [1, 2, 4]


@pytest.fixture
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADI_ANALYTICS_ENABLED", "false")
    monkeypatch.setenv("ADI_ANALYTICS_SAMPLE_RATES", "task_completed=0")


@pytest.mark.usefixtures("quiet_environment")
def test_the_fixture_records_what_any_client_tracks(analytics_events: RecordedEvents) -> None:
    client = AnalyticsClient.connect("host=/nonexistent", **QUICK, service="shop")
    client.track(task(1))
    AnalyticsClient.noop().track_if(True, task(2))
    assert analytics_events == [task(1), task(2)]
    assert [enriched.service for enriched in analytics_events.enriched] == ["shop", "unknown"]
    assert client.stats().accepted == 0
    client.close()


def test_the_plugin_works_in_a_project(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from adi_analytics import AnalyticsClient, events

        client = AnalyticsClient.noop()

        def test_tracks(analytics_events):
            AnalyticsClient.create()[0].track(events.ApplicationError(service="s", error_type="E", error_message="m"))
            assert [event.EVENT_TYPE for event in analytics_events] == ["application_error"]

        def test_begins_empty(analytics_events):
            assert len(analytics_events) == 0
        """
    )
    result = pytester.runpytest_subprocess("-p", "adi_analytics.testing.pytest_plugin", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


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
