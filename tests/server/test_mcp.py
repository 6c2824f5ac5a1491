"""The Model Context Protocol: the SDK's client over stdio, against the command with our catalog and with the shop's."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

import jsonschema
import psycopg
from adi_analytics import migrate
from adi_analytics._shared.source import find_source
from adi_analytics.server import logs
from adi_analytics.server.cli.main import main
from adi_analytics.server.mcp.serve import reading_of, server_of
from adi_analytics.server.options import ServerOptions
from adi_analytics.server.read.sources import postgres
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent
from support.packages import forgotten
from support.paths import ROOT
from support.serving import served

if TYPE_CHECKING:
    from pathlib import Path

    from adi_analytics.server.read.reading import Reading

LATENCY, USERS, ERRORS = "analytics_api_latency_hourly", "analytics_daily_active_users", "analytics_errors_hourly"
JANUARY = "2026-01-01,2026-01-31"
SHOP = ROOT / "examples" / "shop"
KINDS = ["aggregate", "aggregate", "aggregate", "aggregate", "aggregate", "aggregate", "aggregate"]


class Caller:
    """Calls the tools of one connection."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def __call__(self, tool: str, *, wrong: bool = False, **arguments: Any) -> Any:
        answer = await self.client.call_tool(tool, arguments)
        assert answer.is_error == wrong, answer
        return json.loads(text_of(answer))


def text_of(answer: CallToolResult) -> str:
    (block,) = answer.content
    assert isinstance(block, TextContent)
    return block.text


def talk(server: Any, what: Any) -> Any:
    """Return what *what* returns, which calls the tools of *server*."""

    async def run() -> Any:
        async with Client(server) as client:
            return await what(Caller(client))

    return asyncio.run(run())


def command(*options: str, folder: Path = ROOT) -> StdioServerParameters:
    program = ["-m", "adi_analytics.server.cli.main", "mcp", *options]
    return StdioServerParameters(command=sys.executable, args=program, cwd=folder)


def ours(dsn: str) -> Reading:
    return reading_of(ServerOptions(catalog="adi_analytics_events", read_database_url=dsn))


def plain(answer: Any) -> Any:
    """Return an answer without the time at which it was given."""
    return {name: value for name, value in answer.items() if name != "at"}


def test_the_tools_answer_as_the_paths_do(either_service):
    service = either_service
    asked: dict[str, dict[str, Any]] = {
        LATENCY: {
            "measures": ["request_count", "p95_duration_ms"], "dimensions": ["service"], "granularity": "week",
            "time_zone": "Europe/Berlin", "compare": "previous_period", "order_by": ["-request_count"], "limit": 3,
        },
        "task_flow": {"show": "steps"},
        "daily_retention": {"show": "lifecycle"},
        "user_id": {},
    }  # fmt: skip
    paths = {LATENCY: "aggregates", "task_flow": "funnels", "daily_retention": "retention", "user_id": "members"}

    async def run(call: Caller) -> Any:
        tools = {tool.name: tool for tool in (await call.client.list_tools()).tools}
        pages = [await call("query", name=LATENCY, between=JANUARY, filters={"service": ["a", "b"]}, **asked[LATENCY])]
        after = pages[0]["next"]
        pages.append(
            await call(
                "query", name=LATENCY, between=JANUARY, filters={"service": ["a", "b"]}, after=after, **asked[LATENCY]
            )
        )
        answers = {name: await call("query", name=name, between=JANUARY, **asked[name]) for name in list(asked)[1:]}
        sql = await call.client.call_tool("query", {"name": USERS, "explain": "sql"})
        described = {one["name"]: await call("describe", name=one["name"]) for one in await call("list")}
        return tools, await call("list"), described, pages, answers, text_of(sql)

    options = ["--catalog", "adi_analytics_events", "--read-database-url", service.read_database]
    tools, listed, described, pages, answers, sql = talk(command(*options), run)

    over_http = {name: ",".join(one) if isinstance(one, list) else one for name, one in asked[LATENCY].items()}
    first = service.get(f"/aggregates/{LATENCY}", between=JANUARY, filter__service=["a", "b"], **over_http)
    assert plain(pages[0]) == plain(first)
    assert len(pages[0]["rows"]) == 3
    following = service.get(
        f"/aggregates/{LATENCY}", between=JANUARY, filter__service=["a", "b"], after=first["next"], **over_http
    )
    assert plain(pages[1]) == plain(following)
    for name, answer in answers.items():
        assert answer["rows"]
        assert plain(answer) == plain(service.get(f"/{paths[name]}/{name}", between=JANUARY, **asked[name]))
    assert sql.startswith("-- rows\n")

    assert [one["kind"] for one in listed] == [*KINDS, "members", "retention", "funnel"]
    schema = tools["query"].input_schema
    assert schema["properties"]["name"]["enum"] == [one["name"] for one in listed] == list(described)
    assert "p95_duration_ms" in schema["properties"]["measures"]["items"]["enum"]
    for name, given in asked.items():
        jsonschema.validate({"name": name, "between": JANUARY, **given}, schema)
        jsonschema.validate({"name": name, "between": JANUARY, **given}, described[name]["arguments"])
    assert all(tool.annotations.read_only_hint for tool in tools.values())
    found = {one["name"]: one for one in described[LATENCY]["measures"]}
    assert (found["p95_duration_ms"]["unit"], found["p95_duration_ms"]["kind"]) == ("ms", "percentile")
    assert found["request_count"]["exactness"]["several_buckets"] == {"exactness": "exact"}
    assert found["p95_duration_ms"]["exactness"]["several_buckets"]["exactness"] == "approximate"
    assert described[LATENCY]["lineage"] == {
        "events": ["api_request"], "all_events": False,
        "dimensions": {"service": "$service", "endpoint": "endpoint", "method": "method"},
    }  # fmt: skip
    weekly = next(one for one in described[USERS]["measures"] if one["name"] == "weekly_active_users")
    assert weekly["exactness"]["several_buckets"]["exactness"] == "refused"

    everything = json.dumps([[tool.model_dump() for tool in tools.values()], described, listed])
    assert "sample_error_message" not in everything


def test_a_refusal_says_what_to_ask(service):
    async def run(call: Caller) -> Any:
        asked: dict[str, dict[str, Any]] = {
            "measure-refused": {"name": ERRORS, "measures": ["affected_users"], "granularity": "week"},
            "wrong-argument": {"name": LATENCY, "limit": "many"},
            "unknown-argument": {"name": LATENCY, "filters": {"servise": "a"}},
            "wrong-parameter": {"name": LATENCY, "time_zone": "Mars"},
            "too-many-rows": {
                "name": LATENCY, "between": "2024-01-01,2026-01-31", "dimensions": ["service", "endpoint"],
            },
        }  # fmt: skip
        problems = {code: await call("query", wrong=True, **given) for code, given in asked.items()}
        others = [
            await call("query", wrong=True),
            await call("query", wrong=True, name="task_flows"),
            await call("query", wrong=True, name=LATENCY, filters={"service": {"like": "a"}}),
            await call("query", wrong=True, name=LATENCY, filters=["service"]),
            await call("query", wrong=True, name=LATENCY, measures=[]),
            await call("query", wrong=True, name=ERRORS, measures=["sample_error_message"]),
            await call("describe", wrong=True, name=LATENCY, limit=1),
            await call("list", wrong=True, name=LATENCY),
            await call("lisst", wrong=True),
        ]
        assert (await call("query", name=LATENCY, filters={"service": None}, between="24h"))["rows"]
        below = await call("query", name=LATENCY, filters={"service": {"lt": "b", "exists": True}}, between="24h")
        assert below["query"]["filters"] == {"service": {"lt": "b", "exists": True}}
        return problems, others

    problems, others = talk(server_of(ours(service.read_dsn)), run)
    for code, problem in problems.items():
        assert problem["type"] == f"urn:adi-analytics:problem:{code}"
    assert "granularity='bucket' with service, error_type" in problems["measure-refused"]["expected"]
    assert (problems["wrong-argument"]["parameter"], problems["wrong-argument"]["example"]) == ("limit", 1000)
    assert "Did you mean service?" in problems["unknown-argument"]["detail"]
    assert "more than 1000 rows" in problems["too-many-rows"]["detail"]
    details = [problem["detail"] for problem in others]
    for detail, part in zip(
        details,
        ["name: it is missing", "Did you mean task_flow?", "Known: in, ne, lt, lte, gt, gte, exists", "such as {",
         'such as ["request_count"', "a list with some of error_count", "Known: name", "There is none",
         "Did you mean list?"], strict=True,
    ):  # fmt: skip
        assert part in detail


def test_the_shops_catalog_over_stdio(postgres_dsn):
    migrate.apply("all", migrate.Options(database_url=postgres_dsn, project=SHOP))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for number, payment in enumerate(("card", "card", "invoice")):
            order = {"type": "order_placed", "payment": payment, "total": f"{number}.10"}
            connection.execute(
                'insert into shop_events ("timestamp", event_type, service, data, event_id)'
                " values ('2026-01-31T12:00Z', 'order_placed', 's', %s, %s)",
                (json.dumps(order), uuid.uuid4()),
            )
    asked: dict[str, Any] = {"measures": ["orders"], "dimensions": ["payment"], "granularity": "total", "limit": 9}

    async def run(call: Caller) -> Any:
        named = [one["name"] for one in await call("list")]
        about = await call("describe", name="shop_checkout_5min")
        return named, about, await call("query", name="shop_checkout_5min", between=JANUARY, **asked)

    named, about, found = talk(command("--database-url", postgres_dsn, "--suppress-below", "5", folder=SHOP), run)
    assert {"shop_checkout_5min", "shop_sales_daily", "shop_reviews_weekly"} <= set(named)
    assert about["dimensions"][0]["values"] == ["card", "invoice", "voucher"]
    assert (about["lineage"]["events"], about["bucket"]["width"]) == (["order_placed", "payment_declined"], 300)
    assert {row["payment"]: row["orders"] for row in found["rows"]} == {"card": 2, "invoice": 1}

    async def over_http() -> Any:
        package = find_source(project=SHOP).catalog().package
        async with served(database_url=postgres_dsn, catalog=package) as client:
            given: dict[str, Any] = {"measures": "orders", "dimensions": "payment", "granularity": "total", "limit": 9}
            given["between"] = JANUARY
            return (await client.get("/aggregates/shop_checkout_5min", params=given)).json()

    with forgotten("shop_events"):
        assert plain(found) == plain(asyncio.run(over_http()))


def test_a_database_that_is_away_is_a_tool_error_until_it_is_back(migrated_dsn, monkeypatch):
    monkeypatch.setattr(postgres, "_WAIT", 0.3)
    admin = psycopg.conninfo.make_conninfo(migrated_dsn, dbname="postgres")
    name = psycopg.conninfo.conninfo_to_dict(migrated_dsn)["dbname"]

    def allow(*, connections: bool) -> None:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f'alter database "{name}" allow_connections {connections}'.encode())
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))

    async def run(call: Caller) -> Any:
        before = await call("query", name=USERS)
        allow(connections=False)
        problem = await call("query", wrong=True, name=USERS)
        assert (await call("describe", name=USERS))["measures"]
        allow(connections=True)
        end = time.monotonic() + 60
        while (after := await call.client.call_tool("query", {"name": USERS})).is_error:
            assert time.monotonic() < end, after
        return before, problem, json.loads(text_of(after))

    before, problem, after = talk(server_of(ours(migrated_dsn)), run)
    assert problem["type"] == "urn:adi-analytics:problem:database-unavailable"
    assert before["rows"] == after["rows"]


def test_the_command_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(logs, "configure", lambda _form: None)  # the handlers are pytest's
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PLATFORM_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    cases = {
        "DATABASE_URL": ["--catalog", "adi_analytics_events"],
        "no_such_package": ["--catalog", "no_such_package", "--database-url", "postgresql://x"],
        "query_timeout": ["--query-timeout", "0"],
        "suppress_below": ["--suppress-below", "0"],
    }
    for part, options in cases.items():
        assert main(["mcp", *options]) == 1
        said = capsys.readouterr()
        assert (said.out, part in said.err) == ("", True)
