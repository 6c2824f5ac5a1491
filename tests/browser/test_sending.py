"""The generated client sends events from pages of another origin, and what waits when the page is left arrives."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import psycopg
import pytest
from support.browsing import until
from support.sending import serving, transpiled
from support.serving import wait_for

PAGE = b"<!doctype html><title>a page of another origin</title>"
TASK = """
window.task = (n, more = {}) => ({
  type: "task_created", user_id: "0190a6e0-1111-7222-8333-444455556666", command: "in a browser",
  task_id: `0190a6e0-1111-7222-8333-${String(n).padStart(12, "0")}`, ...more,
});
window.dropped = [];
"""
CREATE = """async ([url, token, more]) => {
  const { createClient } = await import("/client.js");
  window.client = createClient({ url, token, onDrop: (drop) => dropped.push(drop), ...more });
}"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A server of another origin, with a page and the client, and the beacons that it took."""
    client = transpiled(tmp_path_factory.mktemp("client") / "client.js").read_bytes()
    beacons = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            script = self.path == "/client.js"
            self.answer(client if script else PAGE, "text/javascript" if script else "text/html")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            beacons.append((self.path, self.headers["Content-Type"], self.headers["Authorization"], body))
            self.answer(b"", "text/plain")

        def answer(self, body, kind):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with serving(Handler) as url:
        yield url, beacons


@pytest.fixture(scope="module")
def server_arguments(elsewhere):
    return ["--cors-origin", elsewhere[0]]


@pytest.fixture
def create(page, watch, site, elsewhere):
    """Open the page, and make its client."""
    watch.allow_host(elsewhere[0])

    def make(url=site.url, token=site.ingest_token, **more):
        page.goto(f"{elsewhere[0]}/page")
        page.evaluate(TASK)
        page.evaluate(CREATE, [url, token, more])
        return page

    return make


@pytest.fixture
def stored(site):
    """Say how many of the events are in the table."""
    with psycopg.connect(site.dsn, autocommit=True) as connection:
        own = "from analytics_events where data->>'command' like 'in a browser%'"
        yield lambda: len(connection.execute(f"select event_id {own}").fetchall())
        connection.execute(f"delete {own}")


def test_a_page_of_another_origin_sends(create, watch, stored):
    watch.allow(r"task_created \S+ is rejected: invalid_event at \$\.event\.command")
    page = create()
    page.evaluate("for (let n = 0; n < 40; n += 1) client.track(task(n)); client.track(task(40, {command: 1}))")
    result = page.evaluate("client.flush()")
    assert (result["kept"]["stored"], [one["path"] for one in result["rejected"]]) == (40, ["$.event.command"])
    assert stored() == 40


def test_events_that_wait_arrive_although_the_page_is_left(create, stored):
    page = create(batchMs=3_600_000)
    page.evaluate("for (let n = 0; n < 40; n += 1) client.track(task(n))")
    page.goto("about:blank")
    wait_for(lambda: stored() == 40)


def test_a_hidden_page_sends_no_more_at_once_than_browsers_let_outlive_it(create, stored):
    page = create(batchMs=3_600_000, batchEvents=1000, batchBytes=10_000_000)
    sizes = []
    page.on("request", lambda request: sizes.append(len(request.post_data_buffer or b"")))
    page.evaluate("for (let n = 0; n < 90; n += 1) client.track(task(n, {command: 'in a browser' + '!'.repeat(1000)}))")
    page.evaluate(
        """() => {
          Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
          dispatchEvent(new Event("pagehide"));
        }"""
    )
    until(page, "client.waiting < 90")
    (size,) = filter(None, sizes)
    assert 50_000 < size <= 60_000
    kept = page.evaluate("client.waiting")
    assert stored() == 90 - kept
    assert page.evaluate("client.flush()") == {
        "ok": True, "stored": 90, "duplicates": 0, "spooled": 0, "skipped": 0
    }  # fmt: skip
    assert stored() == 90


def test_a_beacon_carries_events_where_no_token_is_needed(create, elsewhere):
    url, beacons = elsewhere
    page = create(url, None, batchMs=3_600_000)
    page.evaluate(
        """() => {
          delete Request.prototype.keepalive;
          window.send = navigator.sendBeacon.bind(navigator);
          navigator.sendBeacon = () => false;
          client.track(task(1));
          dispatchEvent(new Event("pagehide"));
        }"""
    )
    assert (beacons, page.evaluate("client.waiting")) == ([], 1)
    page.evaluate("navigator.sendBeacon = send; for (let n = 0; n < 2; n += 1) dispatchEvent(new Event('pagehide'))")
    assert page.evaluate("client.waiting") == 1  # no answer came: the event is sent again if the page stays
    page.goto("about:blank")
    wait_for(lambda: len(beacons) > 0)
    ((path, kind, token, body),) = beacons
    assert (path, kind, token) == ("/events/batch", "text/plain", None)
    assert body.startswith(b'[{"timestamp":')
