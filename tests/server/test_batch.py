"""``POST /events/batch``: the predecessor's body and ours, a verdict for each event, and nothing stored twice."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from adi_analytics.server import Limits
from hypothesis import given, settings
from hypothesis import strategies as st
from support.serving import PATH, USER, item, rows, send, served, task

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("path", [PATH, "/events/batch"])
def test_the_predecessors_body_is_stored(serving, migrated_dsn, path):
    event = task()
    answer = send(serving, [item(event, hostname="web-1", environment="staging")], path)
    assert (answer.status_code, answer.json()) == (
        200,
        {"received": 1, "stored": 1, "duplicates": 0, "spooled": 0, "skipped": 0, "rejected": []},
    )
    ((at, kind, user, data, meta),) = rows(migrated_dsn, '"timestamp", event_type, user_id, data, meta')
    assert at == datetime(2026, 11, 1, 11, 0, 0, 500_000, UTC)
    assert (kind, str(user), data) == ("task_created", USER, event)
    assert (meta["hostname"], meta["environment"]) == ("web-1", "staging")


def test_ids_and_contexts_are_kept(serving, migrated_dsn):
    mine = str(uuid.uuid4())
    answer = send(serving, [item(event_id=mine, service="cli", context={"request": "r1"})])
    assert answer.json()["stored"] == 1
    ((stored, service, meta),) = rows(migrated_dsn, "event_id, service, meta")
    assert (str(stored), service, meta["context"]) == (mine, "cli", {"request": "r1"})


def test_a_retry_stores_nothing_twice(serving, migrated_dsn):
    body = [item(), item(), item(event_id=str(uuid.uuid4()))]
    assert send(serving, body).json()["stored"] == 3
    shuffled = [{name: one[name] for name in reversed(list(one))} for one in reversed(body)]
    again = send(serving, [*shuffled, item()])
    assert (again.status_code, again.json()["stored"], again.json()["duplicates"]) == (200, 1, 3)
    assert send(serving, [body[0]]).status_code == 200
    assert len(rows(migrated_dsn)) == 4


def test_one_bad_event_does_not_refuse_the_others(serving, migrated_dsn):
    bad = [
        item(task(user_id="nobody")),
        item({"type": "no_such_event"}),
        item({"kind": "x"}),
        {"event": task()},
        {"timestamp": "yesterday", "event": task()},
        {"timestamp": "2026-11-01T12:00:00", "event": task()},
        item(extra=1),
        item(task(command="a\0b")),
        item(task(colour="red")),
        "text",
        item(hostname="a\0b"),
    ]
    answer = send(serving, [item(), *bad, item()])
    verdict = answer.json()
    assert (answer.status_code, verdict["received"], verdict["stored"]) == (200, 13, 2)
    assert [(one["index"], one["code"], one["path"]) for one in verdict["rejected"]] == [
        (1, "invalid_event", "$.event.user_id"),
        (2, "unknown_type", "$.event.type"),
        (3, "invalid_item", "$.event.type"),
        (4, "invalid_item", "$"),
        (5, "invalid_item", "$.timestamp"),
        (6, "invalid_item", "$.timestamp"),
        (7, "invalid_item", "$"),
        (8, "invalid_event", "$.event.command"),
        (9, "invalid_event", "$.event"),
        (10, "invalid_item", "$"),
        (11, "invalid_item", "$.hostname"),
    ]
    assert "nobody" not in answer.text
    assert len(rows(migrated_dsn)) == 2


def test_an_event_that_python_can_not_hold_does_not_refuse_the_others(serving, migrated_dsn):
    """Numbers of very many digits, and times that have no year in UTC."""
    many = json.dumps(item(task(command="@"))).replace('"@"', "1" * 5000)
    far = [json.dumps(item() | {"timestamp": at}) for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")]
    far.append(json.dumps(item(event_id=str(uuid.uuid4())) | {"timestamp": "9999-12-31T23:59:59-14:00"}))
    body = f"[{json.dumps(item())},{many},{','.join(far)}]"
    verdict = send(serving, body.encode()).json()
    assert (verdict["stored"], [(one["code"], one["path"]) for one in verdict["rejected"]]) == (
        1, [("invalid_event", "$.event"), *[("invalid_item", "$.timestamp")] * 3]
    )  # fmt: skip
    assert len(rows(migrated_dsn)) == 1


def test_an_event_that_is_no_json_does_not_refuse_the_others(serving, migrated_dsn):
    """Half of a surrogate pair, another encoding, numbers no parser takes, and brackets without end."""
    plain = json.dumps(item(task(command="@"))).encode()
    bad = [plain.replace(b"@", text) for text in (rb"\ud83d", rb"\udc00x", rb"\\\ud800", b"\xff", rb"\q", b"\x01")]
    bad += [plain.replace(b'"@"', text) for text in (b"01", b"NaN", b"[" * 5000 + b"]" * 5000, b"{1: 2}")]
    bad.append(plain.replace(b'"command"', rb'"\ud800"'))
    good = [plain.replace(b"@", text) for text in (rb"\ud83d\ude00, ]}", rb"\\ud800", rb"\"[{,")]
    verdict = send(serving, b"[" + b", ".join([good[0], *bad, *good[1:]]) + b"]\n").json()
    assert (verdict["received"], verdict["stored"]) == (14, 3)
    found = [(one["index"], one["code"], one["path"], one["message"][:10]) for one in verdict["rejected"]]
    expected = [(index, "invalid_item", "$", "Is no JSON") for index in range(1, 12)]
    expected[3] = (4, "invalid_event", "$.event", "Is not in ")
    expected[8] = (9, "invalid_item", "$", "Is nested ")
    assert found == expected
    assert sorted(data["command"] for (data,) in rows(migrated_dsn, "data")) == ['"[{,', "\\ud800", "\U0001f600, ]}"]


def test_what_json_allows_and_no_row_holds_is_rejected_alone(serving, migrated_dsn):
    """A number beyond all doubles; of a key that is there twice, the last one counts, as PostgreSQL has it."""
    plain = json.dumps(item({"type": "task_completed", "user_id": USER, "task_id": USER, "duration_ms": "@"})).encode()
    far = [plain.replace(b'"@"', text) for text in (b"1e999", b"-1e999", b"9" * 30, b"1.5")]
    twice = json.dumps(item(task(command="@"))).encode().replace(b'"@"', b'"first", "command": "last"')
    verdict = send(serving, b"[" + b",".join([*far, twice]) + b"]").json()
    assert (verdict["stored"], [one["code"] for one in verdict["rejected"]]) == (1, ["invalid_event"] * 4)
    assert [data["command"] for (data,) in rows(migrated_dsn, "data")] == ["last"]


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_what_follows_a_whole_compressed_stream_is_no_part_of_it(serving, name, pack):
    body = pack(json.dumps([item()]).encode()) + b"rubbish"
    answer = send(serving, body, headers={"Content-Encoding": name})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:adi-analytics:problem:bad-compression")


def test_nothing_but_bad_events_is_422_and_nothing_at_all_is_fine(serving):
    assert send(serving, [item({"type": "no_such_event"})]).status_code == 422
    assert send(serving, []).status_code == 200


def test_the_names_of_the_predecessors_writers_are_understood(serving, migrated_dsn):
    event = {"type": "o_auth_flow_started", "user_id": USER, "provider": "github", "state": "s3cret"}
    assert send(serving, [item(event)]).json()["stored"] == 1
    ((kind, data),) = rows(migrated_dsn, "event_type, data")
    assert (kind, data["type"]) == ("oauth_flow_started", "oauth_flow_started")
    assert "state" not in data  # `store: drop`


def test_hashed_fields_are_hashed(serving, migrated_dsn):
    event = {"type": "auth_login_attempt", "email": "a@example.org", "success": True}
    assert send(serving, [item(event)], hash_key="k" * 32).json()["stored"] == 1
    ((data,),) = rows(migrated_dsn, "data")
    assert len(data["email"]) == 64


@pytest.mark.parametrize("name", ["gzip", "zstd", "GZIP"])
def test_compressed_bodies(serving, migrated_dsn, name):
    packed: Callable[[bytes], bytes] = gzip.compress if name.lower() == "gzip" else zstd.compress
    body = packed(json.dumps([item()]).encode()) + packed(b" ")
    assert send(serving, body, headers={"Content-Encoding": name}).json()["stored"] == 1
    assert len(rows(migrated_dsn)) == 1


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_many_streams_are_one_body(serving, compress):
    """Also where one ends in the middle of what is decompressed at a time, and where one is longer than that."""
    pieces = [json.dumps(item(context={"n": "x" * number})).encode() + b"," for number in [*range(50), 200_000]]
    body = b"".join(compress(piece) for piece in [b"[", *pieces, json.dumps(item()).encode(), b"]"])
    name = compress.__module__.rpartition(".")[2]
    assert send(serving, body, headers={"Content-Encoding": name}).json()["stored"] == 52


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{}", {}, 400, "bad-body"),
        (b"[", {}, 400, "bad-body"),
        (b"\xff[]", {}, 400, "bad-body"),
        (b"[" * 100_000, {}, 400, "bad-body"),
        (b"", {}, 400, "bad-body"),
        (rb'["\ud800"', {}, 400, "bad-body"),
        (rb'["\ud800",]', {}, 400, "bad-body"),
        (rb'["\ud800"] []', {}, 400, "bad-body"),
        (rb'["\ud800", "]', {}, 400, "bad-body"),
        (rb'{"a": "\ud800"}', {}, 400, "bad-body"),
        (b"[]", {"Content-Encoding": "br"}, 415, "unsupported-encoding"),
        (b"[]", {"Content-Encoding": "gzip"}, 400, "bad-compression"),
        (gzip.compress(b"[1, 2]" * 99)[:-9], {"Content-Encoding": "gzip"}, 400, "bad-compression"),
        (b"[]", {"Content-Encoding": "zstd"}, 400, "bad-compression"),
        (zstd.compress(b"[1, 2]" * 99)[:-5], {"Content-Encoding": "zstd"}, 400, "bad-compression"),
        (b"[]", {"Content-Type": "application/xml"}, 415, "unsupported-media-type"),
        (b"[" + b" " * 5000 + b"]", {}, 413, "body-too-long"),
        (gzip.compress(b"[" + b" " * 50_000 + b"]"), {"Content-Encoding": "gzip"}, 413, "body-too-long"),
        (zstd.compress(b"[" + b" " * 50_000 + b"]"), {"Content-Encoding": "zstd"}, 413, "body-too-long"),
        (b"[1,1,1,1]", {}, 413, "too-many-events"),
        (gzip.compress(b"") * 4100, {"Content-Encoding": "gzip"}, 413, "too-many-streams"),
        (zstd.compress(b"") * 4100, {"Content-Encoding": "zstd"}, 413, "too-many-streams"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_body_that_can_not_be_taken_is_explained(serving, body, headers, status, code):
    limits = Limits(body_bytes=4096 if len(body) < 30_000 else 10**6, unpacked_bytes=20_000, events=3)
    answer = send(serving, body, headers=headers, limits=limits)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["type"], problem["status"]) == (f"urn:adi-analytics:problem:{code}", status)
    assert problem["detail"].endswith((".", "]."))


def test_a_slow_body_ends(serving):
    async def drip():
        yield b"["
        await asyncio.sleep(30)
        yield b"]"

    async def run():
        async with serving(limits=Limits(seconds=0.2)) as client:
            return await client.post(PATH, content=drip(), headers={"Content-Type": "application/json"})

    assert asyncio.run(run()).json()["type"].endswith(":body-too-slow")


def test_a_row_that_the_server_refuses_is_named(serving, migrated_dsn):
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute("alter table analytics_events add check (data ->> 'command' <> 'bad')")
    good = [item() for _ in range(5)]
    answer = send(serving, [*good[:3], item(task(command="bad")), *good[3:], item(task(command="bad"))])
    verdict = answer.json()
    assert (verdict["stored"], [(one["index"], one["code"]) for one in verdict["rejected"]]) == (
        5,
        [(3, "refused"), (6, "refused")],
    )
    assert "23514" in verdict["rejected"][0]["message"]


def test_rows_that_a_trigger_leaves_out_are_not_called_stored(serving, migrated_dsn):
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute("create function no() returns trigger language plpgsql as 'begin return null; end'")
        connection.execute("create trigger no before insert on analytics_events for each row execute function no()")
    verdict = send(serving, [item(), item()]).json()
    assert (verdict["stored"], verdict["skipped"]) == (0, 2)


def test_late_events_are_marked(serving, migrated_dsn):
    old = (datetime.now(UTC) - timedelta(days=20)).isoformat()
    send(serving, [{"timestamp": old, "event": task()}])
    with psycopg.connect(migrated_dsn) as connection:
        assert connection.execute("select count(*) from analytics_meta.late_buckets").fetchone() == (1,)


def test_many_requests_at_once(serving, migrated_dsn):
    shared = item()

    async def run():
        async with serving(connections=2) as client:
            requests = (client.post(PATH, json=[item() for _ in range(20)] + [shared]) for _ in range(20))
            return await asyncio.gather(*requests)

    verdicts = [answer.json() for answer in asyncio.run(run())]
    assert sum(one["stored"] for one in verdicts) == 401
    assert sum(one["duplicates"] for one in verdicts) == 19
    assert len(rows(migrated_dsn)) == 401


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
KEYS = st.sampled_from(
    ["timestamp", "event", "event_id", "service", "hostname", "environment", "context", "type", "user_id"]
)
ITEMS = st.dictionaries(KEYS, JSON | st.just(USER) | st.just("2026-01-01T00:00:00Z") | st.builds(task), max_size=6)


def test_whatever_is_sent_gets_a_verdict(databases):
    """For each event one, whatever the request holds: no 500, and no answer repeats what it was sent."""

    @given(st.lists(ITEMS | JSON, max_size=4))
    @settings(max_examples=150)
    def check(body):
        content = json.dumps(body).encode()
        answer = asyncio.run(post(content))
        assert answer.status_code in {200, 400, 422}
        if answer.status_code != 400:
            verdict = answer.json()
            kept = verdict["stored"] + verdict["duplicates"] + verdict["spooled"] + verdict["skipped"]
            assert verdict["received"] == len(body) == kept + len(verdict["rejected"])

    async def post(content):
        async with served(database_url=dsn) as client:
            return await client.post(PATH, content=content)

    with databases.migrated() as dsn:
        check()
