"""Questions about people read events and fields by the names that they have in JSON."""

from __future__ import annotations

import json

from adi_analytics_codegen.backends.sql.files import sql_of
from adi_analytics_codegen.backends.sql.manifest.people import rows_print
from adi_analytics_codegen.check.catalog import load_catalog
from support.people import cases


def test_the_sql_has_the_names_on_the_wire(tmp_path):
    document = json.loads(json.dumps(cases.DOCUMENT))
    for event in document["events"].values():
        event["fields"]["thing"]["wire"] = "the thing"
    document["events"]["a"]["wire"] = "web.a"
    document["events"]["a"]["fields"]["n"]["wire"] = "N"
    document["funnels"]["tested"]["dimension"] = "n"
    file = tmp_path / "events.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    catalog = load_catalog(file)

    funnel, things = (sql_of(catalog, name, "postgres") for name in ("tested", "people_members_thing_daily"))

    assert "event_type in ('web.a', 'b')" in funnel
    assert "event_type = 'web.a' and (case when jsonb_typeof(data -> 'N')" in funnel
    assert "event_type = 'b' and (case when jsonb_typeof(data -> 'n')" in funnel
    assert "array_agg(case when jsonb_typeof(data -> 'N')" in funnel
    assert "data -> 'the thing'" in things


def test_the_order_of_a_list_means_nothing(tmp_path):
    def made(step: object) -> tuple[str, str]:
        document = json.loads(json.dumps(cases.DOCUMENT))
        document["funnels"]["plain"]["steps"]["s1"] = step
        file = tmp_path / "events.yaml"
        file.write_text(json.dumps(document), encoding="utf-8")
        catalog = load_catalog(file)
        asked = next(one for one in catalog.funnels if one.name == "plain")
        return sql_of(catalog, "plain", "timescaledb"), rows_print(catalog, asked)

    first, last = "b", {"event": "b", "where": {"n": {"gt": 1}}}

    assert made([first, last, "x"]) == made(["x", last, first])
    assert made([first, last]) != made([first])
    assert made([first]) == made(first)
