"""Made-up histories: valid events of any catalog, as people could send them."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema_rs
import pytest
from adi_analytics_codegen.backends.json_schema import JsonSchemas
from adi_analytics_codegen.check.catalog import load, load_catalog
from adi_analytics_codegen.show.stream.history import History
from support.codegen.projects import Project, minimal
from support.paths import EVENTS, ROOT

UNTIL = datetime(2026, 3, 31, 18, 0, tzinfo=UTC)
EXAMPLES = [EVENTS, *(ROOT / "examples" / name / "events.yaml" for name in ("shop", "ecommerce"))]
EVERYTHING = ROOT / "tests/codegen/fixtures/catalogs/good/everything.yaml"


def history(catalog, count, *, days=40, seed=1):
    return History(catalog, days=days, until=UNTIL, seed=seed).events(count)


def check_valid(catalog, made):
    schemas = JsonSchemas(catalog)
    validators = {event.type: jsonschema_rs.validator_for(schemas.event(event)) for event in catalog.events}
    for _, event in made:
        validators[event["type"]].validate(event)


@pytest.fixture(scope="module")
def ours():
    catalog = load_catalog(EVENTS)
    return catalog, history(catalog, 6000)


@pytest.mark.parametrize("path", [*EXAMPLES, EVERYTHING], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_event_is_valid(path):
    catalog = load_catalog(path)
    made = history(catalog, 600)
    check_valid(catalog, made)
    assert 300 < len(made) < 3000
    times = [at for at, _ in made]
    assert times == sorted(times)
    assert UNTIL - timedelta(days=41) < times[0] < times[-1] <= UNTIL


def test_the_same_seed_gives_the_same_history(ours):
    catalog, made = ours
    assert history(catalog, 6000) == made
    assert history(catalog, 6000, seed=2) != made


def test_every_event_of_the_catalog_happens(ours):
    catalog, made = ours
    assert {event["type"] for _, event in made} == {event.type for event in catalog.events}


def test_days_and_weeks_have_a_rhythm(ours):
    _, made = ours
    hours = Counter(at.hour for at, _ in made)
    assert sum(hours[hour] for hour in range(8, 18)) > 4 * sum(hours[hour] for hour in range(5))
    days = Counter(at.weekday() for at, _ in made)
    assert sum(days[day] for day in range(5)) / 5 > 1.3 * (days[5] + days[6]) / 2


def test_people_come_back_for_days(ours):
    _, made = ours
    days = defaultdict(set)
    for at, event in made:
        if "user_id" in event:
            days[event["user_id"]].add(at.date())
    back = [user for user, found in days.items() if len(found) > 2]
    assert len(days) > 30
    assert len(days) > len(back) > len(days) / 3


def test_steps_of_a_funnel_come_in_order_and_fewer_each_time(ours):
    _, made = ours
    seen = defaultdict(list)
    for _, event in made:
        if "task_id" in event:
            seen[event["task_id"]].append(event["type"])
    steps = [
        sum(step in found for found in seen.values()) for step in ("task_created", "task_started", "task_completed")
    ]
    assert steps[0] > steps[1] > steps[2] > steps[0] / 4
    assert all(found[0] == "task_created" for found in seen.values())
    failed = sum("task_failed" in found for found in seen.values())
    assert 0 < failed < steps[2] / 2


def test_durations_have_a_long_tail_and_failures_are_few(ours):
    _, made = ours
    requests = [event for _, event in made if event["type"] == "api_request"]
    durations = sorted(event["duration_ms"] for event in requests)
    assert durations[len(durations) * 95 // 100] > 2 * durations[len(durations) // 2] > 0
    wrong = sum(event["status_code"] >= 400 for event in requests)
    assert 0 < wrong < len(requests) / 5
    assert len({event["endpoint"] for event in requests}) < 10


def test_conditions_of_steps_hold(tmp_path):
    events: dict[str, Any] = {
        "seen": {"domain": "web", "description": "A.", "fields": {"n": {"type": "int", "description": "N."}}},
        "kept": {
            "domain": "web",
            "description": "B.",
            "fields": {
                "where": {"type": "object", "description": "W.", "optional": True, "fields": {
                    "city": {"type": "string", "description": "C."}, "no": {"type": "float", "description": "F."},
                }},
                "why": {"type": "string", "optional": True, "description": "Y."},
            },
        },
    }  # fmt: skip
    for one in events.values():
        one["fields"]["who"] = {"type": "uuid", "description": "Who."}
        one["columns"] = {"user_id": "who"}
    test = {"where.city": {"prefix": "Bad "}, "where.no": {"gt": 3, "lte": 4}, "why": {"exists": False}}
    funnel = {
        "description": "F.", "within": "2 days", "bucket": {"as": "day", "width": "1 day"},
        "steps": {"a": {"event": "seen", "where": {"n": {"in": [7, 9]}}}, "b": {"event": "kept", "where": test}},
    }  # fmt: skip
    document = minimal(catalog={"format": 2, "name": "small", "owner": "me"}, events=events, funnels={"f": funnel})
    loaded = load(Project(tmp_path).write(document))
    assert loaded.catalog is not None, loaded.findings
    made = [event for _, event in history(loaded.catalog, 200, days=5)]
    kept = [event for event in made if event["type"] == "kept"]
    good = [event for event in kept if event.get("where", {}).get("city", "").startswith("Bad ")]
    assert len(kept) > len(good) > len(kept) / 3  # some come, but not as they should
    assert all(3 < event["where"]["no"] <= 4 and "why" not in event for event in good)
    assert {event["n"] for event in made if event["type"] == "seen"} <= {7, 9}


def test_the_command_prints_what_the_service_takes(capsys, tmp_path):
    project = Project(tmp_path)
    project.write(minimal())
    assert project.run("sample", "-n", 50, "--days", 3, "--seed", 1, "--until", "2026-03-31T18:00:00Z") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) > 20
    assert {line["event"]["type"] for line in lines} == {"page_view"}
    assert all("2026-03-28" <= line["timestamp"][:10] <= "2026-03-31" for line in lines)
    assert project.run("sample", "page_view", "--days", 3) == 2
    assert "leave out the event's name" in capsys.readouterr().err


def test_some_people_never_get_to_the_end_of_a_funnel():
    made = history(load_catalog(EXAMPLES[2]), 6000)
    people = defaultdict(set)
    for _, event in made:
        people[event.get("userId")].add(event["type"])
    looked = [found for found in people.values() if "Product Viewed" in found]
    ordered = [found for found in looked if "Order Completed" in found]
    assert len(looked) > 20
    assert len(looked) / 5 < len(ordered) < len(looked) * 0.9
