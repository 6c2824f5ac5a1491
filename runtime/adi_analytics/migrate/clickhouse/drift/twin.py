"""What a database should look like: the statements of its migrations, run in a database of their own beside it."""

from __future__ import annotations

import contextlib
import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.errors import ClickhouseError, RefusedByServerError, said
from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics.migrate.clickhouse.server.audit import AUDIT
from adi_analytics.migrate.clickhouse.server.record import bootstrap
from adi_analytics.migrate.clickhouse.server.session import MIGRATIONS
from adi_analytics.migrate.errors import UnsuitableDatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics._shared.clickhouse.session import ClickhouseSession
    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.files.migration import MigrationFile

_PREFIX: Final = "analytics_twin_"
_OLD: Final = 3600  # seconds after which a twin was left behind by a run that was killed
_HERE: Final = "this database"
_DESCRIBED: Final = """
select name, engine, create_table_query from system.tables
where database = {database:String} and not startsWith(name, '.inner') and not is_temporary
"""


@dataclass(frozen=True, slots=True)
class Described:
    """A table or view: its engine, and the statement that the server says makes it, without the database's name."""

    engine: str
    statement: str


def described(session: ClickhouseSession, database: str, *, of: str = "") -> dict[str, Described]:
    """Return what is in *database*, by name; if it is the twin *of* another one, as that one would be described.

    A database may be called like an alias in a view, which then loses its name, too: it must do so in both.
    """
    made = {}
    for name, engine, statement in session.rows(_DESCRIBED, database=database):
        text = _without(database, engine, statement)
        made[name] = Described(engine, _without(of, engine, text) if of else text)
    return made


# Who made a materialized view may be another user than who checks it.
_DEFINER: Final = re.compile(r" DEFINER = (?:`[^`]*`|\S+) SQL SECURITY DEFINER")


def _without(database: str, engine: str, statement: str) -> str:
    """Return *statement* without the name of its *database*: before tables, and where an *engine* is told it."""
    bare = rf"(?<![\w.`]){re.escape(database)}\." if re.fullmatch(r"\w+", database) else r"(?!)"
    named = re.compile(rf"{re.escape(quoted(database))}\.|{bare}|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`")

    def changed(match: re.Match[str]) -> str:
        text = match[0]
        if text.endswith("."):
            return ""
        return f"'{_HERE}'" if engine == "Distributed" and text == literal(database) else text

    return named.sub(changed, _DEFINER.sub("", statement))


@contextlib.contextmanager
def twin(server: Server, files: Iterable[MigrationFile]) -> Iterator[dict[str, Described]]:
    """Yield what *files* make, by name; the database that tells it is gone after the block.

    Raises:
        UnsuitableDatabaseError: If the user may make no database.
    """
    _sweep(server)
    name = f"{_PREFIX}{secrets.token_hex(8)}"
    own = server.session.value("select engine from system.databases where name = currentDatabase()")
    try:
        server.session.ask(
            f"create database {name}{server.on_cluster} engine = {own} comment {literal(_comment(server))}"
        )
    except RefusedByServerError as error:
        raise UnsuitableDatabaseError(
            f"the check makes a database of its own beside {server.database}: {said(error.code or 0, error.text)}",
            f"Give this user the rights: `grant create database, create table, create view, drop, select on "
            f"{_PREFIX}*.* to USER`.",
        ) from error
    session = _session(server, name)
    try:
        session.ask(bootstrap(server.backend))
        for file in files:
            for step in file.steps:
                session.ask(step.sql.rstrip().removesuffix(";"))
        found = described(session, name, of=server.database)
        if not all(one.statement for one in found.values()):
            raise UnsuitableDatabaseError(
                "the server does not say what it made of the migrations",
                "Look for its messages, and for room on its disk; then check again.",
            )
        yield found
    finally:
        session.close()
        with contextlib.suppress(ClickhouseError):
            server.session.ask(f"drop database if exists {name}{server.on_cluster} sync")


def _session(server: Server, name: str) -> ClickhouseSession:
    from adi_analytics._shared.clickhouse.session import ClickhouseSession

    return ClickhouseSession(replace(server.session.address, database=name))


def _comment(server: Server) -> str:
    now = server.session.value("select toUnixTimestamp(now())")
    return f"a check of {server.database} by analytics-migrate, begun at {now}"


def _sweep(server: Server) -> None:
    """Drop twins that runs left behind which were killed."""
    rows = server.session.rows(
        f"select name, comment from system.databases where startsWith(name, '{_PREFIX}')"
        f" and toInt64OrZero(extract(comment, 'begun at ([0-9]+)$')) between 1 and toUnixTimestamp(now()) - {_OLD}"
    )
    for name, _ in rows:
        with contextlib.suppress(ClickhouseError):
            server.session.ask(f"drop database if exists {quoted(name)}{server.on_cluster} sync")


def is_ours(name: str) -> bool:
    """Return whether *name* is the migrator's own, of which no migration knows."""
    return name.startswith("analytics_meta_lock") or name in (MIGRATIONS, AUDIT)
