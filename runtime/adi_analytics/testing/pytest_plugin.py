"""The pytest plugin: the fixture ``analytics_events``.

::

    def test_sign_in_is_tracked(analytics_events):
        sign_in("ada")
        assert analytics_events.of_type(events.AuthCodeVerified)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from datetime import datetime

    from adi_analytics.enriched import Event
    from adi_analytics.testing import RecordedEvents


@pytest.fixture
def analytics_events(monkeypatch: pytest.MonkeyPatch) -> RecordedEvents:
    """The events that any client tracks during the test, a no-op one included; none of them is sent.

    An event that breaks the catalog's rules raises `InvalidEventError` where it is tracked.
    """
    # Here, not at the top: pytest loads the plugin in every project of the environment.
    from adi_analytics.client import AnalyticsClient, NoopClient
    from adi_analytics.testing import RecordingClient

    recorder = RecordingClient()

    def track(client: AnalyticsClient, event: Event, *, timestamp: datetime | None = None) -> None:
        recorder.record(event, timestamp, client)

    for cls in (AnalyticsClient, NoopClient):
        monkeypatch.setattr(cls, "track", track)
    monkeypatch.setattr(NoopClient, "track_if", AnalyticsClient.track_if)
    return recorder.events
