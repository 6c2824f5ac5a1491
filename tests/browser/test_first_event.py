"""The page before the first event: how to send one, with a valid example; and what it says is true."""

from __future__ import annotations

import json
import re

import psycopg
import pytest
from browser.conftest import Site
from support.serving import running, token_for


@pytest.fixture(scope="module")
def site(databases, tmp_path_factory):
    """A service of our own catalog, without an event."""
    with databases.migrated() as dsn:
        given = (token_for(dsn, "read"), token_for(dsn, "ingest"))
        with running(dsn, tmp_path_factory.mktemp("site"), tokens=True) as url:
            yield Site(url, *given, dsn)


def test_the_lines_that_send_the_first_event_are_right(page, site):
    page.request.post("/api/analytics/session", data={"token": site.token})
    page.goto("/")
    page.get_by_role("heading", name="No event has arrived yet").wait_for()
    first = page.locator(".first")
    first.get_by_text("Send it over HTTP").wait_for()
    first.get_by_label("Event").select_option("task_completed")
    _, http, python = first.locator("pre").all_inner_texts()
    command = re.fullmatch(r"curl -fsS (\S+) .*-d '(.*)'", http, re.DOTALL)
    assert command is not None
    url, body = command.groups()
    sent = page.request.post(url, data=json.loads(body), headers={"Authorization": f"Bearer {site.ingest_token}"})
    assert (sent.status, sent.json()["rejected"]) == (200, []), sent.text()
    assert "from adi_analytics_events import from_dict" in python
    source = python.replace('connect(service="my-service")', f"connect({site.dsn!r}, service='my-service')")
    exec(compile(source, "first.py", "exec"), {})
    with psycopg.connect(site.dsn) as connection:
        found = connection.execute("select event_type, count(*) from analytics_events group by 1").fetchall()
    assert found == [("task_completed", 2)]
    page.reload()
    page.get_by_role("heading", name="Overview").wait_for()
    assert page.get_by_role("heading", name="No event has arrived yet").count() == 0
