"""The paths of the predecessor's service: whether the answer is a list, and the names and types of a row."""

from __future__ import annotations

Kinds = set[type]
INT: Kinds = {int}
NUM: Kinds = {float, int, type(None)}
TIME: Kinds = {str}
TEXT: Kinds = {str, type(None)}
LATENCIES: dict[str, Kinds] = {
    "hour": TIME, "service": TEXT, "endpoint": TEXT, "method": TEXT, "request_count": INT, "avg_duration_ms": NUM,
    "p50_duration_ms": NUM, "p95_duration_ms": NUM, "p99_duration_ms": NUM, "error_4xx_count": INT,
    "error_5xx_count": INT,
}  # fmt: skip
CONTRACT: dict[str, tuple[bool, dict[str, Kinds]]] = {
    "/overview": (False, {
        "total_users": INT, "active_users_today": INT, "active_users_week": INT, "active_users_month": INT,
        "total_tasks": INT, "tasks_today": INT, "task_success_rate": NUM, "total_cocoons": INT, "active_cocoons": INT,
        "total_integrations": INT,
    }),
    "/users/daily": (True, {"day": TIME, "active_users": INT, "total_events": INT}),
    "/users/weekly": (True, {"day": TIME, "active_users": INT, "total_events": INT}),
    "/tasks/daily": (True, {
        "day": TIME, "created": INT, "started": INT, "completed": INT, "failed": INT, "cancelled": INT,
        "avg_duration_ms": NUM, "p95_duration_ms": NUM, "success_rate": NUM,
    }),
    "/tasks/overview": (False, {
        "total_created": INT, "total_completed": INT, "total_failed": INT, "total_cancelled": INT, "success_rate": NUM,
        "avg_duration_ms": NUM,
    }),
    "/api/latency": (True, LATENCIES),
    "/api/slowest": (True, LATENCIES),
}  # fmt: skip
