"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from adi_analytics._shared.catalog import CatalogError
from adi_analytics._shared.conninfo import resolve_conninfo
from adi_analytics._shared.options import catalog_in, settings_from, with_catalog
from adi_analytics.server.dashboard.pages import Pages
from adi_analytics.server.dashboard.session import token_of
from adi_analytics.server.ingest.backlog import Backlog
from adi_analytics.server.ingest.intake import Intake
from adi_analytics.server.ingest.writer import DatabaseUnavailableError, Writer
from adi_analytics.server.logs import REQUEST
from adi_analytics.server.metrics import Metrics
from adi_analytics.server.observe import CLIENT, ROUTE, Observed, over_limit
from adi_analytics.server.options import ServerOptions
from adi_analytics.server.problems import ProblemError
from adi_analytics.server.rate import RateLimit, network_of
from adi_analytics.server.read.endpoint import missing
from adi_analytics.server.read.reading import PREFIX, Reading
from adi_analytics.server.read.sources.source import source_of
from adi_analytics.server.tokens import Tokens, id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from adi_analytics.server.tokens import Scope

logger = logging.getLogger("adi_analytics.server")

_CORS: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "POST"],
    "allow_headers": ["Authorization", "Content-Encoding", "Content-Type", "If-None-Match", "X-Request-Id"],
    "expose_headers": ["ETag", "Link", "Retry-After", "X-Request-Id"],
}
"""Without credentials: pages of others send a token. The cookie of a session is the dashboard's alone."""

_HEALTH: Final = "/health"
_SCRAPE: Final = 3.0  # seconds for each question to the database by probes and the metrics; Prometheus waits 10 for all
_RETRY: Final = {"Retry-After": "5"}
_SAMPLES: Final = "This service shows made-up events and takes none. Start `analytics-server run` for real ones."
_JSON: Final = ("", "application/json", "text/plain")
"""``text/plain`` is what a browser's ``sendBeacon`` sends without asking the server before."""


def create_app(options: ServerOptions | None = None) -> Starlette:
    """Return the service; run it with any ASGI server, or with ``analytics-server run``.

    Raises:
        OptionError: If an option has a value that it can't have.
        CatalogError: If the catalog can't be found or used.
        ConninfoMissingError: If no database is given.
        SpoolUnavailableError: If the spool's folder can't be used.
    """
    return _Service(options or ServerOptions()).app()


class _Service:
    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        given: dict[str, Any] = {"service": options.service, "hash_key": options.hash_key, "catalog": options.catalog}
        if options.spool_dir is not None:
            given |= {"spool": "overflow", "spool_dir": options.spool_dir}
            if options.spool_max_bytes is not None:
                given["spool_max_bytes"] = options.spool_max_bytes
        self._settings = with_catalog(
            settings_from({name: value for name, value in given.items() if value is not None})
        )
        self._conninfo = _place(options.database_url)
        url = options.read_database_url
        self._read_conninfo = self._conninfo if url is None else _place(url)
        self._rate = RateLimit(options.rate_limit)
        self._metrics = Metrics()
        self._reading = self._readable()

    def _readable(self) -> Reading | None:
        """Return what answers; nothing does if the generated package came without its manifest."""
        options = self._options
        try:
            return Reading(
                catalog_in(self._settings),
                source_of(
                    self._read_conninfo,
                    self._settings,
                    connections=options.read_connections,
                    timeout=options.query_timeout,
                ),
                timeout=options.query_timeout,
                suppress_below=options.suppress_below,
                overview_age=options.overview_age,
                samples=options.samples,
            )
        except CatalogError as error:
            logger.warning("the service takes events, but answers no question: %s", error)
            return None

    def _pages(self) -> Pages | None:
        """Return the dashboard, unless it is left out, or nothing answers its questions."""
        if not self._options.dashboard or self._reading is None:
            return None
        check = None if self._options.without_tokens else self._check_reader
        return Pages(check, self._count, samples=self._options.samples)

    def app(self) -> Starlette:
        pages = self._pages()
        routes = [
            *(self._route(*page) for page in (pages.pages if pages else ())),
            *(
                self._route(method, prefix + path, endpoint, path)
                for prefix in ("", PREFIX)
                for method, path, endpoint in (pages.sessions if pages else ())
            ),
        ]
        routes += [
            self._route(method, prefix + path, endpoint, path)
            for prefix in ("", PREFIX)
            for method, path, endpoint in (
                ("POST", "/events/batch", self._batch),
                ("GET", _HEALTH, self._health),
                ("GET", "/ready", self._ready),
                ("GET", "/metrics", self._for_readers(self._page)),
                *self._reads(),
            )
        ]
        app = Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={404: _missing, 405: _method})
        if self._options.cors_origins:
            app.add_middleware(CORSMiddleware, allow_origins=self._options.cors_origins, **_CORS)
        app.add_middleware(Observed, metrics=self._metrics)  # the outermost
        app.router.redirect_slashes = False  # behind a proxy, the address that it would lead to is not ours
        return app

    def _route(
        self, method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]], name: str | None = None
    ) -> Route:
        return Route(path, self._answering(endpoint, name or path), methods=[method])

    def _reads(self) -> Iterator[tuple[str, str, Callable[[Request], Awaitable[Response]]]]:
        """Yield method, path and endpoint of what answers."""
        if self._reading is None:
            return
        for endpoint in self._reading.endpoints:
            for path, form in endpoint.paths().items():
                yield "GET", path, self._for_readers(endpoint.handler(form))
        for group, names in self._reading.names.items():
            yield "GET", f"/{group}/{{name}}", self._for_readers(_unknown(group, names))

    def _for_readers(self, endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            await self._authorise(request, "read")
            return await endpoint(request)

        return answer

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._writer = Writer(self._settings, self._conninfo, self._options.connections)
        self._backlog = Backlog(self._settings, self._writer, pause=1.0)
        self._tokens = Tokens(self._writer)
        self._intake = Intake(self._settings, self._writer, self._backlog, self._options.limits)
        self._backlog.start()
        if self._reading is not None:
            await self._reading.open()
        try:
            yield
        finally:
            if self._reading is not None:
                await self._reading.close()
            await self._backlog.close()
            await self._tokens.close()
            await self._writer.close()

    def _answering(self, endpoint: Callable[[Request], Awaitable[Response]], path: str) -> Callable[[Request], Any]:
        """Return *endpoint* with an answer for each way in which it can fail."""
        route = path.partition(".")[0]  # all forms of an answer are one

        async def answer(request: Request) -> Response:
            request.scope[ROUTE] = route
            try:
                return await (_crowded if over_limit(request.scope) and route != _HEALTH else endpoint)(request)
            except ProblemError as problem:
                return _problem(problem)
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception:
                reference = REQUEST.get()
                logger.exception("request %s failed", reference)
                detail = "The service failed. Its log says more under the reference."
                return _problem(ProblemError(500, "internal", detail, reference=reference))

        return answer

    async def _batch(self, request: Request) -> Response:
        await self._authorise(request, "ingest")
        if self._options.samples:
            raise ProblemError(403, "samples-only", _SAMPLES)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _JSON:
            raise ProblemError(415, "unsupported-media-type", "Send the events as application/json.")
        verdict = await self._intake.take(request.stream(), request.headers.get("content-encoding", ""))
        self._metrics.took(verdict)
        return _json(verdict, 200 if verdict.kept or not verdict.received else 422)

    async def _authorise(self, request: Request, scope: Scope) -> None:
        """Check the token and the rate; who has no valid token is counted by address."""
        if self._options.without_tokens:
            self._count(request)
            return
        await self._check(request, token_of(request, scope), scope)

    def _count(self, request: Request) -> None:
        self._rate.take(_address(request))

    async def _check_reader(self, request: Request, token: str) -> None:
        await self._check(request, token, "read")

    async def _check(self, request: Request, token: str, scope: Scope) -> None:
        address = _address(request)
        try:
            allowed = await self._tokens.allows(token, scope)
            if allowed is not False:
                request.scope[CLIENT] = id_of(token)
            self._rate.take(request.scope.get(CLIENT, address))
        except DatabaseUnavailableError:
            self._rate.take(address)
            detail = "The tokens can't be read: the database is away, or has none (`analytics-server token create`)."
            raise ProblemError(503, "database-unavailable", detail, headers=_RETRY) from None
        if allowed is None:
            detail = f"The token is not for this: it needs the scope {scope}."
            raise ProblemError(403, "wrong-scope", detail)
        if not allowed:
            detail = "Send a valid token: Authorization: Bearer adi_...; `analytics-server token create` makes one."
            headers = {"WWW-Authenticate": 'Bearer realm="adi-analytics"'}
            raise ProblemError(401, "unauthorized", detail, headers=headers)

    async def _health(self, _request: Request) -> Response:
        return _json({"status": "ok"}, 200)

    async def _ready(self, _request: Request) -> Response:
        try:
            await self._writer.ping(_SCRAPE)
        except DatabaseUnavailableError as error:
            detail = f"{error.outage.probe} The service's log says more."
            raise ProblemError(503, "not-ready", detail, headers=_RETRY) from None
        return _json({"status": "ready", "backlog": self._backlog.waiting}, 200)

    async def _page(self, request: Request) -> Response:
        ages: dict[str, float] = {}
        up = False
        try:
            await self._writer.ping(_SCRAPE)
            up = True
            if self._reading is not None:
                ages = await self._reading.ages(_SCRAPE)
        except (DatabaseUnavailableError, ProblemError):
            pass  # the log says so already
        size = await asyncio.to_thread(self._backlog.size)
        body, media = self._metrics.page(request.headers.get("accept", ""), backlog=size, up=up, ages=ages)
        return Response(body, headers={**_SAFE, "Content-Type": media})


def _place(url: str | Callable[[], str] | None) -> str | Callable[[], str]:
    return url if callable(url) else resolve_conninfo(url, clickhouse=True)


async def _crowded(_request: Request) -> Response:
    detail = "There are too many open connections to the service. Wait as Retry-After says."
    raise ProblemError(503, "too-many-connections", detail, headers={"Retry-After": "1"})


def _address(request: Request) -> str:
    return network_of(request.client.host if request.client else None)


def _unknown(group: str, names: list[str]) -> Callable[[Request], Awaitable[Response]]:
    async def unknown(request: Request) -> Response:
        raise missing(group, request.path_params["name"], names)

    return unknown


def _json(value: Any, status: int) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json", headers=_SAFE)


def _problem(problem: ProblemError) -> Response:
    headers = {**_SAFE, **problem.headers}
    body = msgspec.json.encode(problem.document())
    return Response(body, problem.status, media_type="application/problem+json", headers=headers)


_SAFE: Final = {"Cache-Control": "no-store"}


async def _missing(_request: Request, _error: Exception) -> Response:
    listed = f"{PREFIX}/openapi.json lists what answers."
    detail = f"There is nothing at this path. Events go to POST {PREFIX}/events/batch; {listed}"
    return _problem(ProblemError(404, "not-found", detail))


async def _method(_request: Request, error: Any) -> Response:
    detail = "The path exists, but takes another method."
    return _problem(ProblemError(405, "method-not-allowed", detail, headers=dict(error.headers or {})))
