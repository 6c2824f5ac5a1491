"""What is made from the catalog: the OpenAPI document, asked by schemathesis, and the clients, compiled and run."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import json
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import msgspec
import pytest
from adi_analytics.query import describe, query
from adi_analytics.query.model.describe import Described
from adi_analytics.server import ServerOptions, create_app
from adi_analytics.server.client.render import render
from adi_analytics.server.read.aggregates import parameters_of
from adi_analytics.server.read.reading import Reading
from adi_analytics_codegen.backends.sql.manifest.document import manifest, to_json
from adi_analytics_codegen.check.catalog import load_catalog
from hypothesis import given, settings
from hypothesis import strategies as st
from support.codegen.typescript import compile_typescript, run_node
from support.paths import ROOT

LATENCY, TASKS = "analytics_api_latency_hourly", "analytics_task_stats_daily"
OURS = describe("adi_analytics_events")


def test_whatever_the_query_layer_can_be_asked_has_a_parameter():
    kept_back = {"aggregate", "filters", "personal", "suppress_below", "database", "catalog", "timeout"}
    offered = parameters_of(OURS.aggregate("analytics_api_latency_hourly")) | parameters_of(
        OURS.aggregate("analytics_daily_active_users")
    )
    plain = {name for name in offered if not name.startswith("filter.")}
    assert plain == set(inspect.signature(query).parameters) - kept_back | {"explain"}
    for language in ("python", "typescript"):
        text = render(OURS, language).replace("timeZone", "time_zone").replace("orderBy", "order_by")
        assert all(name in text for name in plain - {"explain"})


def test_a_strangers_catalog_is_described_with_no_edit(tmp_path):
    """A new aggregate in events.yaml has a path with its own parameters; the predecessor's paths are not there."""
    text = (ROOT / "examples" / "shop" / "events.yaml").read_text()
    added = """aggregates:
  shop_views_hourly:
    description: Views by hour and product.
    from: [product_viewed]
    bucket: {as: hour, width: 1 hour}
    dimensions: {product: product_id}
    measures: {views: {count: true}}
    refresh: {every: 1 hour, window: 3 days, lag: 1 hour}
"""
    file = tmp_path / "events.yaml"
    file.write_text(text.replace("aggregates:\n", added, 1))
    made = msgspec.convert(msgspec.json.decode(to_json(manifest(load_catalog(file)))), Described)
    paths = Reading(made, None).document["paths"]
    assert {path for path in paths if path.startswith("/aggregates/")} == {
        "/aggregates/shop_views_hourly", "/aggregates/shop_checkout_5min", "/aggregates/shop_sales_daily",
        "/aggregates/shop_reviews_weekly",
    }  # fmt: skip
    assert not {"/overview", "/users/daily", "/api/latency"} & set(paths)
    operation = paths["/aggregates/shop_views_hourly"]["get"]
    given = {one["name"]: one["schema"] for one in operation["parameters"]}
    assert given["measures"]["items"] == {"type": "string", "enum": ["views"]}
    assert {name for name in given if name.startswith("filter.product")} >= {"filter.product", "filter.product.ne"}
    row = operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["rows"]["items"]
    assert {name: one["type"] for name, one in row["properties"].items()} == {
        "hour": "string", "product": ["string", "null"], "views": ["integer", "null"],
        "previous_views": ["integer", "null"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def operations(service):
    import schemathesis  # costs a third of a second, and no other test needs it

    document = service.get("/openapi.json")
    del document["paths"]["/events/batch"]  # test_batch.py sends it whatever there is
    kept = {name: one for name, one in document["components"]["schemas"].items() if not name.startswith("Event.")}
    schema = schemathesis.openapi.from_dict(document | {"components": document["components"] | {"schemas": kept}})
    schema.config.update(base_url=str(service.client.base_url.join("/api/analytics")))
    found = [one.ok() for one in schema.get_all_operations()]
    return {one.path: one for one in found if one.method == "get"}


def test_every_answer_is_what_the_openapi_document_says(service, operations):
    """A short run that always asks the same; each path is asked several times."""
    paths = sorted(operations)
    assert {f"/aggregates/{TASKS}", "/overview", "/api/slowest", "/aggregates"} <= set(paths)
    strategy = st.sampled_from(paths).flatmap(lambda path: operations[path].as_strategy())
    from schemathesis import checks

    wanted = [checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
              checks.response_schema_conformance]  # fmt: skip

    @settings(max_examples=20, derandomize=True, database=None)
    @given(strategy)
    def ask(case):
        case.call_and_validate(checks=wanted)

    ask()
    for path in paths:
        answer = service.client.get(f"/api/analytics{path}")
        operations[path].validate_response(answer)


def test_every_path_of_the_service_is_in_the_openapi_document():
    options = ServerOptions(database_url="postgresql://a@127.0.0.1:1/a", catalog="adi_analytics_events")
    routed = {
        (method, path.removeprefix("/api/analytics").rpartition(".")[0] or path.removeprefix("/api/analytics"))
        for route in create_app(options).routes
        if (path := getattr(route, "path", "")).startswith("/api/analytics/")
        for method in getattr(route, "methods", None) or ()
        if "{" not in path  # says which names there are
    }
    paths = Reading("adi_analytics_events", None).document["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert {one for one in routed if one[0] != "HEAD"} == described | {("GET", "/openapi")}


def test_the_openapi_document_takes_what_the_service_takes():
    """The catalog's JSON Schemas are in it; every example of theirs is right by it."""
    document = Reading("adi_analytics_events", None).document
    item = document["components"]["schemas"]["Item"]
    validator = jsonschema_rs.validator_for({**item, "components": document["components"]})
    kinds = {name: one for name, one in document["components"]["schemas"].items() if name.startswith("Event.")}
    assert len(kinds) == 30
    at = "2020-01-01T00:00:00Z"
    sent = [{"timestamp": at, "event": event} for one in kinds.values() for event in one.get("examples", ())]
    for one in sent:
        validator.validate(one)
    assert not validator.is_valid({"timestamp": at, "event": {"type": "task_created"}})
    assert not validator.is_valid({"timestamp": at, "event": {"type": "no_such_event"}})
    assert len(sent) > 3


USE_TS = """
import { Analytics, AnalyticsProblem } from "./client";

const api = new Analytics(process.argv[2] ?? "");
declare const process: { argv: string[]; stdout: { write(text: string): void } };

async function main() {
  const question = {
    measures: ["request_count", "p95_duration_ms"], dimensions: ["service"], granularity: "week",
    between: ["2026-01-05", "2026-02-01"], filters: { service: ["a", "b"], method: { exists: true } },
    compare: "previous_period", orderBy: ["-request_count"],
  } as const;
  const answer = await api.ask("analytics_api_latency_hourly", question);
  const numbers: (number | null)[] = answer.rows.map((row) => row.request_count ?? row.previous_request_count);
  const hours: string[] = answer.rows.map((row) => row.hour + row.service);
  const pages: number[] = [];
  const daily = { measures: ["created"], between: "2026-01-01,2026-01-10".split(",") as [string, string] } as const;
  for await (const page of api.pages("analytics_task_stats_daily", { ...daily, limit: 4 })) {
    pages.push(page.rows.length);
  }
  const total = await api.ask("analytics_task_stats_daily", { measures: ["created"], granularity: "total" });
  const observed = await api.events({ days: 7, sample: 5 });
  const misfits: number[] = observed.events.flatMap((event) => event.problems.map((one) => one.rows));
  const names: string[] = [...observed.events, ...observed.unknown].map((event) => event.name);
  // @ts-expect-error: it may never have been seen
  void (() => observed.events[0]?.last_seen.length);
  // @ts-expect-error: no such parameter
  void (() => api.events({ weeks: 1 }));
  let refused: unknown = null;
  try {
    await api.ask("analytics_errors_hourly", { measures: ["affected_users"], granularity: "week" });
  } catch (error) {
    refused = error instanceof AnalyticsProblem ? [error.status, error.document["measure"]] : error;
  }
  // @ts-expect-error: no such measure
  void (() => api.ask("analytics_task_stats_daily", { measures: ["request_count"] }));
  // @ts-expect-error: no such dimension to filter by
  void (() => api.ask("analytics_task_stats_daily", { measures: ["created"], filters: { service: "a" } }));
  // @ts-expect-error: no such aggregate
  void (() => api.ask("analytics_tasks", { measures: ["created"] }));
  // @ts-expect-error: a value of another type
  void (() => api.ask("analytics_errors_hourly", { measures: ["error_count"], filters: { service: 5 } }));
  // @ts-expect-error: a measure that was not asked for
  void answer.rows[0]?.error_4xx_count;
  // @ts-expect-error: a total has no time
  void total.rows[0]?.day;
  // @ts-expect-error: personal
  void (() => api.ask("analytics_errors_hourly", { measures: ["sample_error_message"] }));
  const known = names.length + misfits.length;
  const right = numbers.length === hours.length;
  process.stdout.write(JSON.stringify({ rows: answer.rows, pages, refused, observed, known, right }));
}

void main();
"""
RUN_TS = """
const fs = require("fs"), path = require("path"), ts = require("typescript");
const [folder, url] = process.argv.slice(1);
for (const name of ["client", "use"]) {
  const text = fs.readFileSync(path.join(folder, name + ".ts"), "utf8");
  const options = { compilerOptions: { module: "commonjs", target: "es2022" } };
  fs.writeFileSync(path.join(folder, name + ".js"), ts.transpileModule(text, options).outputText);
}
process.argv[2] = url;
require(path.join(folder, "use.js"));
"""
ASKED = {
    "measures": "request_count,p95_duration_ms", "dimensions": "service", "granularity": "week",
    "between": "2026-01-05,2026-02-01", "filter.service": ["a", "b"], "filter.method.exists": "true",
    "compare": "previous_period", "order_by": "-request_count",
}  # fmt: skip


def test_the_typescript_client_compiles_and_runs(service, tmp_path):
    (tmp_path / "client.ts").write_text(render(OURS, "typescript"))
    (tmp_path / "use.ts").write_text(USE_TS)
    assert compile_typescript(tmp_path / "use.ts") == ""
    url = str(service.client.base_url.join("/api/analytics"))
    found = json.loads(run_node(RUN_TS, str(tmp_path), url))
    assert found["rows"] == service.get(f"/aggregates/{LATENCY}", **ASKED)["rows"] != []
    assert (found["pages"], found["refused"], found["right"]) == ([4, 4, 2], [422, "affected_users"], True)
    observed = service.get("/events", days=7, sample=5)
    assert found["observed"] | {"at": ""} == observed | {"at": ""}
    assert found["known"] == len(observed["events"]) > 20


def imported(folder: Path, described: Described) -> Any:
    """Return the module that a Python client is."""
    file = folder / "client.py"
    file.write_text(render(described, "python"))
    spec = importlib.util.spec_from_file_location("made_client", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_python_client_is_typed_and_runs(service, tmp_path):
    module = imported(tmp_path, OURS)
    api = module.Analytics(str(service.client.base_url.join("/api/analytics/")))
    answer = api.analytics_api_latency_hourly(
        measures=["request_count", "p95_duration_ms"], dimensions=["service"], granularity="week",
        between=("2026-01-05", "2026-02-01"), filters={"service": ["a", "b"], "method": {"exists": True}},
        compare="previous_period", order_by=["-request_count"],
    )  # fmt: skip
    assert answer.rows == service.get(f"/aggregates/{LATENCY}", **ASKED)["rows"] != []
    observed = service.get("/events", days=7, sample=5) | {"at": ""}
    assert dataclasses.asdict(api.events(days=7, sample=5)) | {"at": ""} == observed
    with pytest.raises(module.AnalyticsProblemError) as caught:
        api.analytics_errors_hourly(measures=["affected_users"], granularity="week")
    assert (caught.value.status, caught.value.document["measure"]) == (422, "affected_users")
    hints = typing.get_type_hints(module.Analytics.analytics_errors_hourly)
    assert hints["measures"] == Sequence[Literal["error_count", "affected_users"]]
    assert hints["dimensions"] == Sequence[Literal["service", "error_type"]]
    assert hints["return"] == module.Answer[module.AnalyticsErrorsHourlyRow]
    row = typing.get_type_hints(module.AnalyticsErrorsHourlyRow)
    assert (row["hour"], row["service"], row["error_count"]) == (str, str | None, int | None)
    assert "sample_error_message" not in row
    assert set(typing.get_type_hints(module.AnalyticsErrorsHourlyFilters)) == {"service", "error_type"}


def test_the_clients_know_what_is_observed_of_events(tmp_path):
    """Whatever the service answers at `/events` is a member of their types."""
    members = dict(Reading(OURS, None).document["paths"]["/events"]["get"]["responses"]["200"]["content"])
    schema = members["application/json"]["schema"]["properties"]
    python, typescript = imported(tmp_path, OURS), render(OURS, "typescript")
    assert set(typing.get_type_hints(python.Observed)) == set(schema)
    for name, type_ in {"events": "ObservedEvent", "unknown": "UnknownEvent", "dead_letters": "WaitingLetters"}.items():
        item = schema[name]["items"]["properties"]
        assert set(typing.get_type_hints(getattr(python, type_))) == set(item)
        assert all(f"readonly {member}: " in typescript for member in item)


def test_an_aggregate_may_be_called_as_a_method_of_every_client(tmp_path):
    named = msgspec.structs.replace(OURS.aggregate(TASKS), name="events")
    client = imported(tmp_path, msgspec.structs.replace(OURS, aggregates=(named,))).Analytics
    assert "measures" in inspect.signature(client.events_).parameters
    assert "days" in inspect.signature(client.events).parameters
