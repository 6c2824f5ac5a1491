"""Define, send, store and roll up product-analytics events on PostgreSQL and TimescaleDB."""

from typing import TYPE_CHECKING

from adi_analytics._shared.lazy import lazy_names

if TYPE_CHECKING:
    from adi_analytics import events
    from adi_analytics._engine.pipeline import WorkerConfig
    from adi_analytics._engine.process.at_exit import SignalThreadError, install_sigterm
    from adi_analytics._engine.queue.stats import FlushResult, Stats
    from adi_analytics._shared.catalog import (
        Catalog,
        CatalogAmbiguousError,
        CatalogError,
        CatalogInvalidError,
        CatalogMissingError,
        resolve_catalog,
    )
    from adi_analytics._shared.clickhouse.address import ClickhouseExtraMissingError
    from adi_analytics._shared.conninfo import ConninfoInvalidError, ConninfoMissingError
    from adi_analytics._shared.libpq import LibpqMissingError
    from adi_analytics._shared.options import OptionError, Options, Settings
    from adi_analytics._shared.project import ProjectError
    from adi_analytics._shared.version import __version__
    from adi_analytics.client import AnalyticsClient, InvalidEventError
    from adi_analytics.context import analytics_context
    from adi_analytics.enriched import EnrichedEvent, Event
    from adi_analytics.errors import AnalyticsError
    from adi_analytics.worker import AnalyticsWorker, WorkerRunningError
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "AnalyticsClient": "adi_analytics.client",
            "AnalyticsError": "adi_analytics.errors",
            "AnalyticsWorker": "adi_analytics.worker",
            "Catalog": "adi_analytics._shared.catalog",
            "CatalogAmbiguousError": "adi_analytics._shared.catalog",
            "CatalogError": "adi_analytics._shared.catalog",
            "CatalogInvalidError": "adi_analytics._shared.catalog",
            "CatalogMissingError": "adi_analytics._shared.catalog",
            "ClickhouseExtraMissingError": "adi_analytics._shared.clickhouse.address",
            "ConninfoInvalidError": "adi_analytics._shared.conninfo",
            "ConninfoMissingError": "adi_analytics._shared.conninfo",
            "EnrichedEvent": "adi_analytics.enriched",
            "Event": "adi_analytics.enriched",
            "FlushResult": "adi_analytics._engine.queue.stats",
            "InvalidEventError": "adi_analytics.client",
            "LibpqMissingError": "adi_analytics._shared.libpq",
            "OptionError": "adi_analytics._shared.options",
            "Options": "adi_analytics._shared.options",
            "ProjectError": "adi_analytics._shared.project",
            "Settings": "adi_analytics._shared.options",
            "SignalThreadError": "adi_analytics._engine.process.at_exit",
            "Stats": "adi_analytics._engine.queue.stats",
            "WorkerConfig": "adi_analytics._engine.pipeline",
            "WorkerRunningError": "adi_analytics.worker",
            "__version__": "adi_analytics._shared.version",
            "analytics_context": "adi_analytics.context",
            "install_sigterm": "adi_analytics._engine.process.at_exit",
            "resolve_catalog": "adi_analytics._shared.catalog",
        },
        modules=("events",),
    )

__all__ = [
    "AnalyticsClient",
    "AnalyticsError",
    "AnalyticsWorker",
    "Catalog",
    "CatalogAmbiguousError",
    "CatalogError",
    "CatalogInvalidError",
    "CatalogMissingError",
    "ClickhouseExtraMissingError",
    "ConninfoInvalidError",
    "ConninfoMissingError",
    "EnrichedEvent",
    "Event",
    "FlushResult",
    "InvalidEventError",
    "LibpqMissingError",
    "OptionError",
    "Options",
    "ProjectError",
    "Settings",
    "SignalThreadError",
    "Stats",
    "WorkerConfig",
    "WorkerRunningError",
    "__version__",
    "analytics_context",
    "events",
    "install_sigterm",
    "resolve_catalog",
]
