"""Tokens in a ClickHouse: the same as `adi_analytics.server.tokens` in a PostgreSQL.

A row is only ever added: one that revokes a token has its id and a time. So no statement changes what is stored.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.text import literal
from adi_analytics.server.tokens import ON_CLICKHOUSE, Token, UnknownTokenError, made

if TYPE_CHECKING:
    from adi_analytics._shared.clickhouse.session import ClickhouseSession
    from adi_analytics.server.tokens import Scope

_TABLE: Final = f"""
create table if not exists {ON_CLICKHOUSE} (
    `id` String,
    `name` String,
    `scope` String,
    `hash` String,
    `at` DateTime64(6, 'UTC'),
    `revoked` Bool
)
engine = MergeTree
order by `id`
"""
_LISTED: Final = f"""
select id, argMin(name, revoked), any(scope), min(toUnixTimestamp64Micro(at)),
    maxOrNullIf(toUnixTimestamp64Micro(at), revoked)
from {ON_CLICKHOUSE} group by id order by 4, id
"""  # noqa: S608 - a constant
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def create(session: ClickhouseSession, name: str, scope: Scope) -> str:
    """Make a token called *name* and return it: this once. The table of tokens is made with the first."""
    token, id_, hashed = made(scope)
    session.ask(_TABLE)
    _add(session, (id_, name, scope, hashed.hex()), revoked=False)
    return token


def listed(session: ClickhouseSession) -> list[Token]:
    """Return all tokens, the oldest first."""
    return [
        Token(
            id=id_,
            name=name,
            scope=scope,
            created_at=_moment(created),
            revoked_at=None if revoked is None else _moment(revoked),
        )
        for id_, name, scope, created, revoked in session.rows(_LISTED)
    ]


def revoke(session: ClickhouseSession, id_: str) -> None:
    """Make a token invalid.

    Raises:
        UnknownTokenError: If no valid token has this id.
    """
    valid = {one.id: one for one in listed(session) if one.revoked_at is None}
    if id_ not in valid:
        raise UnknownTokenError(id_)
    _add(session, (id_, valid[id_].name, valid[id_].scope, ""), revoked=True)


def _add(session: ClickhouseSession, texts: tuple[str, ...], *, revoked: bool) -> None:
    values = ", ".join(map(literal, texts))
    session.ask(f"insert into {ON_CLICKHOUSE} select {values}, now64(6), {str(revoked).lower()}")


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
