"""What the library gives to its users' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker, InvalidEventError, analytics_context, events
from adi_analytics.testing import FailingSink, RecordingClient
from support.runtime import QUICK, balanced, task, tasks

if TYPE_CHECKING:
    from adi_analytics.testing import RecordedEvents


# The second is loaded by its entry point where the package is installed; by this line where it is not.
pytest_plugins = ["pytester", "adi_analytics.testing.pytest_plugin"]


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
