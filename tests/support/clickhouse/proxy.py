"""A proxy before ClickHouse's HTTP interface that fails on demand."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlsplit, urlunsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

_CLIENT = httpx.Client(timeout=60, trust_env=False)  # one for all: each makes a context of certificates

Fault = Literal["cut before", "cut after", "slow"]


@dataclass(frozen=True)
class Answer:
    """What the proxy answers itself; *code* is ClickHouse's."""

    status: int
    code: int | None = None
    text: str = ""


class FaultyProxy:
    """Forwards requests to the server of *url*; the next inserts of events fail as `fail` says."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self.target = url
        self._tls = tls
        self.faults: deque[Fault | Answer] = deque()
        self.tokens: list[str] = []
        self.requests: list[tuple[dict[str, str], dict[str, str]]] = []
        self.refuse: Callable[[bytes], Answer | None] = lambda _body: None
        self.answer_all: Answer | None = None
        self.cut_letters = 0
        self.cut_all_after: int | None = None
        """How many requests are answered before each answer is lost; none is when it is None."""
        self.held = threading.Event()
        self.release = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def dsn(self) -> str:
        """The URL for a worker."""
        return urlunsplit(("clickhouse", f"127.0.0.1:{self._port}", urlsplit(self.target).path, "", ""))

    def fail(self, *faults: Fault | Answer) -> None:
        """Let the next inserts fail, one after the other."""
        self.faults.extend(faults)

    @property
    def stopped(self) -> bool:
        """Whether it refuses connections."""
        return self._server is None

    def start(self) -> None:
        """Listen, on the same port as before."""
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_port
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits for an acknowledgement, up to 40 ms
    proxy: FaultyProxy

    def do_POST(self) -> None:
        proxy = self.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if proxy.stopped:  # on a connection from before
            self.close_connection = True
            return
        proxy.requests.append((asked, dict(self.headers)))
        fault: Fault | Answer | None = proxy.answer_all
        if proxy.cut_all_after is not None:
            proxy.cut_all_after -= 1
            fault = "cut after" if proxy.cut_all_after == 0 else "cut before" if proxy.cut_all_after < 0 else None
        elif asked.get("query", "").startswith("insert into `analytics_events`"):
            proxy.tokens.append(asked["insert_deduplication_token"])
            fault = proxy.faults.popleft() if proxy.faults else proxy.refuse(body)
        elif asked.get("query", "").startswith("insert into `analytics_dead_letters`") and proxy.cut_letters:
            proxy.cut_letters -= 1
            fault = "cut after"
        if fault == "slow":
            proxy.held.set()
            proxy.release.wait(60)
        if isinstance(fault, Answer):
            self._answer(fault.status, fault.text.encode(), fault.code)
        elif fault == "cut before":
            self.close_connection = True
        else:
            self._forward(body, cut=fault == "cut after")

    def _forward(self, body: bytes, *, cut: bool) -> None:
        target = urlunsplit(urlsplit(self.proxy.target)._replace(path="/", query=urlsplit(self.path).query))
        try:
            answer = _CLIENT.post(target, content=body)
        except httpx.TransportError:
            cut = True
        if cut:
            self.close_connection = True
        else:
            code = answer.headers.get("X-ClickHouse-Exception-Code")
            self._answer(answer.status_code, answer.content, code)

    def _answer(self, status: int, body: bytes, code: object = None) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            if code is not None:
                self.send_header("X-ClickHouse-Exception-Code", str(code))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""
