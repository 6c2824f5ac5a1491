"""The paths of the dashboard: its page, its files, and its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from adi_analytics.server.dashboard import session
from adi_analytics.server.dashboard.files import files
from adi_analytics.server.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

FILES: Final = "/dashboard/{version}/{name:path}"


class Pages:
    """What a browser asks of the dashboard, but for its numbers.

    Args:
        check: Counts a request, and raises a `ProblemError` unless the token may read; ``None`` for a service without
            tokens.
        count: Counts a request of a browser that has no token yet.
        samples: Whether the numbers are made up, which the page then says.
    """

    def __init__(
        self,
        check: Callable[[Request, str], Awaitable[None]] | None,
        count: Callable[[Request], None],
        *,
        samples: bool = False,
    ) -> None:
        self._files = files(samples=samples)
        self._check = check
        self._count = count
        self.pages: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/", self._page),
            ("GET", FILES, self._file),
        )
        """Method, path and handler of what is below no prefix."""
        self.sessions: tuple[tuple[str, str, Handler], ...] = (
            ("GET", session.PATH, self._state),
            ("POST", session.PATH, self._begin),
            ("DELETE", session.PATH, self._end),
        )
        """Of what lies beside the answers, so that the cookie comes back to them."""

    async def _page(self, request: Request) -> Response:
        return self._files.page(request)

    async def _file(self, request: Request) -> Response:
        found = self._files.file(request, request.path_params["version"], request.path_params["name"])
        if found is None:
            raise ProblemError(404, "not-found", "The dashboard has no such file. Load the page again.")
        return found

    async def _state(self, request: Request) -> Response:
        self._count(request)
        return session.state(needed=self._check is not None)

    async def _begin(self, request: Request) -> Response:
        return await session.begin(request, self._check)

    async def _end(self, request: Request) -> Response:
        self._count(request)
        return session.end(request)
