"""Asking ClickHouse: one conversation, which both ways of asking hold alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

from adi_analytics._shared.clickhouse.address import (
    ClickhouseAddress,
    is_clickhouse,
    parse_clickhouse,
    require_httpx2,
)
from adi_analytics._shared.clickhouse.errors import ClickhouseError, RefusedByServerError
from adi_analytics._shared.clickhouse.text import literal
from adi_analytics._shared.clickhouse.versions import TICKS
from adi_analytics._shared.conninfo import resolve_conninfo
from adi_analytics._shared.moments import moment_of
from adi_analytics._shared.sql import shorten
from adi_analytics.query.model.errors import QueryDatabaseError
from adi_analytics.query.model.facts import Coarser, Facts
from adi_analytics.query.run.facts import facts_of
from adi_analytics.query.run.failures import GRANT, missing
from adi_analytics.query.run.ready import answered, ready

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from adi_analytics.query.model.column import Column
    from adi_analytics.query.model.describe import Aggregate, Described
    from adi_analytics.query.model.result import Result
    from adi_analytics.query.run.ready import Given

SETTINGS: Final = {
    "max_query_size": str(2**26), "max_ast_elements": str(2**24), "max_expanded_ast_elements": str(2**24),
}  # fmt: skip
"""The starts of days and the values of filters are part of a statement, which may be long then."""

_OWN: Final = "rollup in (select rollup from analytics_meta_aggregates where aggregate = {aggregate})"
_FACTS: Final = f"""
select
    (select any(catalog) from analytics_meta_installation),
    toUnixTimestamp64Micro(now64(6)),
    (select if(count() = 0, null, toUnixTimestamp64Micro(max(until))) from analytics_meta_buckets where {_OWN}),
    (
        select nullIf(max(toUnixTimestamp64Micro(before)), 0) from analytics_meta_expired
        where toUnixTimestamp64Micro(at) < (
            select if(count() = 0, toInt64(9000000000000000000), toInt64(intDiv(min(version), {TICKS})))
            from analytics_meta_buckets
            where {_OWN} and bucket >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        )
    ),
    (select groupArrayArray(relations) from analytics_meta_aggregates where aggregate = {{aggregate}}),
    (select groupArray(name) from system.tables where database = currentDatabase() and engine = 'View'),
    (select groupArray((name, type)) from system.columns where database = currentDatabase() and table = {{live}})
"""  # noqa: S608 - names and literals are quoted
"""What was dropped before all that is stored is missing. A version says when its refresh began."""

_SLOW: Final = ("the answer took longer than the timeout", "Ask a shorter range, or give a longer timeout.")
_MEMORY: Final = ("the server has too little memory for the answer", "Ask a shorter range, or fewer dimensions.")
_LONG: Final = ("the question is too long for the server", "Ask for fewer values in filters, or a shorter range.")
_LOGIN: Final = ("the server does not know the user, or the password is another one", "Look at the connection string.")
_REASONS: Final = {
    159: _SLOW,
    160: _SLOW,
    241: _MEMORY,
    173: _MEMORY,
    167: _LONG,
    168: _LONG,
    497: ("the user may not read what the answer needs", GRANT),
    164: ("the user's profile lets no query have settings", "Give it readonly = 2 instead of 1."),
    192: _LOGIN,
    193: _LOGIN,
    194: _LOGIN,
    516: _LOGIN,
    81: ("the server has no such database", "Look at the connection string."),
}
_MISSING: Final = frozenset({16, 47, 60})
_MIGRATE: Final = "Run `analytics-migrate all` and `doctor`."

Conversation: TypeAlias = "Generator[str, list[list[Any]], Result]"


def address_of(database: Any) -> ClickhouseAddress | None:
    """Return the ClickHouse that *database*, or else the environment, names; ``None`` for another database.

    It may also be a session with one.

    Raises:
        ConninfoMissingError: If neither names any.
        ConninfoInvalidError: If it is no connection string.
        ClickhouseExtraMissingError: If httpx2 is not installed.
    """
    if not (database is None or isinstance(database, str)):
        found = getattr(database, "address", None)
        return found if isinstance(found, ClickhouseAddress) else None
    text = resolve_conninfo(database, clickhouse=True)
    if not is_clickhouse(text):
        return None
    require_httpx2()
    return parse_clickhouse(text)


def conversation(described: Described, found: Aggregate, arguments: Given) -> Conversation:
    """Yield the statements to ask, take the rows of each, as JSON has their values, and return the answer."""
    facts = _facts(found, described.catalog, (yield _facts_statement(found)))
    if (coarser := described.coarser(found)) is not None:
        rows = yield _facts_statement(coarser)
        if rows and rows[0][4]:
            facts = replace(facts, coarser=Coarser(coarser, _facts(coarser, described.catalog, rows)))
    asked = ready(found, arguments, facts)
    counts = []
    for probe in asked.probes():
        ((count,),) = yield probe
        counts.append(count)
    asked = asked.within(counts)
    rows = yield asked.statement
    answer = _typed(asked.question.columns, rows)
    totals = None
    if asked.totals_statement is not None:
        rows = yield asked.totals_statement
        totals = next(iter(_typed(asked.totals.columns if asked.totals is not None else (), rows)), None)
    return answered(asked, answer, totals)


def _facts_statement(aggregate: Aggregate) -> str:
    main = aggregate.relations[0].name if aggregate.relations else aggregate.name
    return _FACTS.format(aggregate=literal(aggregate.name), live=literal(shorten(f"{main}_live")))


def _facts(aggregate: Aggregate, catalog: str, rows: Sequence[Sequence[Any]]) -> Facts:
    ((found, now, until, incomplete, relations, readable, types),) = rows
    told = ("", found, _moment(now), _moment(until), None, _moment(incomplete), relations, readable)
    return replace(facts_of(aggregate, catalog, told), clickhouse=True, types=dict(types))


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else moment_of(micros)


def _typed(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Return *rows* with each value as psycopg has it."""
    readers = [_READERS[column.type] for column in columns]
    return [
        tuple(None if value is None else reader(value) for reader, value in zip(readers, row, strict=True))
        for row in rows
    ]


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "string": str,
    "int": int,
    "float": float,
    "decimal": lambda value: Decimal(str(value)),  # a sum of floats comes as one, whose text is the shortest
    "bool": bool,
    "uuid": UUID,
    "date": date.fromisoformat,
    "datetime": lambda value: datetime.fromisoformat(value).replace(tzinfo=UTC),
}


def failure(error: ClickhouseError, aggregate: Aggregate) -> QueryDatabaseError:
    """Return *error*, of a question about *aggregate*, as one that says what to do."""
    if isinstance(error, RefusedByServerError) and error.code in _MISSING:
        return missing(str(error.code), aggregate)
    return refused(error)


def refused(error: ClickhouseError) -> QueryDatabaseError:
    """Return *error* as one that says what to do. The server's words are not repeated: they may hold values."""
    if not isinstance(error, RefusedByServerError) or error.code is None:
        return QueryDatabaseError(None, "the database can't be reached", "Look at the connection, and ask again.")
    if error.code in _MISSING:
        return QueryDatabaseError(str(error.code), "the database is not that of this catalog", _MIGRATE)
    problem, remedy = _REASONS.get(error.code, ("the database can't answer", "Look the code up in its documentation."))
    return QueryDatabaseError(str(error.code), problem, remedy)
