"""The three tools: what there is, what one of it is, and its answer. All follow the rules of the answers over HTTP."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from adi_analytics.server.mcp.arguments import schema_for, unknown, values_of
from adi_analytics.server.mcp.questions import described, listed, questions_of
from adi_analytics.server.problems import ProblemError
from adi_analytics.server.read import schemas
from adi_analytics.server.read.answers import encoded

if TYPE_CHECKING:
    from adi_analytics.server.read.endpoint import Endpoint
    from adi_analytics.server.read.reading import Reading

logger = logging.getLogger("adi_analytics.server")

_LIST: Final = "Names everything that can be asked: aggregates, funnels, retentions, and the members of entities."
_DESCRIBE: Final = (
    "Tells all about one name of `list`: what each measure counts, its unit and how exact it is; the dimensions and "
    "the values that the catalog allows for them; the events that it is made from; and the exact arguments of `query`."
)
_QUERY: Final = (
    "Answers a question: rows by bucket of time, with totals, how far each row can be trusted (`states`, `columns`), "
    "and `warnings` to pass on. Call `describe` first to know what a name takes. A refused question says what to ask "
    "instead. Without `limit` an answer with too many rows is refused; `next` is the `after` of the next page."
)
INSTRUCTIONS: Final = (
    "Product analytics of the catalog {catalog}, read only. Call `list`, then `describe` a name, then `query` it. "
    "Numbers of a bucket that is not over yet are provisional."
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what clients see of it, and what it does with arguments."""

    description: str
    schema: Mapping[str, Any]
    call: Callable[[Mapping[str, Any]], Awaitable[str]]


class Tools:
    """The tools of a catalog, by name.

    Args:
        reading: What answers; it must be open while a tool is called.
    """

    def __init__(self, reading: Reading) -> None:
        self._questions = questions_of(reading.endpoints)
        self._events = reading.events
        name = {"type": "string", "enum": list(self._questions), "description": "A name of `list`."}
        self.tools: Mapping[str, Tool] = {
            "list": Tool(_LIST, schemas.record({}), self._list),
            "describe": Tool(_DESCRIBE, schemas.record({"name": name}), self._describe),
            "query": Tool(_QUERY, schema_for(self._questions), self._query),
        }

    async def call(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """Return the text that the tool called *name* answers, and whether it is a problem document."""
        tool = self.tools.get(name)
        if tool is None:
            return _json(unknown("tool", name, list(self.tools)).document()), True
        try:
            return await tool.call(arguments), False
        except ProblemError as problem:
            return _json(problem.document()), True
        except Exception:
            reference = secrets.token_hex(8)
            logger.exception("call %s failed", reference)
            detail = "The server failed. Its log says more under the reference."
            return _json(ProblemError(500, "internal", detail, reference=reference).document()), True

    async def _list(self, arguments: Mapping[str, Any]) -> str:
        if arguments:
            raise unknown("argument", next(iter(arguments)), [])
        return _json(listed(self._questions))

    async def _describe(self, arguments: Mapping[str, Any]) -> str:
        name, endpoint, rest = self._asked(arguments)
        if rest:
            raise unknown("argument", next(iter(rest)), ["name"])
        return _json(described(name, endpoint, self._events))

    async def _query(self, arguments: Mapping[str, Any]) -> str:
        _, endpoint, rest = self._asked(arguments)
        answer = await endpoint.answer(values_of(endpoint, rest))
        return encoded(answer, "json")[0].decode()

    def _asked(self, arguments: Mapping[str, Any]) -> tuple[str, Endpoint, dict[str, Any]]:
        """Return the name of a question, what answers it, and the other arguments."""
        rest = dict(arguments)
        known = list(self._questions)
        name = rest.pop("name", None)
        if name is None:
            detail = f"name: it is missing. Expected a name of `list`, such as {json.dumps(known[:1])[1:-1]}."
            raise ProblemError(400, "wrong-argument", detail, parameter="name", known=known)
        if not isinstance(name, str) or name not in self._questions:
            raise unknown("name", name, known)
        return name, self._questions[name], rest


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
