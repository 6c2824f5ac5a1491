"""Tokens: who may do what. The database holds a hash of each, so that nobody can read one there.

A token is ``adi_SCOPE_ID_SECRET``. The secret is 32 random bytes, which no one can guess, so a plain SHA-256 hides it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from adi_analytics.errors import AnalyticsError
from adi_analytics.server.condition import Condition
from adi_analytics.server.ingest.outage import SILENT
from adi_analytics.server.ingest.writer import DatabaseUnavailableError

if TYPE_CHECKING:
    import psycopg

    from adi_analytics.server.ingest.writer import Writer

Scope = Literal["ingest", "read"]
SCOPES: Final[tuple[Scope, ...]] = ("ingest", "read")
_TOKEN: Final = re.compile(r"adi_(ingest|read)_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_VALID: Final = "select id, scope, encode(hash, 'hex') from analytics_meta.tokens where revoked_at is null"
ON_CLICKHOUSE: Final = "analytics_server_tokens"
"""The table of tokens in a ClickHouse."""
_VALID_ON_CLICKHOUSE: Final = (
    f"select id, any(scope), max(hash) from {ON_CLICKHOUSE} group by id having not max(revoked)"  # noqa: S608 - a constant
)
FRESH: Final = 5.0
"""Seconds for which what was read of the tokens counts; at half of them they are read again."""
PATIENCE: Final = 1.0
"""Seconds that a request waits for tokens that are not fresh, counted from when they began to be read."""
OLDEST: Final = 86_400.0
"""Seconds for which the tokens last known count while the database says nothing."""
_LONGEST: Final = 10.0  # seconds to read them; then their connection is free for events again


class UnknownTokenError(AnalyticsError):
    """There is no such token, or it was revoked before.

    Attributes:
        id: The id that was given.
    """

    def __init__(self, id_: str) -> None:
        super().__init__(id_)
        self.id = id_

    def __str__(self) -> str:
        return f"no valid token has the id {self.id!r}; `analytics-server token list` shows those there are"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token, without its secret."""

    id: str
    name: str
    scope: Scope
    created_at: datetime
    revoked_at: datetime | None


def create(connection: psycopg.Connection[Any], name: str, scope: Scope) -> str:
    """Make a token called *name* and return it: this once, since the database keeps its hash only."""
    token, id_, hashed = made(scope)
    connection.execute(
        "insert into analytics_meta.tokens (id, name, scope, hash) values (%s, %s, %s, %s)",
        (id_, name, scope, hashed),
    )
    return token


def made(scope: Scope) -> tuple[str, str, bytes]:
    """Return a new token, its id, and the hash that is kept of it."""
    id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return f"adi_{scope}_{id_}_{secret}", id_, _hash(secret)


def listed(connection: psycopg.Connection[Any]) -> list[Token]:
    """Return all tokens, the oldest first."""
    found = connection.execute(
        "select id, name, scope, created_at, revoked_at from analytics_meta.tokens order by created_at, id"
    )
    return [
        Token(id=id_, name=name, scope=scope, created_at=created, revoked_at=revoked)
        for id_, name, scope, created, revoked in found
    ]


def revoke(connection: psycopg.Connection[Any], id_: str) -> None:
    """Make a token invalid. Services that run refuse it within `FRESH` seconds.

    Raises:
        UnknownTokenError: If no valid token has this id.
    """
    done = connection.execute(
        "update analytics_meta.tokens set revoked_at = now() where id = %s and revoked_at is null", (id_,)
    )
    if not done.rowcount:
        raise UnknownTokenError(id_)


def id_of(token: str) -> str:
    """Return the id in a *token* that is valid."""
    return token.split("_", 3)[2]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class Tokens:
    """The valid tokens, as a service knows them.

    They are read beside the requests. While the database is away or silent, those last known count, for a day at most.

    Args:
        writer: Where they are read.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._valid: dict[str, tuple[str, bytes]] = {}
        self._read_at = self._began = -math.inf
        self._reading: asyncio.Task[None] | None = None
        self._condition = Condition("the tokens can be read again, after %.1f s")

    async def allows(self, token: str, scope: Scope) -> bool | None:
        """Return whether *token* is valid for *scope*; ``None`` if it is valid for another.

        Raises:
            DatabaseUnavailableError: If the tokens could never be read, or not for `OLDEST` seconds.
        """
        found = _TOKEN.fullmatch(token)
        if found is None:
            return False
        kept = (await self._known()).get(found[2])
        if kept is None or not hmac.compare_digest(kept[1], _hash(found[3])):
            return False
        return True if kept[0] == scope else None

    async def close(self) -> None:
        """End the reading that is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _known(self) -> dict[str, tuple[str, bytes]]:
        age = self._age()
        if age > FRESH / 2:
            reading = self._begin()
            if age > FRESH:
                left = self._began + PATIENCE - time.monotonic()
                await asyncio.wait([reading], timeout=None if age > OLDEST else max(0.0, left))
        if self._age() > OLDEST:
            raise DatabaseUnavailableError
        return self._valid

    def _age(self) -> float:
        return time.monotonic() - self._read_at

    def _begin(self) -> asyncio.Task[None]:
        """Begin to read them, unless that is under way, or was tried just now; all who wait share one reading."""
        now = time.monotonic()
        if self._reading is None or (self._reading.done() and now - self._began >= FRESH / 2):
            self._began = now
            self._reading = asyncio.create_task(self._read(now), name="adi-analytics tokens")
        return self._reading

    async def _read(self, now: float) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                rows = await self._writer.fetch(_VALID, _VALID_ON_CLICKHOUSE)
        except (DatabaseUnavailableError, TimeoutError) as error:  # the next try is soon
            outage = SILENT if isinstance(error, TimeoutError) else error.outage
            self._condition.failed(outage.fault, outage.level, "the tokens can't be read (%s)", outage.log)
            return
        self._condition.worked()
        self._valid = {id_: (scope, bytes.fromhex(hashed)) for id_, scope, hashed in rows}
        self._read_at = now
