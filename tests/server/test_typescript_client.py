"""The generated client sends events from Node.js to a real service; nothing is lost without a word."""

from __future__ import annotations

import json
import re
import socket
import uuid
from datetime import datetime

import psycopg
import pytest
from support.codegen.typescript import run_node, started_node
from support.paths import ROOT
from support.reading import answering
from support.sending import Step, between, built
from support.serving import token_for

HOWTO = (ROOT / "docs" / "howto" / "ingest-over-http.md").read_text(encoding="utf-8")
TYPES = """
import { createClient } from "./client.js";
const client = createClient({ url: "https://example.org" });
const result = await client.flush();
// @ts-expect-error whether all are kept is to be asked first
export const stored = result.stored;
// @ts-expect-error the same
export const rejected = result.rejected;
// @ts-expect-error a field is missing
client.track({ type: "task_created", user_id: "x" });
// @ts-expect-error there is no such event
client.track({ type: "task_creatd" });
"""
BEGIN = """
const [folder, url, token] = process.argv.slice(1);
const show = (value) => console.log(JSON.stringify(value));
const id = (n) => `0190a6e0-1111-7222-8333-${String(n).padStart(12, "0")}`;
const made = { type: "task_created", user_id: id(1) };
const task = (n, more = {}) => ({ ...made, task_id: id(n), command: `make ${n}`, ...more });
const left = [];
const heard = {
  onRejected: (rejected) => left.push(...rejected.map(({ sent, code, path }) => [sent.event.task_id, code, path])),
  onDrop: ({ reason, events, status }) => left.push([reason, events.map(({ event }) => event.task_id), status]),
};
import(`${folder}/client.js`).then(async ({ createClient }) => {
const create = (options = {}) => createClient({ url, token, backoffMs: 1, ...heard, ...options });
"""
END = "\n}).catch((error) => { console.error(error); process.exit(1); });"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    (howto,) = re.findall(r"```typescript\n(.*?)```", HOWTO, re.DOTALL)
    howto = howto.replace('"https://example.org/api/analytics"', "(globalThis as any).URL_OF_SERVICE")
    howto = howto.replace('"adi_ingest_..."', "(globalThis as any).TOKEN")
    return built(tmp_path_factory.mktemp("client"), howto=howto, types=TYPES)


@pytest.fixture(scope="module")
def service(databases):
    with databases.migrated() as dsn, answering(database_url=dsn, without_tokens=False) as client:
        yield dsn, str(client.base_url).rstrip("/"), token_for(dsn, "ingest")


@pytest.fixture
def stored(service):
    """Return what a query finds among the events of this test."""
    dsn, _, _ = service
    with psycopg.connect(dsn, autocommit=True, options="-c timezone=UTC") as connection:
        yield lambda columns: connection.execute(f"select {columns} from analytics_events order by event_id").fetchall()
        connection.execute("truncate analytics_events")


@pytest.fixture
def node(folder, service):
    """Run a script that has a client, and return what it shows."""

    def run(script, url=""):
        _, own, token = service
        return [json.loads(line) for line in run_node(BEGIN + script + END, folder, url or own, token).splitlines()]

    return run


def test_the_lines_of_the_howto_store_their_event(folder, service, stored):
    _, url, token = service
    begin = "[globalThis.URL_OF_SERVICE, globalThis.TOKEN] = process.argv.slice(2);"
    assert run_node(f"{begin} import(`${{process.argv[1]}}/howto.js`).then(() => 0)", folder, url, token) == ""
    ((data, service_, event_id),) = stored("data, service, event_id")
    assert (data["type"], service_, event_id.version) == ("project_deleted", "web", 7)


def test_what_is_stored_is_what_was_sent(service, stored, node):
    _, url, _ = service
    with between(url) as middle:
        ((result, at),) = node(
            """
            const client = create({ service: "web", environment: "test", hostname: "here", context: { page: "/" } });
            const at = new Date();
            for (let n = 0; n < 250; n += 1) client.track(task(n), { timestamp: new Date(at - n) });
            client.track(task(250, { command: "cut \\ud83d" }), { context: { page: "/cut", quoted: "\\\\ud83d" } });
            show([await client.close(), at]);
            """,
            middle.url,
        )
    assert result == {"ok": True, "stored": 251, "duplicates": 0, "spooled": 0, "skipped": 0}
    assert [len(request.events) for request in middle.requests] == [100, 100, 51]
    assert {request.headers["content-encoding"] for request in middle.requests} == {"gzip"}
    found = {row[0]["command"]: row for row in stored("data, timestamp, service, meta, event_id")}
    assert found.keys() == {f"make {n}" for n in range(250)} | {"cut \ufffd"}
    data, timestamp, service_, meta, _ = found["make 7"]
    assert (data["task_id"], service_) == ("0190a6e0-1111-7222-8333-000000000007", "web")
    assert (meta["hostname"], meta["environment"], meta["context"]) == ("here", "test", {"page": "/"})
    assert (datetime.fromisoformat(at) - timestamp).total_seconds() == 0.007
    assert found["cut \ufffd"][3]["context"] == {"page": "/cut", "quoted": "\\ud83d"}
    sent = [uuid.UUID(item["event_id"]) for request in middle.requests for item in request.events]
    assert sorted(row[4] for row in found.values()) == sorted(sent)


def test_an_event_is_stored_once_whatever_happens_to_its_answers(service, stored, node):
    _, url, _ = service
    page = (200, {"Content-Type": "text/html"})
    steps: list[Step] = [
        "lose",
        "cut",
        (502, {}),
        page,
        (429, {"Retry-After": "1"}),
        (413, {}),
        "hand on",
        "hand on",
        "hand on",
    ]
    with between(url, *steps) as middle:
        ((result, left),) = node(
            """
            const client = create();
            for (let n = 0; n < 4; n += 1) client.track(task(n));
            show([await client.close(), left]);
            """,
            middle.url,
        )
    assert (result["ok"], result["stored"], result["duplicates"], left) == (True, 0, 4, [])
    assert len(stored("data")) == 4
    times = [request.at for request in middle.requests]
    assert times[5] - times[4] >= 1.0
    assert [len(request.events) for request in middle.requests] == [4, 4, 4, 4, 4, 4, 2, 2]
    assert middle.requests[0].events == [*middle.requests[6].events, *middle.requests[7].events]


def test_events_wait_while_the_service_is_down(folder, service, stored):
    _, url, token = service
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = """
    const client = create({ maxAttempts: 1e6 });
    client.track(task(1));
    show(await client.flush(200));
    process.stdin.once("data", async () => { show([await client.close(), left]); process.exit(0); });
    """
    with started_node(BEGIN + script + END, folder, f"http://127.0.0.1:{port}", token) as process:
        assert process.stdout is not None
        down = json.loads(process.stdout.readline())
        assert (down["ok"], down["waiting"], down["dropped"]) == (False, 1, 0)
        with between(url, port=port):
            up, errors = process.communicate("go\n")
    assert (json.loads(up)[0]["stored"], json.loads(up)[1], errors) == (1, [], "")
    assert len(stored("data")) == 1


def test_what_the_service_does_not_keep_shows(stored, node):
    first, second, third = node(
        """
        const client = create();
        client.track(task(1, { command: 7 }));
        client.track(task(2));
        const result = await client.flush();
        show([result.ok, result.kept.stored, result.rejected.map((one) => one.path), left, await client.flush()]);
        const said = [];
        console.error = (...parts) => said.push(parts.join(" "));
        const silent = create({ onRejected: undefined, onDrop: undefined });
        silent.track(task(3, { command: 7 }));
        await silent.close();
        silent.track(task(4));
        show(said);
        left.length = 0;
        const refused = create({ token: "wrong" });
        refused.track(task(5));
        show([(await refused.close()).dropped, left]);
        """
    )
    task_id = "0190a6e0-1111-7222-8333-00000000000{}".format
    assert first[:3] == [False, 1, ["$.event.command"]]
    assert first[3] == [[task_id(1), "invalid_event", "$.event.command"]]
    assert first[4]["ok"] is True
    assert re.fullmatch(r"analytics: task_created \S+ is rejected: invalid_event at \$\.event\.command: .*", second[0])
    assert second[1].startswith("analytics: 1 events are dropped: closed")
    assert third == [1, [["refused", [task_id(5)], 401]]]
    assert len(stored("data")) == 1


def test_what_is_given_up_is_counted_and_handed_back(service, node):
    _, url, _ = service
    with between(url, (413, {}), "cut", "cut") as middle:
        (result, left), wrong = node(
            """
            const client = create({ queueEvents: 2, maxAttempts: 2, batchEvents: 1 });
            client.track(task(1));
            client.track(task(2));
            client.track(task(3));
            client.track(task(4, { command: 4n }));
            await client.flush();
            client.track(task(5, { command: 5n }));
            const hanging = create({ url: "http://127.0.0.1:9" });
            hanging.track(task(6));
            await hanging.close(1);
            show([(await client.close()), left]);
            const said = (options) => { try { create(options); } catch (e) { return e.message.split(":")[0]; } };
            const urls = ["/path", "example.org", "", `${url}?t=1`, "http://me:secret@example.org"];
            show([...urls.map((url) => ({ url })), { token: "a b" }, { batchMs: 0 }].map(said));
            """,
            middle.url,
        )
    reasons = [(reason, events[0][-1], status) for reason, events, status in left]
    assert reasons == [
        ("queue_full", "3", None),
        ("queue_full", "4", None),
        ("too_large", "1", 413),
        ("gave_up", "2", None),
        ("not_json", "5", None),
        ("closed", "6", None),
    ]
    assert (result["ok"], result["dropped"]) == (False, 1)
    assert wrong == [*["url"] * 5, "token", "batchMs"]
