"""The dashboard of a catalog that is not ours, with no code for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from support.browsing import watched
from support.dashboards import loaded
from support.paths import ROOT
from support.serving import running

SHOP = ROOT / "examples" / "shop"
MIGRATE = "import sys; from adi_analytics.migrate.cli.main import main; sys.exit(main(['all']))"


@pytest.fixture
def shop(databases, tmp_path, monkeypatch):
    """The URL of a service of the shop in a process of its own, where 60 orders were placed."""
    monkeypatch.setenv("PYTHONPATH", str(SHOP / "generated" / "python"))
    with databases.empty() as dsn:
        environment = {**os.environ, "DATABASE_URL": dsn}
        subprocess.run([sys.executable, "-c", MIGRATE], cwd=SHOP, env=environment, check=True, capture_output=True)
        with psycopg.connect(dsn) as connection:
            for number in range(60):
                connection.execute(
                    "insert into shop_events (timestamp, event_type, event_id, service, user_id, data) "
                    "values (%s, 'order_placed', gen_random_uuid(), 'web', %s, %s)",
                    (datetime.now(UTC) - timedelta(hours=7 * number), uuid.UUID(int=number % 9), order(number)),
                )
        with running(dsn, tmp_path, "--catalog", "shop_events") as url:
            yield url


def order(number: int) -> str:
    delivery = {"country": ("CH", "AT", "DE")[number % 3], "method": "parcel"}
    event = {"type": "order_placed", "payment": ("card", "invoice")[number % 2], "total": 10.0 + number}
    return json.dumps({**event, "delivery": delivery})


def test_another_catalog_has_its_own_page(browser, shop):
    with watched(browser, shop) as (page, _):
        page.set_viewport_size({"width": 1300, "height": 6000})
        page.goto("/?range=30d&compare=none")
        loaded(page)
        titles = page.locator(".section h2").all_inner_texts()
        assert titles[0] == "Overview"
        assert len(titles) == len(set(titles)) >= 4
        assert page.locator(".message").all_inner_texts() == []
        assert page.get_by_role("button", name="Sign out").count() == 0  # it wants no tokens
        tile = page.locator(".tile", has=page.get_by_text("Orders", exact=True)).first.locator(".tile-value")
        assert tile.inner_text() == "60"
        countries = page.locator(".panel-table", has=page.get_by_role("button", name="CH", exact=True))
        revenue = sum(10.0 + number for number in range(0, 60, 3))
        assert f"€{revenue:,.0f}" in countries.first.inner_text()
