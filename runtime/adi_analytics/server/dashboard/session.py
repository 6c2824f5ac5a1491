"""Sessions of browsers: a cookie that holds a token which may read (docs/decisions/0030).

A browser sends the cookie to the paths below that of the session, and to no other. It counts for GET alone, and only
for requests of the dashboard's own pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from starlette.responses import Response

from adi_analytics.server.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from adi_analytics.server.tokens import Scope

COOKIE: Final = "adi_analytics_session"
PATH: Final = "/session"
_LONGEST: Final = 1000  # bytes of a body; a token has 64 characters
_OWN: Final = frozenset({"", "none", "same-origin"})
_METHODS: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = {"Cache-Control": "no-store"}


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    token: str


def token_of(request: Request, scope: Scope) -> str:
    """Return the token that *request* brings: in its header, or to read also in the cookie of a session; else ``""``.

    A header goes before the cookie, also a wrong one.
    """
    header = request.headers.get("authorization")
    if header is not None:
        kind, _, token = header.partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""
    own = request.headers.get("sec-fetch-site", "") in _OWN
    if scope == "read" and request.method in _METHODS and own:
        return request.cookies.get(COOKIE, "")
    return ""


async def begin(request: Request, check: Callable[[Request, str], Awaitable[None]] | None) -> Response:
    """Answer the request for a session: its cookie ends with the browser, or when the token is revoked.

    Args:
        request: POST with ``{"token": "adi_read_..."}``.
        check: Raises a `ProblemError` unless a token may read; ``None`` if nobody needs one, and there is no cookie.

    Raises:
        ProblemError: If the body is none, or the token may not read.
    """
    token = await _given(request)
    answer = Response(status_code=204, headers=_HEADERS)
    if check is None:
        return answer
    await check(request, token)
    # Without a path: the browser takes the folder of this address, which only it knows behind a proxy.
    answer.set_cookie(COOKIE, token, path=None, httponly=True, samesite="strict", secure=_secure(request))
    return answer


async def _given(request: Request) -> str:
    # A form of another site can send text, but no JSON without asking the server before.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ProblemError(415, "unsupported-media-type", "Send the token as application/json.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST:
            raise _wrong()
    try:
        return msgspec.json.decode(body, type=_Given).token.strip()
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _wrong() from None


def _wrong() -> ProblemError:
    return ProblemError(400, "wrong-body", 'Expected {"token": "adi_read_..."}.')


def end(request: Request) -> Response:
    """Answer the request to end the session: the browser forgets the cookie. The token stays valid."""
    answer = Response(status_code=204, headers=_HEADERS)
    answer.set_cookie(COOKIE, "", max_age=0, path=None, httponly=True, samesite="strict", secure=_secure(request))
    return answer


def state(*, needed: bool) -> Response:
    """Answer whether the service wants tokens at all."""
    return Response(msgspec.json.encode({"needed": needed}), media_type="application/json", headers=_HEADERS)


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
