"""A service of made-up events says so in everything that it answers, and takes no others."""

from __future__ import annotations

import csv
import io

import pytest
from support.reading import answering, fill
from support.serving import item


@pytest.fixture(scope="module")
def client(databases):
    with databases.migrated() as dsn:
        fill(dsn)
        with answering(database_url=dsn, samples=True) as found:
            yield found


def test_every_path_of_the_document_carries_the_mark(client):
    document = client.get("/api/analytics/openapi.json").json()
    asked = 0
    for path in document["paths"].keys() - {"/events/batch", "/health", "/ready", "/metrics", "/session"}:
        answer = client.get(f"/api/analytics{path}")
        assert answer.status_code == 200, path
        body = answer.json()
        assert all(one["sample_data"] is True for one in (body if isinstance(body, list) else [body])), path
        asked += 1
    assert asked > 10


def test_every_row_of_a_csv_carries_the_mark(client):
    answer = client.get("/api/analytics/aggregates/analytics_task_stats_daily.csv?between=2026-01-01,2026-02-01")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-disposition"] == 'inline; filename="sample-analytics_task_stats_daily.csv"'
    assert len(rows) > 5
    assert {row["sample_data"] for row in rows} == {"true"}


def test_statements_and_the_title_carry_the_mark(client):
    answer = client.get("/aggregates/analytics_task_stats_daily?explain=sql")
    assert answer.text.startswith("-- The events that this reads are made up")
    assert client.get("/dashboard").json()["title"] == "Sample data: ADI"


def test_the_page_carries_the_mark_before_any_script(client):
    page = client.get("/").text
    assert "<html data-samples " in page
    assert "<title>Sample data: " in page
    assert page.index('<aside class="samples"') < page.index('<div id="page">')
    assert "<button" not in page[page.index("<aside") : page.index("</aside>")]
    (style,) = [part for part in page.split('"') if part.endswith("/samples.css")]
    assert client.get(f"/{style}").status_code == 200


def test_it_takes_no_events(client):
    answer = client.post("/events/batch", json=[item()])
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "samples-only")
    assert "analytics-server run" in answer.json()["detail"]


def test_a_service_of_real_events_carries_no_mark(databases):
    with databases.migrated() as dsn, answering(database_url=dsn) as plain:
        assert "sample" not in plain.get("/").text.lower()
        assert "sample_data" not in plain.get("/aggregates/analytics_task_stats_daily").text
