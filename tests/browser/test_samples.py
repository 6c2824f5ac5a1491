"""The dashboard on made-up events says so in every view, and nobody can take that away."""

from __future__ import annotations

import csv
import io

import pytest
from browser.conftest import Site
from support.dashboards import RANGE, barriers, loaded, widths
from support.reading import answering, fill

ADDRESS = f"/?range={RANGE}"
SEEN = """() => {
  const box = document.querySelector("aside.samples").getBoundingClientRect();
  const middle = document.elementFromPoint(innerWidth / 2, Math.max(box.top, 0) + 8);
  return box.top >= 0 && box.bottom <= innerHeight && middle.closest("aside.samples") !== null;
}"""
BADGE = "(element) => getComputedStyle(element, '::before').content"


@pytest.fixture(scope="module")
def site(databases):
    with databases.migrated() as dsn:
        fill(dsn)
        with answering(database_url=dsn, samples=True) as client:
            yield Site(str(client.base_url), "", "", dsn)


@pytest.mark.parametrize("width", [1300, 800, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_mark_is_above_everything_wherever_one_scrolls(page, width, theme):
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(ADDRESS)
    loaded(page)
    assert page.title().startswith("Sample data: ")
    assert page.get_by_role("heading", level=1).inner_text() == "Sample data: ADI"
    for place in (0, 900, 99_999):
        page.evaluate("place => scrollTo(0, place)", place)
        assert page.evaluate(SEEN), place
    page.keyboard.press("Escape")
    assert page.locator("aside.samples button, aside.samples a").count() == 0
    assert widths(page) == []
    assert barriers(page, "color-contrast") == []


def test_each_panel_and_each_drawer_has_a_mark_of_its_own(page):
    page.goto(ADDRESS)
    loaded(page)
    titles = page.locator(".panel figcaption h3")
    assert titles.count() > 15
    assert {title.evaluate(BADGE) for title in titles.all()} == {'"Sample"'}
    page.get_by_role("button", name="About", exact=False).first.click()
    assert page.locator(".drawer-head h2").evaluate(BADGE) == '"Sample"'
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="SQL of", exact=False).first.click()
    assert page.locator(".drawer-head h2").evaluate(BADGE) == '"Sample"'
    page.locator(".drawer pre").get_by_text("sample data", exact=False).wait_for()


def test_paper_has_the_mark_on_every_sheet(page):
    page.goto(ADDRESS)
    loaded(page)
    page.emulate_media(media="print")
    sheet = page.evaluate(
        "() => { const found = getComputedStyle(document.body, '::after'); return [found.content, found.position]; }"
    )
    assert sheet == ['"Sample data"', "fixed"]
    assert page.locator("aside.samples").is_visible()


def test_a_csv_from_the_page_has_the_mark_in_its_rows_and_name(page):
    page.goto(ADDRESS)
    loaded(page)
    with page.expect_download() as downloading:
        page.locator(".panel").first.get_by_role("link", name="CSV").click()
    download = downloading.value
    assert download.suggested_filename.startswith("sample-")
    rows = list(csv.DictReader(io.StringIO(download.path().read_text())))
    assert rows
    assert {row["sample_data"] for row in rows} == {"true"}
