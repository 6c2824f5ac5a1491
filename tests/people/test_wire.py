"""Questions about people read events and fields by the names that they have in JSON."""

from __future__ import annotations

import json

from adi_analytics_codegen.backends.sql import sql_of
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
