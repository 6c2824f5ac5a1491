"""A client's statistics for OpenTelemetry, read when it exports; needs the extra ``[opentelemetry]``.

::

    instrument(client)      # after the meter provider is set
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics.contrib import ExtraMissingError
from adi_analytics.contrib._numbers import COUNTERS, GAUGES

try:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter_provider
except ImportError as error:
    raise ExtraMissingError("opentelemetry", str(error)) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from adi_analytics._engine.queue.stats import Stats
    from adi_analytics.client import AnalyticsClient


def instrument(
    client: AnalyticsClient, meter_provider: MeterProvider | None = None, prefix: str = "adi_analytics"
) -> None:
    """Report the statistics of *client* as observable instruments.

    Args:
        client: The client.
        meter_provider: Where to report; the global one by default.
        prefix: Starts the names of the metrics.
    """
    meter = (meter_provider or get_meter_provider()).get_meter("adi_analytics")
    for name, text, label, values_of in COUNTERS:
        callback = _counter_callback(client, label, values_of)
        meter.create_observable_counter(f"{prefix}.{name}", [callback], unit="1", description=text)
    for name, text, value_of in GAUGES:
        meter.create_observable_gauge(
            f"{prefix}.{name}", [_gauge_callback(client, value_of)], unit="1", description=text
        )


def _counter_callback(
    client: AnalyticsClient, label: str, values_of: Callable[[Stats], Mapping[str, int]]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        for value, number in values_of(client.stats()).items():
            yield Observation(number, {label: value} if label else {})

    return observe


def _gauge_callback(
    client: AnalyticsClient, value_of: Callable[[Stats], int]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        yield Observation(value_of(client.stats()), {})

    return observe
