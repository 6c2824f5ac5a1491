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
    from collections.abc import Iterator

    from adi_analytics.testing import RecordedEvents


@pytest.fixture
def analytics_events(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordedEvents]:
    """The events that any client tracks during the test; none of them is sent.

    An event that breaks the catalog's rules raises `InvalidEventError` where it is tracked.
    """
    # Here, not at the top: pytest loads the plugin in every project of the environment.
    from adi_analytics.client import AnalyticsClient
    from adi_analytics.testing import RecordingClient

    recorder = RecordingClient()
    track = recorder.track
    monkeypatch.setattr(
        AnalyticsClient, "track", lambda _client, event, *, timestamp=None: track(event, timestamp=timestamp)
    )
    yield recorder.events
