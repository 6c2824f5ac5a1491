"""What a service counts, in the text format of Prometheus.

Each process counts for itself, unless the environment names a folder in which several count together.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import Metric

    from adi_analytics.server.ingest.intake import Verdict

SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder. The library of Prometheus reads it when it is imported."""
_PREFIX: Final = "adi_analytics_server"
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST"})
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The numbers of one service, in a registry of its own."""

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        self._requests = Counter(
            f"{_PREFIX}_requests", "Requests answered", ["method", "route", "status"], registry=own
        )
        self._seconds = Histogram(
            f"{_PREFIX}_request_seconds", "Time to the end of an answer", ["route"], buckets=_SECONDS, registry=own
        )
        self._received = Counter(f"{_PREFIX}_events_received", "Events in requests that could be read", registry=own)
        self._events = Counter(f"{_PREFIX}_events", "What became of the events received", ["fate"], registry=own)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. *route* is the path as the service knows it, so that there are few."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def took(self, verdict: Verdict) -> None:
        """Count the events of a request."""
        self._received.inc(verdict.received)
        fates = {
            "stored": verdict.stored,
            "duplicate": verdict.duplicates,
            "spooled": verdict.spooled,
            "skipped": verdict.skipped,
            "rejected": len(verdict.rejected),
        }
        for fate, number in fates.items():
            self._events.labels(fate).inc(number)

    def page(self, accept: str, *, backlog: int, up: bool, ages: Mapping[str, float]) -> tuple[bytes, str]:
        """Return all numbers and their media type.

        Args:
            accept: The header ``Accept``.
            backlog: Bytes that wait on disk.
            up: Whether the database takes events.
            ages: Seconds since the watermark of each aggregate that has one.
        """
        page = CollectorRegistry()
        page.register(_Families([*self._counted(), *_looked_up(backlog, ages, up=up)]))
        encode, media = choose_encoder(accept)
        return encode(page), media

    def _counted(self) -> Iterable[Metric]:
        """Return what was counted: with a folder of `SHARED`, by all processes that have it."""
        if SHARED not in os.environ:
            return self._registry.collect()
        found = MultiProcessCollector(None).collect()  # type: ignore[no-untyped-call] # the library's has no types
        return [family for family in found if family.name.startswith(_PREFIX)]


def _looked_up(backlog: int, ages: Mapping[str, float], *, up: bool) -> Iterator[Metric]:
    yield GaugeMetricFamily(f"{_PREFIX}_backlog_bytes", "Bytes of the events that wait on disk", value=backlog)
    yield GaugeMetricFamily(f"{_PREFIX}_database_up", "1 if the database takes events, as /ready says", value=up)
    text = "How long ago the moment is up to which an aggregate is stored"
    family = GaugeMetricFamily(f"{_PREFIX}_watermark_age_seconds", text, labels=["aggregate"])
    for aggregate, age in ages.items():
        family.add_metric([aggregate], age)
    yield family


class _Families(Collector):
    """What a page holds."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families
