"""Every stored row decodes, whichever version of the catalog wrote it, and its schema accepts it."""

import dataclasses
import json
import random
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any

import adi_analytics_events as events
import jsonschema_rs
import psycopg
import pytest
from adi_analytics._engine.rows.encode import RowEncoder
from adi_analytics._engine.rows.row import COLUMNS, HEADER, TRAILER
from adi_analytics._engine.rows.stored import stored_decoder_of
from adi_analytics._engine.rows.validate import decoder_of
from adi_analytics._shared.options import Settings
from adi_analytics_codegen.backends import render
from adi_analytics_codegen.check.breaking import compare
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.model.catalog import Catalog
from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.model.findings import has_errors
from adi_analytics_codegen.show.sample import sample
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from support.codegen.catalogs import catalogs
from support.codegen.histories import edits
from support.codegen.packages import package

ID = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"
START = Location("events.yaml", 1, 1)


def loaded(data: dict[str, Any]) -> Catalog | None:
    text = json.dumps(data, ensure_ascii=False).encode()
    return load(Path("events.yaml"), lambda _path: text).catalog


def schema_of(catalog: Catalog, name: str) -> Any:
    return json.loads(render(catalog, ["json_schema"])[f"json_schema/stored/{name}.schema.json"])


def one(version: int = 1, reserved: Any = (), enums: Any = None, **fields: Any) -> Catalog:
    event = {"domain": "web", "description": "x", "version": version, "reserved": list(reserved), "fields": fields}
    base = {"catalog": {"format": 2, "name": "small", "owner": "me"}, "domains": {"web": "The site"}}
    found = loaded({**base, "enums": enums or {}, "events": {"seen": event}})
    assert found is not None
    return found


def rows_of(made: ModuleType, lines: list[Any], key: str = "key") -> list[bytes]:
    """Return the rows of some events as the worker writes them."""
    encoder = RowEncoder(Settings(hash_key=key), decoder_of)
    return [encoder.encode((made.from_json(json.dumps(line)), uuid.uuid4(), 10**18, None)) for line in lines]


def stored(dsn: str, rows: list[bytes]) -> list[tuple[str, str, Any, str]]:
    """Return what psycopg reads of *rows*: event type, data as text and decoded, version."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "create temporary table events (timestamp timestamptz, event_type text, service text, user_id uuid,"
            " data jsonb, event_id uuid, meta jsonb)"
        )
        with connection.cursor().copy(
            f"copy events ({', '.join(COLUMNS)}) from stdin (format binary)".encode()
        ) as copy:
            copy.write(HEADER + b"".join(rows) + TRAILER)
        return connection.execute("select event_type, data::text, data, meta ->> 'version' from events").fetchall()


CASES: dict[str, tuple[Catalog, Any, Catalog]] = {
    "a hash of what had a bound": (
        (bound := one(mail={"type": "string", "max_length": 60, "sensitivity": "personal", "store": "hash"})),
        {"mail": "ada@example.org"},
        bound,
    ),
    "a hash of what had a pattern": (
        (pattern := one(mail={"type": "string", "pattern": "^[a-z]+@x$", "store": "hash"})),
        {"mail": "ada@x"},
        pattern,
    ),
    "a secret": ((secret := one(token={"type": "string", "sensitivity": "secret"})), {"token": "x"}, secret),
    "dropped fields of objects": (
        (
            places := one(
                places={
                    "type": "list",
                    "items": {
                        "type": "object",
                        "fields": {
                            "zip": {"type": "int", "store": "drop"},
                            "name": {"type": "string", "max_length": 3, "store": "hash"},
                        },
                    },
                }
            )
        ),
        {"places": [{"zip": 1, "name": "Ulm"}]},
        places,
    ),
    "fields in maps": (
        (
            parcels := one(
                parcels={
                    "type": "map",
                    "values": {
                        "type": "list",
                        "items": {
                            "type": "object",
                            "fields": {
                                "zip": {"type": "int", "store": "drop"},
                                "name": {"type": "string", "max_length": 3, "store": "hash", "wire": "*"},
                            },
                        },
                    },
                }
            )
        ),
        {"parcels": {"a.b": [{"zip": 1, "*": "Ulm"}], "zip": []}},
        parcels,
    ),
    "what an open object has besides": (
        (
            loose := one(
                context={
                    "type": "map",
                    "values": {
                        "type": "list",
                        "items": {
                            "type": "object",
                            "open": True,
                            "fields": {
                                "zip": {"type": "int", "store": "drop"},
                                "name": {"type": "string", "max_length": 3, "store": "hash"},
                            },
                        },
                    },
                }
            )
        ),
        {"context": {"zip": [{"zip": 1, "name": "Ulm", "more": {"zip": [None, 1.5]}}], "b": [{"zip": 2, "name": "x"}]}},
        loose,
    ),
    "a removed field": (
        one(a={"type": "int"}, o={"type": "object", "fields": {"b": {"type": "int"}, "c": {"type": "int"}}}),
        {"a": 1, "o": {"b": 1, "c": 2}},
        one(reserved=["a", "o.b"], o={"type": "object", "fields": {"c": {"type": "int"}}}),
    ),
    "a required field that is new": (one(), {}, one(version=2, a={"type": "int"})),
    "an optional field made required": (
        one(a={"type": "int", "optional": True}),
        {},
        one(version=2, a={"type": "int"}),
    ),
}


@pytest.mark.parametrize("key", ["key", ""])
@pytest.mark.parametrize("case", CASES)
def test_a_row_decodes_and_is_valid_for_its_schema(case, key, postgres_dsn):
    old, values, new = CASES[case]
    writer, reader = package(old), package(new)
    ((name, text, data, version),) = stored(postgres_dsn, rows_of(writer, [{"type": "seen", **values}], key))
    event = reader.from_stored(data, name, version)
    assert type(event) is reader.Seen
    assert event == reader.from_stored(text, name, version) == reader.from_stored(text.encode(), version=int(version))
    for schema in ("seen", "events"):
        jsonschema_rs.validate(schema_of(new, schema), data)


def test_a_field_has_what_the_row_has():
    made = package(CASES["dropped fields of objects"][0])
    event = made.from_stored({"places": [{"name": "f" * 64}, {"zip": "any"}]}, "seen", 1)
    assert event.places == (
        made.SeenPlaces(zip=None, name="f" * 64),
        made.SeenPlaces(zip=None, name=None),
    )


def test_what_an_open_object_has_besides_is_stored(postgres_dsn):
    catalog, values, _ = CASES["what an open object has besides"]
    made = package(catalog)
    ((name, text, data, version),) = stored(postgres_dsn, rows_of(made, [{"type": "seen", **values}], ""))
    assert data["context"] == {"zip": [{"more": {"zip": [None, 1.5]}}], "b": [{}]}
    event = made.from_stored(text, name, version)
    assert event.context["zip"][0].extra == {"more": {"zip": [None, 1.5]}}
    stored_decoder_of(made.Seen)(text.encode())
    sent = decoder_of(made.Seen)(json.dumps({"type": "seen", **values}).encode())
    assert sent == made.from_dict({"type": "seen", **values})


def test_a_rule_goes_through_a_map():
    made = package(CASES["fields in maps"][0])
    assert made.Seen.STORE == {"parcels.*.zip": "drop", "parcels.*.~2": "hash"}
    event = made.from_stored({"parcels": {"zip": [{"*": "f" * 64, "zip": "any"}, {}]}}, "seen", 1)
    assert event.parcels == {
        "zip": (made.SeenParcels(zip=None, name="f" * 64), made.SeenParcels(zip=None, name=None)),
    }


COMPLETED: dict[str, Any] = {"user_id": ID, "task_id": ID, "duration_ms": 1200, "exit_code": 0}


def test_unknown_fields_are_left_out_and_whole_numbers_may_look_like_floats():
    wanted = events.from_json(json.dumps({"type": "task_completed", **COMPLETED}))
    for data in ({**COMPLETED, "other": 1}, {**COMPLETED, "exit_code": 0.0}, {**COMPLETED, "type": "task_completed"}):
        assert events.from_stored(data, "task_completed", 1) == wanted
        assert events.from_stored(json.dumps(data), "task_completed", "1") == wanted


def test_a_whole_number_may_look_like_a_float_in_free_json_too_and_stays_as_it_is():
    made = package(one(n={"type": "int"}, free={"type": "json"}))
    event = made.from_stored({"n": 1.0, "free": [2.0]}, "seen", 1)
    assert repr(event) == "Seen(n=1, free=[2.0])"


def test_a_row_of_another_version_may_lack_any_field():
    for version in (None, 0, 2, "2"):
        event: Any = events.from_stored({"exit_code": 3}, "task_completed", version)
        assert type(event) is events.TaskCompleted
        assert dataclasses.asdict(event) == {"user_id": None, "task_id": None, "duration_ms": None, "exit_code": 3}


def test_yesterdays_reader_takes_bounds_that_were_loosened():
    event = events.from_stored({**COMPLETED, "duration_ms": -1}, "task_completed", 2)
    assert isinstance(event, events.TaskCompleted)
    assert event.duration_ms == -1


BROKEN: dict[str, tuple[Any, str | None, Any, str | None, str | None]] = {
    "a missing field": ({"user_id": ID, "task_id": ID}, "task_completed", 1, "task_completed", "duration_ms"),
    "a broken bound": ({**COMPLETED, "duration_ms": -1}, "task_completed", 1, "task_completed", "duration_ms"),
    "a broken bound of an old row": ({"duration_ms": -1}, "task_completed", 0, "task_completed", "duration_ms"),
    "a wrong type": ({"duration_ms": "1"}, "task_completed", None, "task_completed", "duration_ms"),
    "another event": ({"type": "task_failed"}, "task_completed", 1, "task_completed", "type"),
    "an unknown event": ({}, "task_done", 1, "task_done", "type"),
    "no event": ({}, None, 1, None, "type"),
    "a list": ([], "task_completed", 1, "task_completed", None),
    "no JSON": ("{", "task_completed", 1, "task_completed", None),
    "what JSON can't hold": ({"a": object()}, "task_completed", 1, "task_completed", None),
    "no version": (COMPLETED, "task_completed", "one", "task_completed", None),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_error_names_event_and_field(case):
    data, event_type, version, event, field = BROKEN[case]
    with pytest.raises(events.EventDecodeError) as caught:
        events.from_stored(data, event_type, version)
    assert (caught.value.event, caught.value.field) == (event, field)


@st.composite
def histories(draw: Any) -> list[Catalog]:
    """Return the versions of a catalog, each made by edits that `breaking` accepts."""
    data = {**draw(catalogs()), "aggregates": {}}
    for event in data["events"].values():
        if event["status"] == "draft":  # which promises nothing
            event["status"] = "stable"
    first = loaded(data)
    assume(first is not None)
    assert first is not None
    steps = [first]
    for _ in range(draw(st.integers(1, 3))):
        step = steps[-1]
        for _ in range(draw(st.integers(2, 8))):
            edited = draw(edits(data))
            found = loaded(edited)
            if found is not None and not has_errors(compare(step, found, START)):
                data, step = edited, found
        steps.append(step)
    return steps


# Shrinking a history takes longer than a test may.
@given(histories(), st.integers(), st.sampled_from(["key", ""]))
@settings(
    max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate)
)
def test_the_newest_reader_reads_every_row_that_legal_histories_leave(postgres_dsn, steps, seed, key):
    rng, rows = random.Random(seed), []
    for step in steps:
        made = package(step)
        rows += rows_of(made, [sample(step, event, rng) for event in step.events for _ in range(2)], key)
    newest = package(steps[-1])
    files = render(steps[-1], ["json_schema"])
    accepts = {
        path.split("/")[-1]: jsonschema_rs.validator_for(json.loads(text))
        for path, text in files.items()
        if path.startswith("json_schema/stored/")
    }
    for name, text, data, version in stored(postgres_dsn, rows):
        event = newest.from_stored(data, name, version)
        assert type(event) is newest.EVENTS[name]
        assert event == newest.from_stored(text, name, version)
        for field, sent in zip(type(event).__struct_fields__, type(event).__struct_encode_fields__, strict=True):
            if sent in data and event.STORE.get(sent.replace("~", "~0").replace(".", "~1")) != "drop":
                assert (getattr(event, field) is None) == (data[sent] is None)
        accepts[f"{next(one.name for one in steps[-1].events if one.type == name)}.schema.json"].validate(data)
        accepts["events.schema.json"].validate(data)
