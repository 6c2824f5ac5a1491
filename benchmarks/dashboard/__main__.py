"""Measures how soon the dashboard shows numbers, and how much work it is to move its cursor.

Examples:
  nox -s bench                                   everything (with the other benchmarks)
  python benchmarks/dashboard                    writes docs/benchmarks-dashboard.md
  python benchmarks/dashboard --quick            fewer events and runs, printed only: shows that it works

It needs playwright and Chromium. The events are 90 days of the demo's stream, on an embedded PostgreSQL.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from adi_analytics import AnalyticsClient, embedded, migrate
from adi_analytics.server import ServerOptions, create_app
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks-dashboard.md"
EVENTS = 80_000
RUNS = 7
FIRST_CONTENT_MS = 1000
MOST_BYTES = 150_000
POINTS = 10_000
STEPS = 240
FRAME_MS = 1000 / 60

SHOW = """async (points) => {
  const loaded = performance.getEntriesByType("resource").map((one) => one.name);
  const { Chart } = await import(loaded.find((name) => name.endsWith("/chart.js")));
  const chart = new Chart(document.querySelector(".panel-series .panel-body"));
  const times = Array.from({ length: points }, (_, place) => 1.7e9 + 3600 * place);
  const values = (line) => times.map((_, at) => line + Math.sin(at / 50));
  const series = ["a", "b", "c"].map((name, line) => ({ name, measure: {}, values: values(line) }));
  const states = times.map(() => "final");
  await chart.show({ label: "x", times, series, states, granularity: "hour", zone: "UTC", measure: {} });
  window.over = chart.frame.querySelector(".u-over");
}"""
MOVE = """async (steps) => {
  const { left, top, width } = window.over.getBoundingClientRect();
  for (let step = 0; step < steps; step += 1) {
    const place = { clientX: left + (width * step) / steps, clientY: top + 50 };
    window.over.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, ...place }));
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
}"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
LOADED = """() => performance.getEntries().filter((one) => !one.name.includes("/api/"))
  .reduce((sum, one) => sum + (one.encodedBodySize ?? 0), 0)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="measure a service without tokens that runs, instead of one of its own")
    parser.add_argument("--quick", action="store_true", help="fewer events and runs: shows that it works")
    options = parser.parse_args()
    own = contextlib.nullcontext(options.url) if options.url else service(8_000 if options.quick else EVENTS)
    with own as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), chromium_sandbox=False)
        runs = 1 if options.quick else RUNS
        found = [shown(browser.new_page(locale="en-GB"), url) for _ in range(runs)]
        first, number = (statistics.median(times) for times in zip(*found, strict=True))
        page = browser.new_page(locale="en-GB")
        shown(page, url)
        sent = page.evaluate(LOADED)
        made = written(browser.version, first, number, sent, work_of_a_step(page))
    print(made)
    if not options.quick:
        PAGE.write_text(made, encoding="utf-8")


def work_of_a_step(page: Page) -> float:
    """Return the milliseconds of processor time that the page's main thread works for a step of the cursor."""
    page.evaluate(SHOW, POINTS)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def worked() -> float:
        found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return float(found["TaskDuration"])

    page.evaluate(MOVE, STEPS)  # compiled now
    before = worked()
    page.evaluate(MOVE, STEPS)
    return (worked() - before) / STEPS * 1000


def written(version: str, first: float, number: float, sent: int, step: float) -> str:
    """Return the page of the docs."""
    rows = (
        ("the first content (first contentful paint)", "1000 ms", f"{first:.0f} ms", first < FIRST_CONTENT_MS),
        ("bytes of the page and its files, compressed", "150 kB", f"{sent / 1000:.0f} kB", sent < MOST_BYTES),
        (
            f"work for a step of the cursor over 3 lines of {POINTS:,} points",
            "16.7 ms",
            f"{step:.1f} ms",
            step < FRAME_MS,
        ),
    )
    lines = [
        "# Benchmarks of the dashboard",
        "",
        f"Measured on {datetime.now(UTC).date()}, {os.cpu_count()} processors, {platform.platform(terse=True)},",
        f"load {os.getloadavg()[0]:.0f}, Chromium {version}: 90 days of our own catalog, {EVENTS:,} events,",
        "on an embedded PostgreSQL. Service, database and browser share the processors. The work is processor time of",
        "the page's main thread: 60 frames a second leave 16.7 ms for each. `python benchmarks/dashboard` writes this",
        "page.",
        "",
        "| what | below | this run | reached |",
        "|---|---:|---:|---|",
        *(f"| {what} | {aim} | {found} | {'yes' if reached else 'no'} |" for what, aim, found, reached in rows),
        "",
        f"The first content is the page with its sections; the first number comes after {number:.0f} ms. Nothing is",
        "kept from before, neither by the browser nor by the service.",
        "",
    ]
    return "\n".join(lines)


def shown(page: Page, url: str) -> tuple[float, float]:
    """Return the milliseconds to the first content of the page, with nothing kept, and to the first number on it."""
    begun = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator(".tile-value").first.wait_for()
    number = (time.perf_counter() - begun) * 1000
    return float(page.evaluate(PAINTED)), number


@contextlib.contextmanager
def service(count: int) -> Iterator[str]:
    """Yield the URL of a service with *count* events of 90 days."""
    sys.path.insert(0, str(ROOT / "examples" / "demo"))
    from stream import Stream

    with embedded.start_server() as server:
        where = migrate.Options(database_url=server.dsn, catalog="adi_analytics_events")
        migrate.apply(options=where)
        sent = Stream(seed=7, now=datetime.now(UTC), days=90, users=200).events(count)
        with AnalyticsClient.connect(server.dsn, service="demo", when_full="block", hash_key="demo") as client:
            for at, event in sent:
                client.track(event, timestamp=at)
            client.flush(timeout=300)
        migrate.maintain(where)
        migrate.refresh(options=where)
        made: Any = ServerOptions(database_url=server.dsn, catalog="adi_analytics_events", without_tokens=True)
        running = uvicorn.Server(uvicorn.Config(create_app(made), port=0, log_level="warning"))
        thread = threading.Thread(target=running.run)
        thread.start()
        while not running.started:
            time.sleep(0.05)
        host, port = running.servers[0].sockets[0].getsockname()[:2]
        try:
            yield f"http://{host}:{port}/"
        finally:
            running.should_exit = True
            thread.join()


if __name__ == "__main__":
    main()
