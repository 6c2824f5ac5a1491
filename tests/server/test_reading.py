"""The paths that answer: the predecessor's contract, and one for each aggregate of the catalog."""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import io
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from adi_analytics.migrate.cli.main import main as migrate_main
from adi_analytics.query import QueryDatabaseError, query
from adi_analytics.server import tokens
from adi_analytics.server.read import reader
from adi_analytics.server.read.reader import database_problem
from adi_analytics.server.read.sources import postgres
from support.contract import CONTRACT
from support.reading import of_today
from support.serving import served

ERRORS, LATENCY, TASKS = "analytics_errors_hourly", "analytics_api_latency_hourly", "analytics_task_stats_daily"
R = {"start_date": "2026-01-06T12:00:00Z", "end_date": "2026-02-05"}
"""A range that begins within a day, and ends with one."""
WITHIN = "timestamp >= '2026-01-06' and timestamp < '2026-02-06'"


@pytest.fixture
def service(either_service):
    return either_service


@pytest.mark.parametrize("path", CONTRACT)
def test_the_predecessors_paths_have_its_names(service, path):
    many, columns = CONTRACT[path]
    given = R if path not in {"/overview", "/api/slowest"} else {}
    answer = service.get(path, **given)
    assert answer == service.get(f"/api/analytics{path}", **given)
    for row in answer if many else [answer]:
        assert list(row) == list(columns)
        assert all(type(row[name]) in kinds for name, kinds in columns.items())
    assert answer


def test_days_and_weeks_are_of_distinct_users(service):
    raw = "select date_trunc('{}', timestamp), count(distinct user_id), count(*) from analytics_events"
    raw += " where {} and user_id is not null group by 1 order by 1 desc"
    days = service.get("/users/daily", **R)
    weeks = service.get("/users/weekly", **R)
    weekly = "timestamp >= '2026-01-05' and timestamp < '2026-02-09'"
    for answer, unit, within in ((days, "day", WITHIN), (weeks, "week", weekly)):
        found = [(datetime.fromisoformat(row["day"]), row["active_users"], row["total_events"]) for row in answer]
        assert found == service.rows(raw.format(unit, within))
    assert sum(row["active_users"] for row in days) > sum(row["active_users"] for row in weeks)
    assert {datetime.fromisoformat(row["day"]).weekday() for row in weeks} == {0}


def test_tasks_add_up_and_what_is_undefined_is_null(service):
    daily, whole = service.get("/tasks/daily", **R), service.get("/tasks/overview", **R)
    for name in ("created", "completed", "failed", "cancelled"):
        ((count,),) = service.rows(
            f"select count(*) from analytics_events where {WITHIN} and event_type = 'task_{name}'"
        )
        assert sum(row[name] for row in daily) == whole[f"total_{name}"] == count > 0
    done, failed = whole["total_completed"], whole["total_failed"]
    assert whole["success_rate"] == pytest.approx(done / (done + failed))
    assert any(row["success_rate"] is None for row in daily)
    empty = service.get("/tasks/overview", start_date="2025-01-01", end_date="2025-01-02")
    assert (empty["total_created"], empty["success_rate"], empty["avg_duration_ms"]) == (0, None, None)


def test_latency_has_no_limit_and_the_slowest_have_a_least_number(service):
    rows = service.get("/api/latency", **R)
    within = WITHIN.replace("timestamp", "hour")
    assert len(rows) == service.rows(f"select count(*) from {LATENCY} where {within}")[0][0]
    keys = [(row["hour"], row["p99_duration_ms"] or -1) for row in rows]
    assert keys == sorted(keys, key=lambda key: (key[0], key[1]), reverse=True)
    (slowest,) = service.get("/api/slowest")
    assert (slowest["endpoint"], slowest["request_count"]) == ("/slow", 12)
    assert slowest["p50_duration_ms"] == pytest.approx(5.5, rel=0.02)
    assert service.get("/api/slowest", min_requests=13) == []


def test_the_overview_counts_today_and_all_that_was_stored(service):
    found = service.get("/overview")
    count = "select count({}) from analytics_events where event_type = '{}'"
    assert found["total_users"] == service.rows("select count(distinct user_id) from analytics_events")[0][0]
    assert found["total_tasks"] == service.rows(count.format("*", "task_created"))[0][0]
    assert found["total_integrations"] == service.rows(count.format("*", "integration_connected"))[0][0]
    service.insert(list(of_today())[:4])  # a day may have begun since the service started
    found = service.get("/overview")
    today = "from analytics_events where timestamp >= date_trunc('day', now(), 'UTC') and"
    ((tasks, cocoons, users),) = service.rows(
        f"select (select count(*) {today} event_type = 'task_created'),"
        f" (select count(distinct data ->> 'cocoon_id') {today} event_type = 'cocoon_registered'),"
        f" (select count(distinct user_id) {today} user_id is not null)"
    )
    assert [found[name] for name in ("tasks_today", "active_cocoons", "active_users_today")] == [tasks, cocoons, users]
    assert found["active_users_week"] == found["active_users_month"] == 2
    assert tasks >= 2


@pytest.mark.parametrize(
    ("path", "given", "parameter"),
    [
        ("/users/daily", {"start_date": "yesterday"}, "start_date"),
        ("/users/daily", {"start_date": "2026-02-30"}, "start_date"),
        ("/users/daily", {"start_date": "2026-02-02", "end_date": "2026-02-01"}, "start_date"),
        ("/users/daily", {"end_date": "9999-12-31"}, "end_date"),
        ("/users/daily", {"start": "2026-01-01"}, "start"),
        ("/users/daily", {"start_date": ["2026-01-01", "2026-01-02"]}, "start_date"),
        ("/api/slowest", {"limit": "0"}, "limit"),
        ("/overview", {"start_date": "2026-01-01"}, "start_date"),
        (LATENCY, {"measures": "request_cuont"}, "measures"),
        (LATENCY, {"dimensions": "service,hots"}, "dimensions"),
        (LATENCY, {"granularity": "minute"}, "granularity"),
        (LATENCY, {"time_zone": "Mars/Olympus"}, "time_zone"),
        (LATENCY, {"between": "2026-02-30,2026-03-01"}, "between"),
        (LATENCY, {"between": "1y"}, "between"),
        (LATENCY, {"compare": "yesterday"}, "compare"),
        (LATENCY, {"order_by": "-speed"}, "order_by"),
        (LATENCY, {"order_by": "service"}, "order_by"),
        (LATENCY, {"limit": "many"}, "limit"),
        (LATENCY, {"after": "!"}, "after"),
        (LATENCY, {"fill": "yes"}, "fill"),
        (LATENCY, {"filter.method": "a\0b"}, "filter.method"),
        (LATENCY, {"filter.method.exists": "1"}, "filter.method.exists"),
        (LATENCY, {"filter.host": "a"}, "filter.host"),
        (ERRORS, {"measures": "sample_error_message"}, "measures"),
    ],
)
def test_a_wrong_parameter_is_named(service, path, given, parameter):
    path = path if path.startswith("/") else f"/aggregates/{path}"
    answer = service.client.get(path, params=given)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    problem = answer.json()
    assert problem["parameter"] == parameter
    assert problem["expected"]
    assert problem["detail"].endswith(".")


def test_a_measure_without_a_right_value_is_refused_with_a_way_out(service):
    problem = service.get(f"/aggregates/{ERRORS}", 422, measures="affected_users", granularity="week")
    assert (problem["type"], problem["measure"]) == ("urn:adi-analytics:problem:measure-refused", "affected_users")
    assert "granularity='bucket' with service, error_type" in problem["expected"]
    assert service.get("/aggregates/analytics_latency", 404)["known"]
    assert service.get("/users/dayly", 404)["detail"]


def test_an_answer_is_that_of_the_query_layer(service):
    asked: dict[str, Any] = {
        "measures": ["request_count", "p95_duration_ms"], "dimensions": ["service"], "granularity": "week",
        "time_zone": "Europe/Berlin", "compare": "previous_period", "order_by": ["-request_count"],
    }  # fmt: skip
    plain = query(LATENCY, between=("2026-01-05", "2026-02-01"), filters={"service": ["a", "b"]}, **asked,
                  database=service.read_database, catalog="adi_analytics_events")  # fmt: skip
    given: dict[str, Any] = {name: ",".join(one) if isinstance(one, list) else one for name, one in asked.items()}
    given |= {"between": "2026-01-05,2026-02-01", "filter.service": ["a", "b"]}
    found = service.get(f"/aggregates/{LATENCY}", **given)
    assert [list(row.values()) for row in found["rows"]] == [[shown(value) for value in row] for row in plain.rows]
    assert found["totals"] == plain.totals
    assert [column["exactness"] for column in found["columns"]] == [column.exactness for column in plain.columns]
    assert found["states"] == list(plain.states)
    assert found["query"]["filters"] == {"service": {"in": ["a", "b"]}}
    assert found["rows"]
    moments = service.get(f"/aggregates/{LATENCY}", between="2026-01-05T00:00:00+01:00,2026-01-06T00:00:00 01:00")
    assert moments["query"]["start"] == "2026-01-04T23:00:00Z"
    assert service.get(f"/aggregates/{LATENCY}", between="24h", granularity="total")["totals"]["request_count"] == 12


def shown(value):
    return value.isoformat() if isinstance(value, datetime) else value


def test_people_are_answered_as_their_public_views_say(service):
    within = "day >= '2026-01-01' and day < '2026-01-20'"
    cases = {
        "/funnels/task_flow": ("task_flow", {}),
        "/funnels/task_flow?steps": ("task_flow_steps", {"show": "steps"}),
        "/retention/daily_retention": ("daily_retention", {}),
        "/retention/daily_retention?lifecycle": ("daily_retention_lifecycle", {"show": "lifecycle"}),
        "/members/user_id": ("analytics_members_daily", {}),
    }
    for path, (view, asked) in cases.items():
        found = service.get(path.partition("?")[0], between="2026-01-01,2026-01-19", **asked)
        columns = ", ".join(column["name"] for column in found["columns"])
        rows = service.rows(f"select {columns} from {view} where {within} order by 1, 2")
        assert [list(row.values())[1:] for row in found["rows"]] == [[*row[1:]] for row in rows] != []
    mean = service.get("/retention/daily_retention", show="mean", between="2026-01-01,2026-01-19")
    assert mean["rows"][0]["rate"] == 1.0
    assert service.client.get("/retention/daily_retention.csv").text.startswith("day,period,members,")
    assert service.get("/funnels/task_flo", 404)["known"] == ["task_flow"]
    assert service.get("/retention/daily_retention", 400, show="all")["parameter"] == "show"


def test_pages_follow_links_and_csv_has_the_same_rows(service):
    path = f"/aggregates/{LATENCY}"
    asked = {"dimensions": "service,endpoint", "between": "2026-01-01,2026-01-20", "granularity": "week"}
    whole = service.get(path, **asked)
    pages: list[Any] = []
    answer = service.client.get(path, params=asked | {"limit": 7})
    while True:
        pages += answer.json()["rows"]
        assert ("next" in answer.links) == (answer.json()["next"] is not None)
        if "next" not in answer.links:
            break
        answer = service.client.get(answer.url.join(answer.links["next"]["url"]))
    assert pages == whole["rows"]
    assert len(pages) > 7
    table = service.client.get(f"{path}.csv", params=asked)
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    header, *lines = csv.reader(io.StringIO(table.text))
    assert header == [column["name"] for column in whole["columns"]]
    assert lines == [["" if value is None else str(value) for value in row.values()] for row in whole["rows"]]
    assert service.client.get(path, params=asked, headers={"Accept": "text/csv"}).text == table.text
    assert len(service.client.get("/users/daily.csv", params=R).text.splitlines()) > 20


def test_tables_of_arrow_need_its_library(service):
    asked = {"between": "2026-01-01,2026-01-20", "dimensions": "service"}
    answers = [service.client.get(f"/aggregates/{LATENCY}.{form}", params=asked) for form in ("parquet", "arrow")]
    if importlib.util.find_spec("pyarrow") is None:
        assert [answer.status_code for answer in answers] == [406, 406]
        assert "pip install 'adi-analytics[arrow]'" in answers[0].json()["detail"]
        return
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    rows = service.get(f"/aggregates/{LATENCY}", **asked)["rows"]
    tables = [parquet.read_table(io.BytesIO(answers[0].content)), arrow.ipc.open_stream(answers[1].content).read_all()]
    for table in tables:
        assert [shown(row["hour"]).replace("+00:00", "Z") for row in table.to_pylist()] == [row["hour"] for row in rows]
        assert table.column("request_count").to_pylist() == [row["request_count"] for row in rows]
    kinds = [answer.headers["content-type"] for answer in answers]
    assert kinds == ["application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"]


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("*/*", 200, "application/json"),
        ("text/html, */*;q=0.1", 200, "application/json"),
        ("application/json;q=0.5, text/csv", 200, "text/csv; charset=utf-8"),
        ("image/png", 406, "application/problem+json"),
        ("application/json;q=0", 406, "application/problem+json"),
    ],
)
def test_the_form_is_what_the_client_accepts(service, accept, status, kind):
    answer = service.client.get(f"/aggregates/{TASKS}", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)


def test_an_answer_that_did_not_change_is_not_sent_again(service):
    path, stored = f"/aggregates/{TASKS}", {"between": "2026-01-01,2026-01-10"}
    first = service.client.get(path, params=stored)
    assert first.headers["cache-control"] == "private, max-age=60"
    again = service.client.get(path, params=stored, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    today = service.client.get(path)
    assert today.headers["cache-control"] == "private, no-cache"
    service.insert([next(of_today())])
    changed = service.client.get(path, headers={"If-None-Match": today.headers["etag"]})
    assert (changed.status_code, changed.headers["etag"] != today.headers["etag"]) == (200, True)
    assert service.client.head(path).content == b""


def test_the_statements_of_an_answer_give_its_rows(service):
    path = f"/aggregates/{LATENCY}"
    asked = {"dimensions": "service", "between": "2026-01-01,2026-02-01", "granularity": "week"}
    answer = service.client.get(path, params=asked | {"explain": "sql"})
    assert answer.headers["content-type"] == "application/sql; charset=utf-8"
    rows, totals = answer.text.split("-- totals\n")
    found = service.get(path, **asked)
    read = service.answer(rows)
    assert [[shown(value.astimezone(UTC) if isinstance(value, datetime) else value) for value in row]
            for row in read] == [[v if k != "hour" else shown(datetime.fromisoformat(v)) for k, v in row.items()]
                                 for row in found["rows"]]  # fmt: skip
    assert service.answer(totals) == [tuple(found["totals"].values())]


def test_nothing_personal_is_shown_or_offered(service):
    asked = {"between": "2026-01-01,2026-02-10", "granularity": "bucket", "dimensions": "service,error_type"}
    answers = [service.client.get(f"/aggregates/{ERRORS}{form}", params=asked) for form in ("", ".csv")]
    texts = {message for (message,) in service.rows(
        "select distinct data ->> 'error_message' from analytics_events where event_type = 'application_error'"
        " and length(data ->> 'error_message') > 3"
    )}  # fmt: skip
    kinds = {kind for (kind,) in service.rows(f"select distinct error_type from {ERRORS} where error_type is not null")}
    for answer in answers:
        assert not any(text in answer.text for text in texts - kinds)
    listed = service.client.get("/aggregates")
    assert "sample_error_message" not in listed.text
    assert {one["owner"] for one in listed.json()["aggregates"]} == {"platform@adi.example"}
    assert "sample_error_message" not in service.client.get("/openapi.json").text
    (warning,) = [one for one in answers[0].json()["warnings"] if one["code"] == "left-out"]
    assert warning["message"].endswith("No answer of this service shows them.")


def test_small_groups_are_kept_back(service):
    service.insert(list(of_today())[:4])

    async def run():
        async with served(database_url=service.database, suppress_below=5) as client:
            day = await client.get("/users/daily", params={"start_date": "2026-01-01", "end_date": "2026-02-10"})
            funnel = await client.get("/funnels/task_flow", params={"between": "2026-01-01,2026-02-10"})
            return (await client.get("/overview")).json(), day.json(), funnel.json()

    overview, days, funnel = asyncio.run(run())
    assert {row["entered"] for row in funnel["rows"]} <= {None, 0, 5, 6}
    assert (overview["active_users_today"], overview["active_cocoons"], overview["tasks_today"] > 1) == (None,) * 2 + (
        True,
    )
    assert overview["total_users"] > 5
    assert {row["active_users"] for row in days} <= {None, 5, 6}


def test_readers_need_a_token_of_their_own(service):
    made = {scope: service.token(scope) for scope in tokens.SCOPES}

    async def run():
        async with served(database_url=service.database, without_tokens=False) as client:
            for path in ("/overview", "/openapi.json", f"/aggregates/{TASKS}.csv", "/aggregates/x", "/api/latency"):
                wanted = {None: 401, "adi_read_x": 401, made["ingest"]: 403}
                for token, status in wanted.items():
                    headers = {"Authorization": f"Bearer {token}"} if token else {}
                    assert (await client.get(path, headers=headers)).status_code == status
            headers = {"Authorization": f"Bearer {made['read']}"}
            assert (await client.get("/overview", headers=headers)).status_code == 200
            assert (await client.post("/events/batch", json=[], headers=headers)).status_code == 403

    asyncio.run(run())


def test_a_database_that_can_not_answer_is_503(service, monkeypatch):
    monkeypatch.setattr(postgres, "_WAIT", 0.3)

    async def run():
        async with served(database_url=service.database, read_database_url="postgresql://127.0.0.1:1/x") as client:
            return [await client.get(path) for path in ("/overview", f"/aggregates/{TASKS}", "/health")]

    overview, tasks, health = asyncio.run(run())
    assert [one.status_code for one in (overview, tasks, health)] == [503, 503, 200]
    assert tasks.json()["type"] == overview.json()["type"] == "urn:adi-analytics:problem:database-unavailable"
    assert overview.headers["retry-after"] == "5"
    slow = database_problem(QueryDatabaseError("57014", "the answer took longer than the timeout", "Ask again."))
    assert (slow.status, slow.code) == (503, "too-slow")


def test_too_many_rows_are_an_error_and_no_silent_cut(service, monkeypatch):
    monkeypatch.setattr(reader, "MOST_ROWS", 5)
    problem = service.get("/users/daily", 422, **R)
    assert problem["type"] == "urn:adi-analytics:problem:too-many-rows"
    assert len(service.get(f"/aggregates/{TASKS}", between="2026-01-01,2026-01-30", limit=9)["rows"]) == 9


def test_the_events_are_shown_with_what_is_observed(postgres_service, capsys):
    service = postgres_service
    misfit = next(of_today())
    foreign = replace(misfit, event_type="no_such_event", event_id=uuid.uuid4())
    service.insert([replace(misfit, event_id=uuid.uuid4()), foreign])
    with psycopg.connect(service.dsn) as connection:
        connection.execute(
            "insert into analytics_dead_letters (event_id, event_type, reason, message, library_version, payload)"
            " values (gen_random_uuid(), 'task_created', 'refused', 'x', '1', '{}')"
        )

    async def run():
        async with served(database_url=service.database) as client:
            return (await client.get("/events")).json(), (await client.get("/events.csv")).text

    found, table = asyncio.run(run())
    events = {one["name"]: one for one in found["events"]}
    created, refreshed = events["task_created"], events["auth_token_refresh"]
    assert created["misfits"] == created["checked"] == created["rows"] >= 3
    assert created["problems"][0]["problem"] == "Object contains unknown field"
    assert (refreshed["rows"], refreshed["share"], refreshed["last_seen"][:5]) == (0, None, "2026-")
    assert (created["description"], created["owner"]) == ("A task was created.", "platform@adi.example")
    assert [(one["name"], one["rows"]) for one in found["unknown"]] == [("no_such_event", 1)]
    assert [(one["reason"], one["letters"]) for one in found["dead_letters"]] == [("refused", 1)]
    assert table.splitlines()[0].startswith("name,version,last_seen,rows,")
    assert table.splitlines()[0].endswith(",owner,description")
    assert len(service.get("/events")["notes"]) == 2  # a reader may see neither events nor letters

    assert migrate_main(["audit", "--database-url", service.dsn, "--format", "json"]) == 0
    audited = json.loads(capsys.readouterr().out)
    audited.pop("at"), found.pop("at")
    assert audited == found
    assert migrate_main(["audit", "--database-url", service.dsn, "--days", "90"]) == 0
    shown = capsys.readouterr().out
    assert "no_such_event" in shown
    assert "Object contains unknown field" in shown


def test_the_audit_of_an_empty_database_says_what_to_run(postgres_dsn, capsys):
    assert migrate_main(["audit", "--database-url", postgres_dsn]) == 5
    assert "analytics-migrate all" in capsys.readouterr().err
    assert migrate_main(["audit", "--days", "0"]) == 2


def test_the_audit_of_another_catalogs_database_is_refused(migrated_dsn, capsys):
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute("update analytics_meta.installation set catalog = 'other'")
    assert migrate_main(["audit", "--database-url", migrated_dsn]) == 5
    assert "belongs to the catalog 'other'" in capsys.readouterr().err
    with psycopg.connect(migrated_dsn) as connection:  # as an early release made it
        connection.execute("alter table analytics_meta.installation drop column catalog")
    assert migrate_main(["audit", "--database-url", migrated_dsn]) == 0


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [("06", "07", [7, 6]), ("06", "06T00:00:00Z", [6]), ("06T23:59:59Z", "06T23:59:59.5Z", [6]), ("06", "06", [6])],
)
def test_both_ends_of_a_range_are_included(service, start, end, days):
    rows = service.get("/users/daily", start_date=f"2026-01-{start}", end_date=f"2026-01-{end}")
    assert [datetime.fromisoformat(row["day"]).day for row in rows] == days
