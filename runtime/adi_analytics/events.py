"""The events of the catalog, generated from events.yaml: the one door to `adi_analytics_events`."""

from adi_analytics_events import *  # noqa: F403 - its __all__ is the list of events
