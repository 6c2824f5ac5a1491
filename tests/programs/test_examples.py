"""The programs of examples/, as users run them: every event arrives exactly once."""

from __future__ import annotations

import re
import signal
import uuid
from collections import Counter

import httpx
import psutil
import pytest

USER = "0198c0de-0000-7000-8000-000000000001"
REQUESTS = "data->>'endpoint', data->>'method', (data->>'status_code')::int"


def test_plain_script(programs, request):
    script = request.config.rootpath / "examples" / "plain_script.py"
    assert programs.run(str(script)) == "delivered 3 events\n"
    assert programs.rows("event_type, service, meta->'context'->>'run_id'") == {
        ("task_created", "nightly-build", "2026-11-24"): 1,
        ("task_started", "nightly-build", "2026-11-24"): 1,
        ("task_completed", "nightly-build", "2026-11-24"): 1,
    }


def test_query(programs, request):
    told = programs.run(str(request.config.rootpath / "examples" / "query.py")).splitlines()
    assert told[:5] == [
        "7 days, the last one is provisional",
        "created: 3",
        "completed: 3",
        "success_rate: 1.0",
        "avg_duration_ms: 300.0 ms",
    ]
    assert told[5].startswith("p95_duration_ms: 56")
    assert told[5].endswith(" ms")
    assert told[6] == "the week before: 0 created"


def test_fastapi_under_uvicorn(programs, service):
    with programs.running("uvicorn", "fastapi_app:app", "--fd", str(service.fd), pass_fds=(service.fd,)):
        for _ in range(10):
            assert service.request("POST", f"/tasks?user_id={USER}") == 200
        assert service.request("GET", f"/tasks/{uuid.uuid4()}") == 404
        assert service.request("GET", "/nowhere") == 404
        assert service.request("GET", "/broken") == 500
    requests = Counter({key: n for key, n in programs.rows(f"event_type, {REQUESTS}, user_id").items() if key[1]})
    assert requests == {
        ("api_request", "/tasks", "POST", 200, uuid.UUID(USER)): 10,
        ("api_request", "/tasks/{task_id}", "GET", 404, None): 1,
        ("api_request", "(none)", "GET", 404, None): 1,
        ("api_request", "/broken", "GET", 500, None): 1,
    }
    assert programs.rows("event_type").total() == 23
    # The task and the request that made it carry the same request id.
    of_request = programs.rows("meta->'context'->>'request_id'")
    assert sorted(of_request.values()) == [1, 1, 1] + [2] * 10


@pytest.mark.parametrize("preload", [("--preload",), ()])
def test_django_under_gunicorn(programs, service, preload):
    bind = ("--bind", f"fd://{service.fd}")
    with programs.running(
        "gunicorn", *preload, "--workers", "2", *bind, "django_app:application", pass_fds=(service.fd,)
    ):
        for _ in range(20):
            assert service.request("POST", f"/projects/{uuid.uuid4()}", X_User=USER) == 200
        assert service.request("GET", "/nowhere") == 404
        assert service.request("GET", "/broken") == 500
    rows = programs.rows(f"event_type, {REQUESTS}")
    assert rows == {
        ("api_request", "/projects/<uuid:project_id>", "POST", 200): 20,
        ("project_deleted", None, None, None): 20,
        ("api_request", "(none)", "GET", 404): 1,
        ("api_request", "/broken", "GET", 500): 1,
    }
    assert programs.rows("event_id").total() == len(programs.rows("event_id"))


@pytest.mark.parametrize("options", [(), ("--max-tasks-per-child", "3")])
def test_celery_in_a_pool_of_processes(programs, options):
    """Also with processes that are replaced after a few tasks."""
    broker = programs.folder / "broker"
    broker.mkdir()
    # Sent before: the broker made of files hands out a message that is only half written, if it is asked meanwhile.
    programs.run("-m", "celery_tasks", "send", USER)
    with programs.running("celery", "-A", "celery_files", "worker", "--pool=prefork", "--concurrency=2", *options):
        assert programs.run("-m", "celery_tasks", "wait") == "20 done, 1 failed\n"
    rows = programs.rows("event_type, service, user_id, data->>'task_id' = meta->'context'->>'celery_task_id'")
    assert rows == {
        ("task_started", "task-runner", uuid.UUID(USER), True): 21,
        ("task_completed", "task-runner", uuid.UUID(USER), True): 20,
        ("task_failed", "task-runner", uuid.UUID(USER), True): 1,
    }
    assert list(broker.iterdir()) == []


def test_the_demo_tells_what_it_does_and_serves_it(programs, request):
    demo = request.config.rootpath / "examples" / "demo"
    with programs.printing(str(demo), "--events", "3000", "--serve", DATABASE_URL="") as process:
        shown = ""
        while "until Ctrl-C" not in shown:
            line = process.stdout.readline()
            assert line, shown
            shown += line
        assert "3,000 events of" in shown
        assert "All seven agree." in shown
        with httpx.Client(base_url=re.findall(r"http://127\.0\.0\.1:\d+", shown)[-1], timeout=60) as client:
            assert client.get("/health").json() == {"status": "ok"}
            totals = client.get("/aggregates/analytics_task_stats_daily", params={"measures": "created"}).json()[
                "totals"
            ]
        assert totals["created"] > 0
        begun = psutil.Process(process.pid).children(recursive=True)
        assert begun  # the database
        process.send_signal(signal.SIGINT)
        assert "Stopped." in process.stdout.read()
        assert process.wait(60) == 0
        assert psutil.wait_procs(begun, 60)[1] == []
