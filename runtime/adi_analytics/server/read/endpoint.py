"""A path that answers: its parameters, its schema, and what a request to it goes through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from adi_analytics.server.problems import ProblemError
from adi_analytics.server.read.answers import MEDIA, TABULAR, Answer, Form, encoded, form_of
from adi_analytics.server.read.parameters import Parameter, read

if TYPE_CHECKING:
    from adi_analytics.query.model.describe import Aggregate

_MANY: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path that answers GET.

    Attributes:
        path: The path, without prefix and extension.
        name: A name for programs: the ``operationId``.
        summary: What it answers, in a line.
        description: More of it.
        parameters: Its parameters, by name.
        schema: The JSON Schema of its JSON.
        answer: Returns the answer to a request with the given values.
        tabular: Whether it also comes as a table: ``.csv``, ``.arrow``, ``.parquet``.
        tag: The group that it belongs to.
        about: The question of the catalog that it asks, if it is one.
    """

    path: str
    name: str
    summary: str
    schema: Mapping[str, Any]
    answer: Callable[[dict[str, Any]], Awaitable[Answer]]
    description: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    tabular: bool = True
    tag: str = "aggregates"
    about: Aggregate | None = None

    def paths(self) -> Mapping[str, Form | None]:
        """Return its paths, each with the form that its extension asks for."""
        paths: dict[str, Form | None] = {self.path: None}
        for form in TABULAR if self.tabular else TABULAR[:1]:
            paths[f"{self.path}.{form}"] = form
        return paths

    def handler(self, form: Form | None) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers requests; *form* if the path says it, else the header ``Accept`` does."""

        async def handle(request: Request) -> Response:
            wanted = form or form_of(request.headers.get("accept", ""), tabular=self.tabular)
            values = read(self.parameters, request.query_params.multi_items())
            answer = await self.answer(values)
            if len(answer.rows) < _MANY:
                return _response(request, answer, wanted)
            return await asyncio.to_thread(_response, request, answer, wanted)  # meanwhile others are answered

        return handle


def _response(request: Request, answer: Answer, form: Form) -> Response:
    body, tag = encoded(answer, form)
    headers = {
        "ETag": tag,
        "Cache-Control": "private, max-age=60" if answer.settled else "private, no-cache",
        "Vary": "Accept, Authorization, Cookie",
    }
    if answer.file and form in TABULAR[1:]:
        headers["Content-Disposition"] = f'inline; filename="{answer.file}.{form}"'
    if answer.next is not None:
        headers["Link"] = f'<?{_next(request, answer.next)}>; rel="next"'
    if tag in (part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=MEDIA["sql" if answer.sql is not None else form])


def _next(request: Request, place: str) -> str:
    """Return the query string of the page that follows: relative, so that it is right behind any proxy."""
    kept = [(name, text) for name, text in request.query_params.multi_items() if name != "after"]
    return urlencode([*kept, ("after", place)])


def missing(group: str, name: str, known: list[str]) -> ProblemError:
    """Return the problem of a path that names nothing that there is."""
    listed = ", ".join(known) or "none"
    return ProblemError(
        404, "not-found", f"There is no such name among the {group}. Known: {listed}.", name=name[:100], known=known
    )
