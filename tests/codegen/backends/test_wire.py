"""Names on the wire: JSON, rows and errors have them, and code has identifiers."""

import copy
import dataclasses
import json
import pickle
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from adi_analytics._engine.rows.encode import EncodeFault, RowEncoder
from adi_analytics._engine.rows.row import Row
from adi_analytics._engine.rows.stored import stored_decoder_of
from adi_analytics._engine.rows.validate import InvalidValueError, decoder_of
from adi_analytics._shared.options import Settings
from adi_analytics_codegen.backends import render
from adi_analytics_codegen.backends.sql.files import sql_of
from adi_analytics_codegen.backends.sql.manifest.document import manifest
from adi_analytics_codegen.check.breaking import compare
from adi_analytics_codegen.check.catalog import load, load_catalog
from adi_analytics_codegen.model.catalog import Catalog
from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.show.explain import explain
from pydantic import BaseModel, ValidationError, create_model
from support.codegen.packages import package
from support.codegen.projects import minimal

ID = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"
START = Location("events.yaml", 1, 1)
EVENT: dict[str, Any] = {
    "domain": "web",
    "description": "An order was completed.",
    "wire": "Order Completed",
    "columns": {"user_id": "user_id"},
    "fields": {
        "user_id": {"type": "uuid", "wire": "$user id"},
        "mail": {"type": "string", "wire": "e-mail.address", "store": "hash"},
        "total": {"type": "int", "wire": "orderTotal", "min": 0},
        "lines": {
            "type": "list",
            "wire": "line items",
            "items": {
                "type": "object",
                "fields": {
                    "product_id": {"type": "string", "wire": "productId"},
                    "note": {"type": "string", "wire": "it's.~", "optional": True, "store": "drop"},
                },
            },
        },
        "place": {"type": "object", "optional": True, "fields": {"city": {"type": "string", "wire": "the.city"}}},
    },
}
SENT: dict[str, Any] = {
    "type": "Order Completed",
    "$user id": ID,
    "e-mail.address": "a@shop.example",
    "orderTotal": 12,
    "line items": [{"productId": "p1", "it's.~": "soon"}],
    "place": {"the.city": "Bonn"},
}
AGGREGATE = {
    "description": "Orders",
    "from": ["order_completed"],
    "bucket": {"as": "day", "width": "1 day"},
    "dimensions": {"city": "place.city"},
    "measures": {"all": {"count": True}, "worth": {"sum": "total", "where": {"event": "order_completed", "total": 12}}},
    "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
}


def catalog_of(event: dict[str, Any], name: str = "order_completed", **sections: Any) -> Catalog:
    head = {"format": 2, "name": "small", "owner": "me"}
    text = minimal(catalog=head, events={name: event}, **sections).encode()
    found = load(Path("events.yaml"), lambda _path: text)
    assert found.catalog, found.findings
    return found.catalog


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return catalog_of(EVENT, aggregates={"orders_daily": AGGREGATE})


@pytest.fixture(scope="module")
def made(catalog: Catalog) -> ModuleType:
    return package(catalog)


@pytest.fixture
def event(made: ModuleType) -> Any:
    return made.from_json(json.dumps(SENT))


def test_json_has_the_names_on_the_wire_and_python_its_own(made: ModuleType, event: Any) -> None:
    assert (event.EVENT_TYPE, event.total, event.lines[0].product_id, event.place.city) == (
        "Order Completed", 12, "p1", "Bonn",
    )  # fmt: skip
    assert made.to_dict(event) == SENT
    assert json.loads(made.to_json(event)) == SENT
    assert made.from_dict(SENT) == event
    assert made.from_dict(made.to_dict(event)) == event
    assert list(made.EVENTS) == list(made.DECODERS) == ["Order Completed"]


def test_events_are_dataclasses_as_ever(event: Any) -> None:
    names = [field.name for field in dataclasses.fields(event)]
    assert names == ["user_id", "mail", "total", "lines", "place"]
    assert dataclasses.replace(event, total=13).total == 13
    assert dataclasses.asdict(event)["lines"][0]["product_id"] == "p1"
    assert copy.deepcopy(event) == event
    assert pickle.dumps(event.__class__.__name__)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"orderTotal": -1}, "orderTotal"),
        ({"total": 1}, "total"),
        ({"line items": [{}]}, "line items[0].productId"),
        ({"place": {"the.city": 1}}, "place.the.city"),
        ({"e-mail.address": "\0"}, "e-mail.address"),
        ({"a`b": 1}, "a`b"),
    ],
)
def test_an_error_names_the_key(made: ModuleType, change: dict[str, Any], field: str) -> None:
    with pytest.raises(made.EventDecodeError) as caught:
        made.from_json(json.dumps(SENT | change))
    assert (caught.value.event, caught.value.field) == ("Order Completed", field)


def test_a_whole_number_may_be_written_as_a_float(made: ModuleType) -> None:
    assert made.from_json(json.dumps(SENT | {"orderTotal": 12.0})).total == 12


def test_field_info_is_by_attributes_and_tells_the_key(made: ModuleType, event: Any) -> None:
    from importlib import import_module

    info = import_module(f"{made.__name__}._info").field_info(event)
    assert {path: one.wire for path, one in info.items()} == {
        "user_id": "$user id", "mail": "e-mail.address", "total": "orderTotal", "lines": "line items",
        "lines.product_id": "productId", "lines.note": "it's.~", "place": None, "place.city": "the.city",
    }  # fmt: skip


def test_pydantic_takes_the_keys(made: ModuleType) -> None:
    model: type[BaseModel] = create_model("Body", event=(made.OrderCompleted, ...))
    body = model(event=SENT)
    assert json.loads(body.model_dump_json())["event"] == SENT
    with pytest.raises(ValidationError) as caught:
        model(event=SENT | {"place": {"the.city": 1}, "line items": []})
    assert caught.value.errors()[0]["loc"] == ("event", "place", "the.city")
    properties = model.model_json_schema()["properties"]["event"]["properties"]
    assert set(properties) == set(SENT)


def encoder(key: str = "key") -> RowEncoder:
    return RowEncoder(Settings(hash_key=key), decoder_of)


@pytest.mark.parametrize("key", ["key", ""])
def test_a_row_is_stored_and_read_back(postgres_dsn: str, made: ModuleType, event: Any, key: str) -> None:
    row = Row.from_copy(encoder(key).encode((event, uuid.uuid4(), 10**18, None)))
    assert (row.event_type, row.user_id, row.data["orderTotal"]) == ("Order Completed", ID, 12)
    assert row.data["line items"] == [{"productId": "p1"}]
    assert ("e-mail.address" in row.data) == bool(key)
    assert "a@shop.example" not in json.dumps(row.data)
    with psycopg.connect(postgres_dsn) as connection:
        ((data, text),) = connection.execute("select %s::jsonb, %s::jsonb::text", [row.payload()] * 2).fetchall()
    assert json.loads(text) == data
    back = made.from_stored(data["data"], data["event_type"], 1)
    assert (back.total, back.mail, back.lines[0].note) == (12, row.data.get("e-mail.address"), None)
    stored_decoder_of(made.OrderCompleted)(json.dumps(row.data).encode())


def test_a_faulty_event_is_kept_by_its_keys_and_without_what_is_not_stored(made: ModuleType, event: Any) -> None:
    wrong = dataclasses.replace(event, total="many")
    with pytest.raises(EncodeFault) as caught:
        encoder().encode((wrong, uuid.uuid4(), 10**18, None))
    assert "`$.orderTotal`" in caught.value.message
    assert set(caught.value.row.data) == set(SENT)
    assert list(caught.value.row.data["line items"]) == [{"productId": "p1"}]
    assert "a@shop.example" not in json.dumps(caught.value.row.data)
    place = event.place.__class__(city=5)
    with pytest.raises(EncodeFault) as caught:
        encoder().encode((dataclasses.replace(event, place=place), uuid.uuid4(), 10**18, None))
    assert caught.value.message.endswith("`$.place.the.city`")


def test_an_unknown_key_is_not_quoted_by_the_worker(made: ModuleType) -> None:
    check = decoder_of(made.OrderCompleted)
    with pytest.raises(InvalidValueError) as caught:
        check(json.dumps(SENT | {"secret` - at `$.place": 1}).encode())
    assert "secret" not in str(caught.value)


def test_aggregates_read_the_keys(catalog: Catalog) -> None:
    text = sql_of(catalog, "orders_daily", "postgres")
    assert "event_type in ('Order Completed')" in text
    assert "data -> 'place' ->> 'the.city'" in text
    assert "data -> 'orderTotal'" in text
    (aggregate,) = manifest(catalog)["aggregates"]
    assert aggregate["sources"] == ["Order Completed"]


def test_only_what_rows_have_counts_for_the_rows_of_an_aggregate(catalog: Catalog) -> None:
    other = copy.deepcopy(EVENT)
    other["fields"] = {("worth" if name == "total" else name): one for name, one in other["fields"].items()}
    aggregate = json.loads(json.dumps(AGGREGATE).replace('"total"', '"worth"').replace("order_completed", "order_done"))
    renamed = catalog_of(other, "order_done", aggregates={"orders_daily": aggregate})
    rows = [manifest(one)["aggregates"][0]["fingerprint"] for one in (catalog, renamed)]
    assert rows[0] == rows[1]
    assert {finding.rule for finding in compare(catalog, renamed, START)} == {"attribute-renamed", "class-renamed"}
    rewired = copy.deepcopy(EVENT)
    rewired["fields"]["total"]["wire"] = "total"
    rewired_catalog = catalog_of(rewired, aggregates={"orders_daily": AGGREGATE})
    assert manifest(rewired_catalog)["aggregates"][0]["fingerprint"] != rows[0]
    found = {finding.rule for finding in compare(catalog, rewired_catalog, START)}
    assert {"field-removed-read", "aggregate-expression-changed"} <= found


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda event: event.update(wire="Order Done"), "event-renamed"),
        (lambda event: event.pop("wire"), "event-renamed"),
        (lambda event: event["fields"]["mail"].update(wire="mail"), "field-renamed"),
        (lambda event: event["fields"]["place"]["fields"]["city"].pop("wire"), "field-renamed"),
    ],
)
def test_another_name_on_the_wire_breaks_rows_and_senders(change: Any, rule: str) -> None:
    other = copy.deepcopy(EVENT)
    change(other)
    found = {finding.rule: finding for finding in compare(catalog_of(EVENT), catalog_of(other), START)}
    assert rule in found
    assert "keep the wire name" in found[rule].fix


def test_a_removed_key_is_reserved_by_its_path() -> None:
    other = copy.deepcopy(EVENT)
    del other["fields"]["place"]["fields"]["city"]
    other["fields"]["place"]["fields"]["zip"] = {"type": "string", "optional": True, "wire": "zip"}
    (found,) = compare(catalog_of(EVENT), catalog_of(other), START)
    assert (found.rule, found.fix) == ("field-removed", "add place.the~1city to the event's reserved names")
    other["reserved"] = ["place.the~1city"]
    assert compare(catalog_of(EVENT), catalog_of(other), START) == []


def test_explain_and_typescript_have_the_keys(catalog: Catalog) -> None:
    facts = explain(catalog, "order_completed")
    assert facts is not None
    assert facts["in_json"] == "Order Completed"
    assert "In JSON: orderTotal." in facts["fields"]["total"]
    assert facts["sql"].endswith("where event_type = 'Order Completed'")
    text = render(catalog, ["typescript"])["typescript/events.ts"]
    assert 'readonly type: "Order Completed";' in text
    assert 'readonly "the.city": string;' in text
    assert "readonly orderTotal: number;" in text


def test_a_catalog_without_names_on_the_wire_says_nothing_of_them() -> None:
    from support.paths import EVENTS

    python = render(load_catalog(EVENTS), ["python"])
    assert not [path for path, text in python.items() if "WIRE_NAMES" in text and not path.endswith("_dataclass.py")]


def daily(**keys: Any) -> dict[str, Any]:
    bucket, refresh = {"as": "day", "width": "1 day"}, {"every": "1 hour", "window": "3 days", "lag": "1 hour"}
    return {"description": "Pages.", "from": ["page_view"], "bucket": bucket, "refresh": refresh, **keys}


def sql_for(path: Path, fields: dict[str, Any], **keys: Any) -> str:
    events = {"page_view": {"domain": "web", "description": "x", "fields": fields}}
    head = {"format": 2, "name": "small", "owner": "me"}
    path.write_text(minimal(catalog=head, events=events, aggregates={"pages": daily(**keys)}))
    return sql_of(load_catalog(path), "pages", "postgres")


def test_a_key_that_is_a_reference_elsewhere_is_read_from_the_event(tmp_path: Path) -> None:
    keys = ("$user_id", "$service", "$environment", "event")
    fields = {f"f{number}": {"type": "string", "wire": key} for number, key in enumerate(keys)}
    text = sql_for(
        tmp_path / "events.yaml",
        fields,
        dimensions={"own": "f0", "who": "$user_id"},
        measures={"n": {"count": True, "where": {"f1": "a", "f2": "b", "f3": "c", "event": "page_view"}}},
    )
    assert all(f"data ->> '{key}'" in text for key in keys)
    assert 'user_id as "who"' in text
    assert "event_type in ('page_view')" in text


def test_a_key_that_is_a_star_is_no_item_of_a_list(tmp_path: Path) -> None:
    star = {"type": "string", "wire": "*"}
    fields = {"star": star, "lines": {"type": "list", "wire": "*", "items": {"type": "object", "fields": {"n": star}}}}
    plain = sql_for(tmp_path / "a.yaml", {"star": star}, measures={"n": {"first": "star"}})
    items = sql_for(tmp_path / "b.yaml", {"lines": fields["lines"]}, each="lines", measures={"n": {"first": "lines.n"}})
    assert "data ->> '*'" in plain
    assert "_item" not in plain
    assert "_item ->> '*'" in items
    assert "data -> '*'" in items
