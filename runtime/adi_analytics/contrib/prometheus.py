"""A client's statistics for Prometheus, read when it scrapes; needs the extra ``[prometheus]``.

::

    from prometheus_client import REGISTRY
    REGISTRY.register(AnalyticsCollector(client))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics.contrib import ExtraMissingError
from adi_analytics.contrib._numbers import COUNTERS, GAUGES

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector
except ImportError as error:
    raise ExtraMissingError("prometheus", str(error)) from error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from adi_analytics.client import AnalyticsClient


class AnalyticsCollector(Collector):
    """Collects the statistics of one client.

    Args:
        client: The client.
        prefix: Starts the names of the metrics.
    """

    def __init__(self, client: AnalyticsClient, prefix: str = "adi_analytics") -> None:
        self._client = client
        self._prefix = prefix

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        stats = self._client.stats()
        for name, text, label, values_of in COUNTERS:
            counter = CounterMetricFamily(f"{self._prefix}_{name}", text, labels=[label] if label else [])
            for value, number in values_of(stats).items():
                counter.add_metric([value] if label else [], number)
            yield counter
        for name, text, value_of in GAUGES:
            yield GaugeMetricFamily(f"{self._prefix}_{name}", text, value=value_of(stats))
