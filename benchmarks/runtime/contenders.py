"""What is compared in the caller's thread: each library as its documentation sets it up, with a sink on loopback.

Our client delivers to a live database; the others post to the HTTP server of ``sink.py``; the standard library's
QueueHandler writes to a file.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import queue
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adi_analytics import AnalyticsClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from workload import Sample


@dataclass(frozen=True)
class Target:
    """Where the contenders deliver to."""

    sink_port: int
    dsn: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.sink_port}"


@dataclass(frozen=True)
class Contender:
    """One library, ready to send.

    Attributes:
        build: Makes what the caller passes: an event, a dictionary, a record.
        send: The call that is measured.
        close: Delivers the rest, and returns the number of events delivered, or None if the sink knows it.
    """

    build: Callable[[Sample], Any]
    send: Callable[[Any], object]
    close: Callable[[], int | None]


def adi_analytics(target: Target) -> Contender:
    client = AnalyticsClient.connect(target.dsn, service="bench")

    def close() -> int:
        client.close(60.0)
        return client.stats().delivered

    return Contender(lambda sample: sample.event_class(**sample.fields), client.track, close)


def segment(target: Target) -> Contender:
    from segment.analytics.client import Client

    client = Client("write-key", host=target.url)

    def send(properties: dict[str, Any]) -> object:
        return client.track("user", properties["type"], properties)

    return Contender(_copy, send, client.shutdown)


def posthog(target: Target) -> Contender:
    from posthog import Posthog

    client = Posthog("project-key", host=target.url)

    def send(properties: dict[str, Any]) -> object:
        return client.capture(properties["type"], distinct_id="user", properties=properties)

    return Contender(_copy, send, client.shutdown)


def opentelemetry_logs(target: Target) -> Contender:
    from opentelemetry._logs import LogRecord
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{target.url}/v1/logs")))
    logger = provider.get_logger("bench")

    def build(sample: Sample) -> LogRecord:
        properties = dict(sample.plain)
        return LogRecord(event_name=properties["type"], attributes=properties)

    return Contender(build, logger.emit, provider.shutdown)


def opentelemetry_span_end(target: Target) -> Contender:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    processor = BatchSpanProcessor(OTLPSpanExporter(f"{target.url}/v1/traces"))
    tracer = TracerProvider().get_tracer("bench")  # has no processor: only on_end is measured

    def build(sample: Sample) -> Any:
        span = tracer.start_span(sample.plain["type"], attributes=dict(sample.plain))
        span.end()
        return span

    return Contender(build, processor.on_end, processor.shutdown)


def snowplow(target: Target) -> Contender:
    from snowplow_tracker import AsyncEmitter, SelfDescribing, SelfDescribingJson, Tracker

    logging.getLogger("snowplow_tracker.emitters").setLevel(logging.WARNING)  # it logs each request

    emitter = AsyncEmitter("127.0.0.1", protocol="http", port=target.sink_port, batch_size=100)
    tracker = Tracker(namespace="bench", emitters=emitter)

    def build(sample: Sample) -> SelfDescribing:
        schema = f"iglu:example/{sample.plain['type']}/jsonschema/1-0-0"
        return SelfDescribing(SelfDescribingJson(schema, dict(sample.plain)))

    return Contender(build, tracker.track, emitter.sync_flush)


def queue_handler(_target: Target) -> Contender:
    file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    listener = logging.handlers.QueueListener(waiting, logging.StreamHandler(file))
    listener.start()
    logger = logging.getLogger("bench")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.handlers.QueueHandler(waiting))

    def close() -> int:
        listener.stop()
        file.seek(0)
        return sum(1 for _line in file)

    return Contender(lambda sample: json.dumps(dict(sample.plain)), logger.info, close)


CONTENDERS: dict[str, Callable[[Target], Contender]] = {
    "adi-analytics track()": adi_analytics,
    "OpenTelemetry span on_end()": opentelemetry_span_end,
    "OpenTelemetry logs emit()": opentelemetry_logs,
    "stdlib QueueHandler info()": queue_handler,
    "Snowplow track()": snowplow,
    "Segment track()": segment,
    "PostHog capture()": posthog,
}


def _copy(sample: Sample) -> dict[str, Any]:
    return dict(sample.plain)
