"""Marks answers whose events are made up, in each form: nobody shall take them for real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adi_analytics.server.read.answers import Answer
    from adi_analytics.server.read.endpoint import Endpoint

COLUMN: Final = "sample_data"
"""The column of tables, and the member of JSON; true everywhere."""
TITLE: Final = "Sample data: "
_TITLED: Final = "dashboard"
_SQL: Final = "-- The events that this reads are made up: sample data.\n"


def marked(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that answers as *endpoint* does, with the mark."""

    async def answer(values: dict[str, Any]) -> Answer:
        found = _marked(await endpoint.answer(values), titled=endpoint.name == _TITLED)
        return replace(found, file=f"sample-{endpoint.path.rpartition('/')[2]}")

    return replace(endpoint, answer=answer, schema=_schema(endpoint.schema))


def _marked(answer: Answer, *, titled: bool) -> Answer:
    value = answer.value
    if titled:
        value = {**value, "title": f"{TITLE}{value['title']}"}
    return replace(
        answer,
        value=[_with_mark(row) for row in value] if isinstance(value, list | tuple) else _with_mark(value),
        columns=(*answer.columns, COLUMN),
        rows=[(*row, True) for row in answer.rows],
        frame=None if answer.frame is None else _frame(answer.frame),
        sql=None if answer.sql is None else f"{_SQL}{answer.sql}",
    )


def _with_mark(value: Any) -> Any:
    return {**value, COLUMN: True} if isinstance(value, dict) else value


def _frame(frame: Callable[[], Any]) -> Callable[[], Any]:
    def made() -> Any:
        table = frame()
        return table.append_column(COLUMN, [[True] * table.num_rows])

    return made


def _schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if schema.get("type") == "array" and "items" in schema:
        return {**schema, "items": _schema(schema["items"])}
    if "properties" not in schema:
        return schema
    return {**schema, "properties": {**schema["properties"], COLUMN: {"const": True}}}
