"""What a service counts, in the text format of Prometheus. Each process counts for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adi_analytics.server.ingest.intake import Verdict

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
        self._backlog = Gauge(f"{_PREFIX}_backlog_bytes", "Bytes of the events that wait on disk", registry=own)
        self._up = Gauge(f"{_PREFIX}_database_up", "1 if the database takes events, as /ready says", registry=own)
        self._ages = Gauge(
            f"{_PREFIX}_watermark_age_seconds",
            "How long ago the moment is up to which an aggregate is stored",
            ["aggregate"],
            registry=own,
        )

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
        self._backlog.set(backlog)
        self._up.set(up)
        self._ages.clear()
        for aggregate, age in ages.items():
            self._ages.labels(aggregate).set(age)
        encode, media = choose_encoder(accept)
        return encode(self._registry), media
