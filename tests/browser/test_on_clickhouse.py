"""The dashboard of a service on ClickHouse: each panel draws what the service answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.browsing import watched
from support.clickhouse.installed import Installed
from support.dashboards import RANGE, compared, loaded, sign_in
from support.reading import CATALOG, STORED, events, token_on
from support.serving import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.clickhouse.databases import ClickhouseDatabases


@pytest.fixture(scope="module")
def service(
    clickhouse_databases: ClickhouseDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The URL of a service that runs, and a token that reads."""
    with clickhouse_databases.empty() as url:
        made = Installed.create(url, CATALOG)
        made.insert(events())
        made.refresh(STORED)
        token = token_on(made, "read")
        with running(made.database, tmp_path_factory.mktemp("site"), tokens=True) as at:
            yield at, token


@pytest.fixture
def page(browser, service):
    """The page, signed in, with the range of the stream. What goes wrong in it fails the test."""
    url, token = service
    with watched(browser, url) as (page, _):
        sign_in(page, token)
        page.set_default_timeout(60_000)
        page.set_viewport_size({"width": 1300, "height": 900})
        page.goto(f"/?range={RANGE}&compare=none")
        loaded(page)
        yield page


def test_every_panel_shows_what_the_service_answers(page):
    assert compared(page) > 500
    panels = page.locator(".panel")
    for place in range(panels.count()):
        panels.nth(place).scroll_into_view_if_needed()
        loaded(page, panels.nth(place))
    assert panels.count() > 20
    assert page.locator(".panel .message").all_inner_texts() == []
