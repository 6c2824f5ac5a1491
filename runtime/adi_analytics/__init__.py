"""Define, send, store and roll up product-analytics events on PostgreSQL and TimescaleDB."""

from adi_analytics import events
from adi_analytics._engine.pipeline import WorkerConfig
from adi_analytics._engine.process.at_exit import SignalThreadError, install_sigterm
from adi_analytics._engine.queue.stats import FlushResult, Stats
from adi_analytics._shared.conninfo import ConninfoInvalidError, ConninfoMissingError
from adi_analytics._shared.libpq import LibpqMissingError
from adi_analytics._shared.options import OptionError, Options, Settings
from adi_analytics.client import AnalyticsClient, InvalidEventError
from adi_analytics.context import analytics_context
from adi_analytics.enriched import EnrichedEvent, Event
from adi_analytics.errors import AnalyticsError
from adi_analytics.worker import AnalyticsWorker, WorkerRunningError

__all__ = [
    "AnalyticsClient",
    "AnalyticsError",
    "AnalyticsWorker",
    "ConninfoInvalidError",
    "ConninfoMissingError",
    "EnrichedEvent",
    "Event",
    "FlushResult",
    "InvalidEventError",
    "LibpqMissingError",
    "OptionError",
    "Options",
    "Settings",
    "SignalThreadError",
    "Stats",
    "WorkerConfig",
    "WorkerRunningError",
    "analytics_context",
    "events",
    "install_sigterm",
]
