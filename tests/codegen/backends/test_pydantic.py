"""Generated classes as fields of pydantic models and as bodies of FastAPI; events as dicts; fields at run time."""

import asyncio
import dataclasses
import json
import subprocess
import sys
from typing import Annotated, Any
from uuid import UUID

import adi_analytics_events as events
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError
from support.codegen.projects import minimal, run_python
from support.paths import FIXTURES, ROOT

EVERYTHING = FIXTURES / "golden" / "everything" / "python"
USER = UUID("0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01")
COMPLETED = events.TaskCompleted(user_id=USER, task_id=USER, duration_ms=1200, exit_code=0)
DATA: dict[str, Any] = {
    "type": "task_completed",
    "user_id": str(USER),
    "task_id": str(USER),
    "duration_ms": 1200,
    "exit_code": 0,
}


FAILED = {"type": "task_failed", "user_id": str(USER), "task_id": str(USER)}


class Report(BaseModel):
    """A model with an event in it."""

    event: events.TaskCompleted
    others: list[events.TaskFailed | events.TaskCancelled] = []


def test_a_model_takes_instances_and_data():
    assert Report(event=COMPLETED).event is COMPLETED
    untyped = {key: value for key, value in DATA.items() if key != "type"}
    for data in (DATA, untyped, DATA | {"user_id": USER}, DATA | {"exit_code": 0.0}):
        assert Report.model_validate({"event": data}).event == COMPLETED
    assert Report.model_validate_json(json.dumps({"event": DATA})).event == COMPLETED


def test_a_model_writes_what_it_reads():
    report = Report(event=COMPLETED, others=[events.TaskFailed(user_id=USER, task_id=USER, error="x")])
    assert report.model_dump()["event"] == DATA | {"user_id": USER, "task_id": USER}
    assert report.model_dump(mode="json")["event"] == DATA
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert Report.model_validate(report.model_dump()) == report


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "a missing field": ({"exit_code": ...}, ("event", "exit_code"), "missing"),
    "an unknown field": ({"other": 1}, ("event", "other"), "extra_forbidden"),
    "a wrong type": ({"exit_code": "0"}, ("event", "exit_code"), "event_field"),
    "a broken bound": ({"duration_ms": -1}, ("event", "duration_ms"), "event_field"),
    "another event": ({"type": "task_failed"}, ("event", "type"), "event_field"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_of_a_model_has_the_path_of_the_field(case):
    change, place, kind = WRONG[case]
    data = {key: value for key, value in (DATA | change).items() if value is not ...}
    with pytest.raises(ValidationError) as caught:
        Report.model_validate({"event": data})
    (error,) = caught.value.errors()
    assert (error["loc"], error["type"]) == (place, kind)


def test_what_postgresql_cannot_store_is_an_error_of_the_model():
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(events.TaskFailed).validate_python({**FAILED, "error": "a\0b"})
    assert caught.value.errors()[0]["loc"] == ("error",)


@pytest.mark.parametrize("value", [None, "x", "{}", 5, [], object(), b"{}"])
def test_what_is_no_event_is_an_error_of_the_model(value):
    with pytest.raises(ValidationError) as caught:
        Report.model_validate({"event": value})
    assert caught.value.errors()[0]["loc"] == ("event",)


def test_the_json_schema_of_a_model_tells_what_the_catalog_does():
    schema = TypeAdapter(events.TaskCompleted).json_schema()
    assert schema["properties"]["duration_ms"] == {
        "type": "integer",
        "minimum": 0,
        "description": "Time from start to end",
    }
    assert "$ref" not in json.dumps(schema)
    assert schema["additionalProperties"] is False
    assert schema["description"] == "A task ended with an exit code.\n\nOwner: platform@adi.example."


AnyBody = Annotated[events.AnyEvent, BeforeValidator(events.from_dict)]


async def call(app: FastAPI, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Return the status and the body of the answer to one request, without a server."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": HEADERS}
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


HEADERS = [(b"content-type", b"application/json")]


@pytest.fixture(scope="module")
def app():
    """An application whose bodies are events."""
    made = FastAPI()

    @made.post("/completed")
    def completed(event: events.TaskCompleted) -> events.TaskCompleted:
        return event

    @made.post("/any")
    def any_event(event: AnyBody) -> str:
        return event.EVENT_TYPE

    return made


def test_fastapi_takes_an_event_as_body_and_as_response(app):
    assert asyncio.run(call(app, "POST", "/completed", DATA)) == (200, DATA)
    status, body = asyncio.run(call(app, "POST", "/completed", DATA | {"duration_ms": "x"}))
    assert (status, body["detail"][0]["loc"]) == (422, ["body", "duration_ms"])
    status, described = asyncio.run(call(app, "GET", "/openapi.json"))
    assert status == 200
    assert "duration_ms" in json.dumps(described["paths"]["/completed"])


def test_fastapi_takes_any_event_as_body(app):
    assert asyncio.run(call(app, "POST", "/any", DATA)) == (200, "task_completed")
    status, body = asyncio.run(call(app, "POST", "/any", DATA | {"duration_ms": "x"}))
    assert status == 422
    assert "event task_completed, field duration_ms" in body["detail"][0]["msg"]


def test_objects_and_lists_have_paths_and_schemas():
    code = """
import json, shop_events as shop
from pydantic import BaseModel, ValidationError
class Order(BaseModel):
    order: shop.OrderPlaced
    line: shop.OrderPlacedLines | None = None
line = {"article": "book", "count": 2}
good = {"visitor_id": "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01", "service": "web", "total": 9.5, "lines": [line]}
order = Order(order=good, line=line)
assert order.order.lines == (order.line,)
assert Order.model_validate_json(order.model_dump_json()) == order
try:
    Order(order=good | {"lines": [line, line | {"count": 0}]})
except ValidationError as error:
    assert error.errors()[0]["loc"] == ("order", "lines", 1, "count"), error.errors()
    assert error.errors()[0]["input"] == 0
else:
    raise AssertionError
assert "$ref" not in json.dumps(Order.model_json_schema()["properties"]["order"])
"""
    run_python(code, EVERYTHING)


def test_pydantic_is_not_imported_by_the_package():
    code = "import sys, adi_analytics_events; assert not {'pydantic', 'pydantic_core'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "generated" / "python")


def test_a_dict_is_as_good_as_json():
    assert events.to_dict(COMPLETED) == DATA
    assert events.from_dict(DATA) == COMPLETED
    assert events.from_dict(DATA | {"task_id": USER}) == COMPLETED
    for broken, event, field in (
        (DATA | {"other": 1}, "task_completed", "other"),
        (DATA | {"exit_code": float("nan")}, "task_completed", "exit_code"),
        (DATA | {"exit_code": object()}, None, None),
        ({}, None, "type"),
    ):
        with pytest.raises(events.EventDecodeError) as caught:
            events.from_dict(broken)
        assert (caught.value.event, caught.value.field) == (event, field)


def test_a_list_is_taken_for_a_tuple():
    code = """
import dataclasses, shop_events as shop
from uuid import UUID
line = shop.OrderPlacedLines(article="book", count=2)
order = shop.OrderPlaced(visitor_id=UUID(int=1), service="web", total=9.5, lines=[line, line])
assert order.lines == (line, line)
assert hash(order) == hash(dataclasses.replace(order, lines=[line, line]))
assert shop.from_dict(shop.to_dict(order)) == order
"""
    run_python(code, EVERYTHING)


def test_lists_in_lists_are_taken_and_json_stays_as_it_is(project):
    inner = {"type": "list", "items": {"type": "int"}, "max_items": 2}
    fields = {
        "grid": {"type": "list", "items": inner, "min_items": 1, "optional": True},
        "free": {"type": "list", "items": {"type": "json"}},
    }
    project.write(minimal(events={"seen": {"domain": "web", "description": "x", "fields": fields}}))
    assert project.run("generate") == 0
    code = """
import small_events as events
for grid in ([[1, 2], [3]], ([1, 2], [3]), ((1, 2), (3,))):
    seen = events.Seen(grid=grid, free=[[1], {"a": [2]}])
    assert seen.grid == ((1, 2), (3,)), seen
    assert seen.free == ([1], {"a": [2]}), seen
    assert events.from_json(events.to_json(seen)) == seen
assert events.Seen(free=()).grid is None
"""
    project.python(code)


def test_fields_can_be_looked_up_at_run_time():
    infos = events.field_info(events.TaskCompleted)
    assert list(infos) == [field.name for field in dataclasses.fields(COMPLETED)]
    assert infos["duration_ms"] == events.FieldInfo(description="Time from start to end", unit="ms")
    assert events.field_info(COMPLETED)["user_id"].sensitivity == "pseudonymous"
    assert events.field_info(events.OAuthFlowStarted)["state"].store == "drop"
    assert all(events.field_info(cls) is not None for cls in events.EVENTS.values())
    code = """
import sys, shop_events as shop
assert "shop_events._fields" not in sys.modules
assert shop.field_info(shop.PageView)["place.city"].store == "drop"
"""
    run_python(code, EVERYTHING)
