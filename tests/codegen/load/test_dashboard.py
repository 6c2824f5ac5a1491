"""What a catalog says of its dashboard, and the lines that define its parts: they change nothing stored."""

import json
from pathlib import Path

from adi_analytics_codegen.backends import render
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.fingerprint import fingerprint
from support.paths import ROOT

SHOP = (ROOT / "examples" / "shop" / "events.yaml").read_text(encoding="utf-8")
SECTION = """
dashboard:
  title: The shop
  sections:
    shop_sales_daily:
      title: Sales
      by: country
      panels: [{title: Trade, measures: [orders, parcels]}]
      measures: {p90_total: {title: Large orders, format: number}}
    shop_reviews_weekly: {hide: true}
"""


def made(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "events.yaml"
    file.write_text(text, encoding="utf-8")
    return render(load_catalog(file), ["sql"])


def test_neither_the_dashboard_nor_a_comment_changes_what_is_stored(tmp_path):
    plain = made(tmp_path, SHOP)
    before = fingerprint(load_catalog(tmp_path / "events.yaml"))
    for text in (SHOP + SECTION, SHOP.replace("events:\n", "# What happens.\nevents:\n", 1)):
        files = made(tmp_path, text)
        assert {path for path in files if files[path] != plain[path]} == {"sql/dashboard.json"}
        assert fingerprint(load_catalog(tmp_path / "events.yaml")) == before


def test_the_dashboard_is_generated_as_the_catalog_says_it(tmp_path):
    document = json.loads(made(tmp_path, SHOP + SECTION)["sql/dashboard.json"])
    sales, reviews = document["sections"]
    assert (document["title"], reviews["name"], reviews["hide"]) == ("The shop", "shop_reviews_weekly", True)
    assert sales["panels"] == [{"title": "Trade", "measures": ["orders", "parcels"]}]
    assert sales["measures"] == [{"name": "p90_total", "title": "Large orders", "format": "number", "hide": False}]


def test_each_part_has_the_lines_that_define_it(tmp_path):
    more = tmp_path / "more" / "events.yaml"
    more.parent.mkdir()
    more.write_text(
        "events:\n  page_left:\n    # at the end\n    domain: browsing\n\n    description: Left.\n  # no part of it\n"
        "funnels:\n  way: {description: x, within: 2 days, bucket: {as: day, width: 1 day}, steps: {\n"
        "    one: product_viewed, two: order_placed,\n  }}\n",
        encoding="utf-8",
    )
    text = SHOP.replace("storage:", "include: [more/events.yaml]\nstorage:", 1)
    document = json.loads(made(tmp_path, text)["sql/dashboard.json"])
    found = {(one["kind"], one["name"]): one for one in document["definitions"]}
    left, way = found["event", "page_left"], found["funnel", "way"]
    assert (left["file"], left["line"]) == ("more/events.yaml", 2)
    assert left["text"] == "page_left:\n  # at the end\n  domain: browsing\n\n  description: Left."
    assert way["text"].endswith("steps: {\n  one: product_viewed, two: order_placed,\n}}")
    assert way["reads"] == ["product_viewed", "order_placed"]
    sales = found["aggregate", "shop_sales_daily"]
    assert text.splitlines()[sales["line"] - 1] == "  shop_sales_daily:"
    assert (sales["reads"], sales["owner"]) == (["order_placed"], "shop@example.org")
