"""For the tests of programs that track events: a client that records, and a sink that fails on demand.

The pytest plugin (installed with the package) has the fixture ``analytics_events``; see
`adi_analytics.testing.pytest_plugin`.
"""

from adi_analytics._engine.drivers.sink_session import Sink
from adi_analytics._engine.rows.row import Row
from adi_analytics.testing.failing_sink import FailingSink
from adi_analytics.testing.recording import RecordedEvents, RecordingClient

__all__ = ["FailingSink", "RecordedEvents", "RecordingClient", "Row", "Sink"]
