"""What the seven aggregates must hold, counted in plain Python from the events that were sent.

It shares nothing with the generated SQL but the catalog's descriptions, so that agreement means something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any, TypeAlias

from adi_analytics import events
from stream import Sent

Key: TypeAlias = tuple[Any, ...]
"""The bucket, then the dimensions."""
Rows: TypeAlias = dict[Key, dict[str, Any]]


def expected(sent: list[Sent]) -> dict[str, Rows]:
    """Return, by aggregate, the rows that it must have."""
    return {
        "analytics_daily_active_users": _active_users(sent),
        "analytics_task_stats_daily": _roll_up(sent, _TASKS, _day, _task_stats),
        "analytics_api_latency_hourly": _roll_up(
            sent, (events.ApiRequest,), lambda at, e: (_hour(at), e.service, e.endpoint, e.method), _api_latency
        ),
        "analytics_integration_health_daily": _roll_up(
            sent, _INTEGRATIONS, lambda at, e: (*_day(at, e), e.provider), _integration_health
        ),
        "analytics_auth_events_daily": _roll_up(sent, _AUTH, _day, _auth),
        "analytics_cocoon_activity_daily": _roll_up(sent, _COCOONS, _day, _cocoons),
        "analytics_errors_hourly": _roll_up(
            sent, (events.ApplicationError,), lambda at, e: (_hour(at), e.service, e.error_type), _errors
        ),
    }


_TASKS = (events.TaskCreated, events.TaskStarted, events.TaskCompleted, events.TaskFailed, events.TaskCancelled)
_INTEGRATIONS = (
    events.IntegrationConnected,
    events.IntegrationDisconnected,
    events.IntegrationUsed,
    events.IntegrationError,
)
_AUTH = (events.AuthLoginAttempt, events.AuthCodeVerified, events.AuthTokenRefresh)
_COCOONS = (events.CocoonRegistered, events.CocoonConnected, events.CocoonDisconnected, events.CocoonClaimed)


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _day(at: datetime, _event: object) -> Key:
    return (_hour(at).replace(hour=0),)


def _roll_up(
    sent: list[Sent],
    classes: tuple[type, ...],
    key: Callable[[datetime, Any], Key],
    measure: Callable[[list[Any]], dict[str, Any]],
) -> Rows:
    groups: dict[Key, list[Any]] = defaultdict(list)
    for at, event in sent:  # in order of time, so the first of a group is the earliest
        if isinstance(event, classes):
            groups[key(at, event)].append(event)
    return {group: measure(members) for group, members in groups.items()}


def _active_users(sent: list[Sent]) -> Rows:
    users: dict[datetime, list[Any]] = defaultdict(list)
    for at, event in sent:
        user = getattr(event, "user_id", None)
        if user is not None:
            users[_day(at, event)[0]].append(user)

    def distinct(last: datetime, days: int) -> int:
        return len(set().union(*(users[last - timedelta(days=back)] for back in range(days))))

    return {
        (day,): {
            "active_users": distinct(day, 1),
            "weekly_active_users": distinct(day, 7),
            "monthly_active_users": distinct(day, 30),
            "total_events": len(users[day]),
        }
        for day in list(users)
    }


def _task_stats(group: list[Any]) -> dict[str, Any]:
    durations = [e.duration_ms for e in group if isinstance(e, events.TaskCompleted)]
    completed, failed = len(durations), _count(group, events.TaskFailed)
    return {
        "created": _count(group, events.TaskCreated),
        "started": _count(group, events.TaskStarted),
        "completed": completed,
        "failed": failed,
        "cancelled": _count(group, events.TaskCancelled),
        "avg_duration_ms": fmean(durations) if durations else None,
        "p95_duration_ms": _percentile(durations, 0.95),
        "success_rate": completed / (completed + failed) if completed + failed else None,
    }


def _api_latency(group: list[Any]) -> dict[str, Any]:
    durations = [e.duration_ms for e in group]
    return {
        "request_count": len(group),
        "avg_duration_ms": fmean(durations),
        "p50_duration_ms": _percentile(durations, 0.5),
        "p95_duration_ms": _percentile(durations, 0.95),
        "p99_duration_ms": _percentile(durations, 0.99),
        "error_4xx_count": sum(e.status_code // 100 == 4 for e in group),
        "error_5xx_count": sum(e.status_code // 100 == 5 for e in group),
    }


def _integration_health(group: list[Any]) -> dict[str, Any]:
    return {
        "connections": _count(group, events.IntegrationConnected),
        "disconnections": _count(group, events.IntegrationDisconnected),
        "uses": _count(group, events.IntegrationUsed),
        "errors": _count(group, events.IntegrationError),
        "unique_users": _distinct(e.user_id for e in group),
    }


def _auth(group: list[Any]) -> dict[str, Any]:
    logins = [e for e in group if isinstance(e, events.AuthLoginAttempt)]
    return {
        "login_attempts": len(logins),
        "successful_logins": sum(e.success for e in logins),
        "failed_logins": sum(not e.success for e in logins),
        "code_verifications": _count(group, events.AuthCodeVerified),
        "token_refreshes": _count(group, events.AuthTokenRefresh),
        "unique_users_authenticated": _distinct(e.user_id for e in group if e.success),
    }


def _cocoons(group: list[Any]) -> dict[str, Any]:
    seconds = [e.duration_seconds for e in group if isinstance(e, events.CocoonDisconnected)]
    return {
        "registrations": _count(group, events.CocoonRegistered),
        "connections": _count(group, events.CocoonConnected),
        "disconnections": len(seconds),
        "claims": _count(group, events.CocoonClaimed),
        "avg_session_duration_seconds": fmean(seconds) if seconds else None,
        "unique_cocoons": _distinct(e.cocoon_id for e in group),
    }


def _errors(group: list[Any]) -> dict[str, Any]:
    return {
        "error_count": len(group),
        "affected_users": _distinct(e.user_id for e in group),
        "sample_error_message": group[0].error_message,
    }


def _count(group: list[Any], event_class: type) -> int:
    return sum(isinstance(event, event_class) for event in group)


def _distinct(values: Iterable[Any]) -> int:
    return len({value for value in values if value is not None})


def _percentile(values: list[int], fraction: float) -> float | None:
    """Interpolate between the two nearest ranks, as SQL's ``percentile_cont`` does."""
    if not values:
        return None
    ordered, rank = sorted(values), fraction * (len(values) - 1)
    below, above = ordered[int(rank)], ordered[min(int(rank) + 1, len(ordered) - 1)]
    return below + (above - below) * (rank - int(rank))
