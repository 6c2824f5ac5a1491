"""The accounting as Prometheus and OpenTelemetry see it."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient
from adi_analytics.contrib import ExtraMissingError
from adi_analytics.contrib.opentelemetry import instrument
from adi_analytics.contrib.prometheus import AnalyticsCollector
from opentelemetry.metrics import Observation
from prometheus_client import CollectorRegistry, generate_latest
from support.runtime import running, tasks

if TYPE_CHECKING:
    from support.runtime import Database


def test_prometheus_scrapes_the_books(database: Database) -> None:
    with running("thread", database.dsn, max_queue=10**6) as client:
        registry = CollectorRegistry()
        registry.register(AnalyticsCollector(client))
        for event in tasks(10):
            client.track(event)
        client.track("no event")  # type: ignore[arg-type]  # a dead letter
        client.flush(10)
        text = generate_latest(registry).decode()
    lines = text.splitlines()
    assert "adi_analytics_accepted_total 11.0" in lines
    assert "adi_analytics_delivered_total 10.0" in lines
    assert 'adi_analytics_dead_lettered_total{reason="invalid_event"} 1.0' in lines
    assert "adi_analytics_pending 0.0" in lines
    assert "adi_analytics_connected 1.0" in lines


class _Meter:
    """Keeps the callbacks, as an SDK's meter does; the API package alone has none that works."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Any] = {}

    def create_observable_counter(self, name: str, callbacks: list[Any], **_: str) -> None:
        self.callbacks[name] = callbacks[0]

    create_observable_gauge = create_observable_counter


class _Provider:
    def __init__(self) -> None:
        self.meter = _Meter()

    def get_meter(self, _name: str) -> _Meter:
        return self.meter


def test_opentelemetry_observes_the_books(database: Database) -> None:
    provider = _Provider()
    client, _ = AnalyticsClient.create(max_queue=5)
    instrument(client, provider)  # type: ignore[arg-type]  # all that is used of a MeterProvider
    for event in tasks(8):
        client.track(event)
    observed = {name: list(callback(None)) for name, callback in provider.meter.callbacks.items()}
    assert observed["adi_analytics.accepted"] == [Observation(8, {})]
    assert observed["adi_analytics.dropped"] == [Observation(3, {"reason": "queue_full"})]
    assert observed["adi_analytics.pending"] == [Observation(5, {})]
    client._pipeline.abandon("shutdown")


@pytest.mark.parametrize(
    ("extra", "package"), [("opentelemetry", "opentelemetry.metrics"), ("prometheus", "prometheus_client.core")]
)
def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, extra: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, f"adi_analytics.contrib.{extra}")
    with pytest.raises(ExtraMissingError, match=rf"pip install 'adi-analytics\[{extra}\]'") as caught:
        importlib.import_module(f"adi_analytics.contrib.{extra}")
    assert package.partition(".")[0] in caught.value.reason
