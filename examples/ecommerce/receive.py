"""From what Segment delivers to a webhook to events of the catalog."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adi_analytics import AnalyticsClient
from store_events import AnyEvent, from_dict


def event_of(message: dict[str, Any]) -> AnyEvent:
    """Return the event that a `track` message holds: its properties, with the name and the ids from the envelope.

    Raises:
        store_events.EventDecodeError: If the catalog has no such event, or the properties don't fit it.
    """
    ids = {key: message[key] for key in ("userId", "anonymousId") if message.get(key)}
    return from_dict({**message["properties"], **ids, "type": message["event"]})


def receive(client: AnalyticsClient, message: dict[str, Any]) -> None:
    """Track what a `track` message holds, at the time that it says."""
    client.track(event_of(message), timestamp=datetime.fromisoformat(message["timestamp"]))
