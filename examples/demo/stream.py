"""A made-up but lifelike stream: users who sign in, run tasks, use integrations, and the services that serve them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from adi_analytics import events

Sent: TypeAlias = "tuple[datetime, events.AnyEvent]"

SERVICES = ("platform", "webhook-gateway", "cocoon-hub")
PROVIDERS = ("github", "gitlab", "slack", "linear")
ENDPOINTS = (
    ("GET", "/tasks", 18),
    ("POST", "/tasks", 45),
    ("GET", "/tasks/{id}", 9),
    ("GET", "/projects", 14),
    ("PATCH", "/projects/{id}", 31),
    ("GET", "/cocoons", 12),
)
COMMANDS = ("make build", "pytest -q", "npm run lint", "cargo check", "terraform plan")
ERRORS = ("TimeoutError", "ConnectionResetError", "KeyError", "ValidationError")
# Requests by hour of the day, UTC: a quiet night, a peak before and one after lunch.
BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 19, 17, 13, 16, 18, 17, 14, 10, 8, 6, 5, 4, 2, 1)


@dataclass(frozen=True, slots=True)
class User:
    """A user and what belongs to that user."""

    id: UUID
    email: str
    cocoon: UUID
    project: UUID
    integration: UUID
    provider: str
    activity: float
    """Chance of being active on a weekday, between 0 and 1."""


class Stream:
    """Events of the *days* days before *now*. The same seed gives the same stream."""

    def __init__(self, *, seed: int, now: datetime, days: int, users: int = 480) -> None:
        self._rng = random.Random(seed)
        self._now = now
        self._first_day = (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
        self._users = [self._user(number) for number in range(users)]

    def events(self, count: int) -> list[Sent]:
        """Return *count* events in order of time: days are made fuller until they are enough, and some are left out."""
        sent: list[Sent] = []
        while len(sent) < count:
            day = self._first_day
            while day < self._now:
                sent += (item for item in self._day(day) if item[0] < self._now)
                day += timedelta(days=1)
        return sorted(self._rng.sample(sent, count), key=lambda item: item[0])

    def _day(self, day: datetime) -> Iterator[Sent]:
        weekend = 0.35 if day.weekday() >= 5 else 1.0
        for user in self._users:
            if self._rng.random() < user.activity * weekend:
                yield from self._session(user, self._moment(day))
        for _ in range(int(60 * weekend)):
            yield from self._webhook(self._moment(day))

    def _session(self, user: User, start: datetime) -> Iterator[Sent]:
        rng, at = self._rng, _Clock(start, self._rng)
        ok = rng.random() < 0.94
        yield (
            at(1),
            events.AuthLoginAttempt(
                user_id=user.id if ok else None, email=user.email, success=ok, error=None if ok else "unknown address"
            ),
        )
        if not ok:
            return
        yield at(20), events.AuthCodeVerified(user_id=user.id, success=True)
        yield at(1), events.AuthSessionValidated(user_id=user.id, valid=True)
        yield at(5), events.CocoonConnected(cocoon_id=user.cocoon, user_id=user.id)
        connected = at.now
        if rng.random() < 0.08:
            yield from self._setup(user, at)
        for _ in range(rng.randint(1, 5)):
            yield from self._task(user, at)
            yield from self._requests(user, at, rng.randint(3, 9))
        if rng.random() < 0.5:
            yield from self._integration(user, at)
        yield at(1), events.AuthTokenRefresh(user_id=user.id, success=rng.random() < 0.98)
        ended = at(60)
        yield (
            ended,
            events.CocoonDisconnected(
                cocoon_id=user.cocoon, user_id=user.id, duration_seconds=int((ended - connected).total_seconds())
            ),
        )

    def _setup(self, user: User, at: _Clock) -> Iterator[Sent]:
        token, project = self._uuid(), self._uuid()
        yield at(5), events.CocoonSetupTokenCreated(token_id=token, user_id=user.id, cocoon_name="laptop")
        yield at(30), events.CocoonSetupTokenUsed(token_id=token, cocoon_id=user.cocoon, user_id=user.id)
        yield at(1), events.CocoonRegistered(cocoon_id=user.cocoon, user_id=user.id, device_name="laptop")
        yield at(2), events.CocoonClaimed(cocoon_id=user.cocoon, user_id=user.id, via_setup_token=True)
        yield at(9), events.ProjectCreated(project_id=project, user_id=user.id, name="Prototype")
        yield at(40), events.ProjectUpdated(project_id=project, user_id=user.id)
        yield at(90), events.ProjectDeleted(project_id=project, user_id=user.id)
        yield at(3), events.OAuthFlowStarted(user_id=user.id, provider=user.provider, state=str(self._uuid()))
        yield at(15), events.OAuthFlowCompleted(user_id=user.id, provider=user.provider, success=True)
        yield (
            at(1),
            events.IntegrationConnected(
                integration_id=user.integration, user_id=user.id, provider=user.provider, project_id=user.project
            ),
        )

    def _task(self, user: User, at: _Clock) -> Iterator[Sent]:
        rng, task = self._rng, self._uuid()
        yield (
            at(30),
            events.TaskCreated(
                task_id=task,
                user_id=user.id,
                project_id=user.project,
                cocoon_id=user.cocoon,
                command=rng.choice(COMMANDS),
            ),
        )
        yield at(2), events.TaskStarted(task_id=task, user_id=user.id, cocoon_id=user.cocoon)
        ms = int(rng.lognormvariate(9.2, 1.1))
        ended = at(ms / 1000)
        match rng.choices(("completed", "failed", "cancelled"), (86, 10, 4))[0]:
            case "completed":
                yield ended, events.TaskCompleted(task_id=task, user_id=user.id, duration_ms=ms, exit_code=0)
            case "failed":
                yield (
                    ended,
                    events.TaskFailed(
                        task_id=task, user_id=user.id, duration_ms=ms, exit_code=1, error="command failed"
                    ),
                )
            case _:
                yield ended, events.TaskCancelled(task_id=task, user_id=user.id, duration_ms=ms)

    def _requests(self, user: User, at: _Clock, number: int) -> Iterator[Sent]:
        rng = self._rng
        for _ in range(number):
            method, endpoint, typical = rng.choice(ENDPOINTS)
            ms = int(rng.lognormvariate(0, 0.7) * typical) + 1
            status = rng.choices((200, 404, 422, 500), (94, 3, 2, 1))[0]
            yield (
                at(2),
                events.DatabaseQuery(
                    service="platform",
                    query_type="select",
                    duration_ms=max(1, ms // 3),
                    rows_affected=rng.randint(0, 50),
                ),
            )
            yield (
                at(0.1),
                events.ApiRequest(
                    service="platform",
                    endpoint=endpoint,
                    method=method,
                    status_code=status,
                    duration_ms=ms,
                    user_id=user.id,
                ),
            )
            if status == 500:
                kind = rng.choice(ERRORS)
                yield (
                    at(0.1),
                    events.ApplicationError(
                        service=rng.choice(SERVICES),
                        error_type=kind,
                        error_message=f"{kind} in {method} {endpoint}",
                        user_id=user.id,
                        context={"endpoint": endpoint, "attempt": 1},
                    ),
                )

    def _integration(self, user: User, at: _Clock) -> Iterator[Sent]:
        common = {"integration_id": user.integration, "user_id": user.id, "provider": user.provider}
        for _ in range(self._rng.randint(1, 6)):
            yield at(10), events.IntegrationUsed(**common, action="create_issue")
        if self._rng.random() < 0.1:
            yield at(1), events.IntegrationError(**common, error="rate limited")
        if self._rng.random() < 0.02:
            yield at(5), events.IntegrationDisconnected(**common, reason="no longer needed")

    def _webhook(self, start: datetime) -> Iterator[Sent]:
        rng, at = self._rng, _Clock(start, self._rng)
        delivery = {
            "integration_id": rng.choice(self._users).integration,
            "provider": rng.choice(PROVIDERS),
            "event_type": rng.choice(("push", "issue", "comment")),
            "delivery_id": str(self._uuid()),
        }
        yield at(1), events.WebhookReceived(**delivery)
        yield at(1), events.WebhookProcessed(**delivery, success=True, duration_ms=rng.randint(2, 200))

    def _moment(self, day: datetime) -> datetime:
        hour = self._rng.choices(range(24), BY_HOUR)[0]
        return day + timedelta(hours=hour, seconds=self._rng.uniform(0, 3600))

    def _user(self, number: int) -> User:
        return User(
            id=self._uuid(),
            email=f"user{number}@example.org",
            cocoon=self._uuid(),
            project=self._uuid(),
            integration=self._uuid(),
            provider=self._rng.choice(PROVIDERS),
            activity=min(1.0, self._rng.betavariate(1.2, 2.2)),
        )

    def _uuid(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)


class _Clock:
    """Moves time on by about so many seconds at each call."""

    def __init__(self, start: datetime, rng: random.Random) -> None:
        self.now = start.astimezone(UTC)
        self._rng = rng

    def __call__(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds * self._rng.uniform(0.5, 1.5))
        return self.now
