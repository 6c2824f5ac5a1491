"""An HTTP server on loopback that takes what the peers send, and counts the events in it.

Prints its port; ``GET /count`` answers the number of events so far.
"""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_lock = threading.Lock()
_count = 0


def _events_in(path: str, body: bytes) -> int:
    if path == "/v1/logs":
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        logs = ExportLogsServiceRequest.FromString(body)
        return sum(len(scope.log_records) for resource in logs.resource_logs for scope in resource.scope_logs)
    if path == "/v1/traces":
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        traces = ExportTraceServiceRequest.FromString(body)
        return sum(len(scope.spans) for resource in traces.resource_spans for scope in resource.scope_spans)
    content: Any = json.loads(body)
    # "batch" is Segment's and PostHog's name for the list of events, "data" Snowplow's.
    return len(content.get("batch") or content.get("data") or [content])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(str(_count).encode())

    def do_POST(self) -> None:
        global _count  # noqa: PLW0603 - the one number that this program keeps
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        number = _events_in(self.path, body)
        with _lock:
            _count += number
        self._answer(b"" if self.path.startswith("/v1/logs") or self.path.startswith("/v1/traces") else b"{}")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
