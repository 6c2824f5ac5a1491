"""The picture of the docs is what the page looks like: from fixed events it is taken again, and compared.

Fonts differ between machines, so both pictures are made small before: only gross breaks count. To renew the picture,
run this file with ``ADI_ANALYTICS_UPDATE_PICTURE=1``, and look at it.
"""

from __future__ import annotations

import base64
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest
from adi_analytics import AnalyticsClient, migrate
from support.dashboards import loaded
from support.paths import ROOT
from support.serving import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page
    from support.servers import Databases

PICTURE: Final = ROOT / "docs" / "images" / "dashboard.webp"
SIZE: Final[Any] = {"width": 1280, "height": 1240}
NOW: Final = datetime(2026, 6, 30, 15, tzinfo=UTC)
PAGE: Final = "/?range=2026-06-01,2026-06-30"
MOST_BYTES: Final = 150_000
ALIKE: Final = 1.5
"""Mean difference of the shades of two small pictures, of 255, up to which they show the same."""

_SHADES: Final = """async (pictures) => Promise.all(pictures.map(async (data) => {
  const image = new Image();
  image.src = `data:image;base64,${data}`;
  await image.decode();
  const canvas = new OffscreenCanvas(64, 62);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return [...context.getImageData(0, 0, canvas.width, canvas.height).data].filter((_, at) => at % 4 !== 3);
}))"""

_WEBP: Final = """async (data) => {
  const image = new Image();
  image.src = `data:image/png;base64,${data}`;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").drawImage(image, 0, 0);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/webp", quality: 0.9 })).arrayBuffer());
  return btoa([...bytes].map((byte) => String.fromCharCode(byte)).join(""));
}"""


@pytest.fixture(scope="module")
def url(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with two months of the demo's events."""
    sys.path.insert(0, str(ROOT / "examples" / "demo"))
    from stream import Stream  # type: ignore[import-not-found]  # the demo is no package

    sent = Stream(seed=7, now=NOW, days=60, users=120).events(8_000)
    with databases.migrated() as dsn:
        with AnalyticsClient.connect(dsn, service="demo", when_full="block", hash_key="demo") as client:
            for at, event in sent:
                client.track(event, timestamp=at)
            client.flush(timeout=120)
        migrate.refresh(options=migrate.Options(database_url=dsn, catalog="adi_analytics_events"))
        with running(dsn, tmp_path_factory.mktemp("picture")) as url:
            yield url


def test_the_picture_of_the_docs_is_what_the_page_looks_like(browser: Browser, url: str) -> None:
    page = browser.new_page(viewport=SIZE, base_url=url, locale="en-GB", timezone_id="UTC", color_scheme="light")
    page.clock.set_fixed_time(NOW)
    taken = _taken(page)
    if os.environ.get("ADI_ANALYTICS_UPDATE_PICTURE") == "1":
        PICTURE.write_bytes(_small(browser, taken))
    assert PICTURE.stat().st_size < MOST_BYTES
    assert _difference(browser, PICTURE.read_bytes(), taken) < ALIKE
    page.emulate_media(color_scheme="dark")
    assert _difference(browser, PICTURE.read_bytes(), page.screenshot()) > 10 * ALIKE
    page.emulate_media(color_scheme="light")
    page.evaluate("for (const panel of document.querySelectorAll('.panel')) panel.style.visibility = 'hidden'")
    assert _difference(browser, PICTURE.read_bytes(), page.screenshot()) > ALIKE


def _taken(page: Page) -> bytes:
    page.goto(PAGE)
    loaded(page)
    page.locator(".panel-series canvas").first.wait_for()
    return page.screenshot(animations="disabled")


def _small(browser: Browser, png: bytes) -> bytes:
    """Return a picture as WebP, which takes a third of the bytes."""
    page: Any = browser.new_page()
    made = page.evaluate(_WEBP, base64.b64encode(png).decode())
    page.close()
    return base64.b64decode(made)


def _difference(browser: Browser, *pictures: bytes) -> float:
    """Return the mean difference of the shades of two pictures."""
    page: Any = browser.new_page()
    one, other = page.evaluate(_SHADES, [base64.b64encode(picture).decode() for picture in pictures])
    page.close()
    assert len(one) == len(other) > 0
    return float(sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one))
