"""The dashboard for Grafana: what it asks runs on a real database as a reader, and Grafana can import it."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import psycopg
import pytest
from adi_analytics import migrate
from adi_analytics.query import describe
from adi_analytics.query.model.describe import Described, manifest_of
from adi_analytics.server.cli.main import main
from adi_analytics.server.grafana.dashboard import dashboard
from adi_analytics.server.read.dashboard.shown import shown_beside
from support.paths import ROOT

SHOP = ROOT / "examples" / "shop"
LATENCY = "analytics_api_latency_hourly"
ALL = {"min": "2020-01-01T00:00:00Z", "max": "2040-01-01T00:00:00Z"}


def expanded(sql: str, chosen: dict[str, list[str]] | None = None) -> str:
    """Replace macros and variables as Grafana does: quotes are doubled; what stands for all is put in as it is."""

    def variable(found: re.Match[str]) -> str:
        values = (chosen or {}).get(found[1])
        return "'__all'" if values is None else ",".join("'" + one.replace("'", "''") + "'" for one in values)

    sql = re.sub(r"\$__timeFilter\(([^)]*)\)", rf"\1 BETWEEN '{ALL['min']}' AND '{ALL['max']}'", sql)
    return re.sub(r"\$\{(\w+):sqlstring\}", variable, sql)


def panels(document):
    return [one for one in document["panels"] if one["type"] != "row"]


def run(dsn: str, document, *, chosen=False) -> dict[str, list[tuple[Any, ...]]]:
    """Run what each variable and panel asks; return the rows of panels, by the title of row and panel."""
    found, values, row = {}, {}, ""
    with psycopg.connect(dsn, options="-c timezone=UTC") as connection:
        for variable in document["templating"]["list"][1:]:
            offered = [one for (one,) in connection.execute(expanded(variable["query"]).encode())]
            if chosen:
                values[variable["name"]] = [*offered[:2], "no 'such' value"]
        for panel in document["panels"]:
            if panel["type"] == "row":
                row = panel["title"]
                continue
            sql = expanded(panel["targets"][0]["rawSql"], values)
            assert "$" not in sql
            cursor = connection.execute(sql.encode())
            assert cursor.description
            if panel["targets"][0]["format"] == "time_series":
                assert cursor.description[0].name == "time"
            found[f"{row}: {panel['title']}"] = cursor.fetchall()
    return found


@pytest.fixture(scope="module")
def ours():
    return dashboard(describe("adi_analytics_events"), shown_beside(manifest_of("adi_analytics_events")))


def test_what_our_dashboard_asks_is_answered_rightly(service, ours):
    answers = run(service.read_dsn, ours)
    assert not [title for title, rows in answers.items() if not rows]
    ((requests,),) = service.rows(f"select sum(request_count) from {LATENCY}")
    assert sum(one[1] for one in answers["API: Requests"]) == requests
    assert sum(one[1] for one in answers["API: By endpoint"]) == requests
    lines = answers["API: Latency"]  # each group's own, of those with the most requests
    assert 1 < len({one[1:4] for one in lines}) <= 10
    ((p95,),) = service.rows(
        f"select p95_duration_ms from {LATENCY} where hour = '{lines[0][0]}' and service is not distinct from"
        f" nullif('{lines[0][1]}', '') and endpoint = '{lines[0][2]}' and method = '{lines[0][3]}'"
    )
    assert lines[0][5] == p95
    some = run(service.read_dsn, ours, chosen=True)
    assert 0 < sum(one[1] for one in some["API: By endpoint"]) <= requests


def test_what_the_dashboard_of_the_shop_asks_can_be_asked(postgres_dsn):
    migrate.apply("all", migrate.Options(database_url=postgres_dsn, project=SHOP))
    manifest = (SHOP / "generated" / "sql" / "manifest.json").read_bytes()
    assert len(run(postgres_dsn, dashboard(msgspec.json.decode(manifest, type=Described)))) > 5


def test_a_section_dashboard_of_the_catalog_changes_it(ours, capsys):
    assert main(["grafana", "--catalog", "adi_analytics_events"]) == 0
    assert json.loads(capsys.readouterr().out) == ours
    rows = [one["title"] for one in ours["panels"] if one["type"] == "row"]
    assert rows[:4] == ["Active users", "Users", "Retention", "Tasks"]
    plain = dashboard(describe("adi_analytics_events"))
    assert {one["title"] for one in plain["panels"] if one["type"] == "row"} >= {"API latency", "Task flow"}


def test_the_document_is_as_grafana_expects(ours):
    assert isinstance(ours["schemaVersion"], int)
    source, *variables = ours["templating"]["list"]
    assert (source["name"], source["type"]) == ("DS", "datasource")
    names = [one["name"] for one in (source, *variables)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"\w+", one, re.ASCII) for one in names)
    ids = [one["id"] for one in ours["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y)
        for one in ours["panels"]
        for x in range(one["gridPos"]["x"], one["gridPos"]["x"] + one["gridPos"]["w"])
        for y in range(one["gridPos"]["y"], one["gridPos"]["y"] + one["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert all(x < 24 for x, _ in cells)
    for panel in panels(ours):
        sources = [one["datasource"]["uid"] for one in (panel, *panel["targets"])]
        assert sources == ["${DS}", "${DS}"]
    assert {one["title"] for one in ours["panels"] if one["type"] == "row"} >= {"API", "From task to success", "Users"}
    (rate,) = (one for one in panels(ours) if one["title"] == "Success rate")
    assert rate["fieldConfig"]["defaults"]["unit"] == "percentunit"
    assert "sample_error_message" not in json.dumps(ours)
