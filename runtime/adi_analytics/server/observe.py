"""What every request goes through: it gets an id, is counted, and has a line in the log. And what all answers say."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders

from adi_analytics.server.logs import REQUEST, access

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from adi_analytics.server.metrics import Metrics

HEADER: Final = "X-Request-Id"
ROUTE: Final = "adi_analytics.route"
"""Where a scope holds the path as the service knows it."""
CLIENT: Final = "adi_analytics.client"
"""Where a scope holds the id of the token."""
OVER_LIMIT: Final = "adi_analytics.over_limit"
"""Where the state of a connection says that it is one too many."""
UNMATCHED: Final = "unmatched"
SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of each answer that does not set them itself: a browser shows it as text, in no frame, and runs nothing."""

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)  # so short that no token is one


def over_limit(scope: Scope) -> bool:
    """Return whether the connection of a request is one too many."""
    return bool(scope.get("state", {}).get(OVER_LIMIT))


class Observed:
    """ASGI middleware around the whole service."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request = given if _ID.fullmatch(given) else secrets.token_hex(8)
        status, began = 500, time.perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[HEADER] = request
                for name, value in SAFE.items():
                    headers.setdefault(name, value)
                if over_limit(scope):
                    headers["Connection"] = "close"
            await send(message)

        before = REQUEST.set(request)
        try:
            await self._app(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - began
            route = scope.get(ROUTE, UNMATCHED)
            self._metrics.answered(scope["method"], route, status, seconds)
            fields = {"method": scope["method"][:16], "route": route, "status": status, "client": scope.get(CLIENT),
                      "duration_ms": round(seconds * 1000, 3)}  # fmt: skip
            access.info("answered", extra={"fields": fields})
            REQUEST.reset(before)
