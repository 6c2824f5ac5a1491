"""Which database: an argument, the environment, or a ``.env`` file. One rule for the client and the migrator.

A connection string holds a password, and one that can't be parsed may hold it anywhere. So no message repeats any of
it, except what `printable` returns.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.address import ClickhouseUrlError, is_clickhouse, parse_clickhouse
from adi_analytics._shared.dotenv import DotenvError, read_dotenv
from adi_analytics._shared.libpq import require_libpq
from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

VARIABLES: Final = ("DATABASE_URL", "PLATFORM_DATABASE_URL")
ARGUMENT: Final = "the argument"
FUNCTION: Final = "the function given for it"

_DRIVER: Final = re.compile(r"^postgres(?:ql)?\+\w+://")  # SQLAlchemy's form: postgresql+asyncpg://
_URL: Final = re.compile(r"^postgres(?:ql)?://(?P<place>[^?]*)(?:\?(?P<query>.*))?$", re.DOTALL)
_PORTS: Final = re.compile(r"[0-9,]*")

# What the name of a thing may consist of to be shown. A password that ended up in one of these by a missing or an
# exaggerated escape brings a `:`, `@`, `/` or `%` along.
_HOST: Final = r"(?:[\w.\-]*|\[?[0-9a-fA-F:.]+\]?|/[\w./\-]+)"
_SHOWN: Final = {
    "host": re.compile(rf"{_HOST}(?:,{_HOST})*"),
    "port": _PORTS,
    "dbname": re.compile(r"[\w.\- ]+"),
    "user": re.compile(r"[\w.\-]+(?:@[\w.\-]+)?"),
    "service": re.compile(r"[\w.\-]+"),
}
_HIDDEN: Final = "***"

# Parameters of other libraries' URLs, which are often taken along. Only such a name is shown: any other word behind a
# `?` or `&` may be a piece of a password.
_FOREIGN: Final = frozenset({
    "application", "async_fallback", "charset", "client_flag", "command_timeout", "connection_limit", "currentSchema",
    "direct_connection", "encoding", "jdbcCompliantTruncation", "max_overflow", "min_size", "max_size", "pgbouncer",
    "pool", "pool_pre_ping", "pool_recycle", "pool_size", "pool_timeout", "poolclass",
    "prepared_statement_cache_size", "prepared_statement_name_func", "prepareThreshold", "schema", "search_path",
    "server_settings", "socket_timeout", "ssl", "sslaccept", "statement_cache_size", "statement_timeout", "timeout",
    "timezone", "unix_sock",
})  # fmt: skip
_FORM: Final = "expected postgresql://user:password@host:5432/database, or key=value pairs"

_NOT_HERE: Final = "it is the URL of a ClickHouse, and this needs PostgreSQL, or takes it from no function"


class ConninfoMissingError(AnalyticsError):
    """Nothing says which database to use."""

    def __str__(self) -> str:
        return f"no database given: pass a connection string, or set {' or '.join(VARIABLES)}"


class ConninfoInvalidError(AnalyticsError):
    """A connection string can't be understood. The message repeats nothing of it.

    Attributes:
        source: Where it comes from: ``the argument``, the function given for it, the name of a variable, or the file
            and line.
        problem: What is wrong with it.
    """

    def __init__(self, source: str = ARGUMENT, problem: str = _FORM) -> None:
        super().__init__(source, problem)
        self.source = source
        self.problem = problem

    def __str__(self) -> str:
        return f"the connection string is not valid (from {self.source}): {self.problem}"


def resolve_conninfo(
    conninfo: str | None,
    *,
    clickhouse: bool = False,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Return *conninfo*, or else what the environment says, or else what ``.env`` says.

    Spaces and one pair of quotes around it are taken off, as is the driver in SQLAlchemy's ``postgresql+asyncpg://``.

    Args:
        conninfo: The argument; wins when it is not empty.
        clickhouse: Whether it may be the URL of a ClickHouse.
        environ: The environment. Defaults to that of the process.
        folder: Where ``.env`` is looked for. Defaults to the working directory.

    Raises:
        ConninfoMissingError: If there is none.
        ConninfoInvalidError: If it is no connection string, or if ``.env`` can't be read.
    """
    for source, found in _candidates(conninfo, os.environ if environ is None else environ, folder):
        if text := _checked(source, found, clickhouse=clickhouse):
            return text
    raise ConninfoMissingError


def fresh_conninfo(function: Callable[[], str]) -> str:
    """Return the connection string that *function* of the user returns now.

    Raises:
        ConninfoInvalidError: If it raises or returns none. The message says neither what it returned nor what its
            exception says: both may hold a password.
    """
    try:
        found: object = function()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - its text and its traceback may hold a password
        raise ConninfoInvalidError(FUNCTION, f"it raised {type(error).__name__}") from None
    text = _checked(FUNCTION, found) if isinstance(found, str) else ""
    if not text:
        kind = "an empty text" if isinstance(found, str) else type(found).__name__
        raise ConninfoInvalidError(FUNCTION, f"it returned {kind}; {_FORM}")
    return text


def _checked(source: str, found: str, *, clickhouse: bool = False) -> str:
    """Return what is left of *found* without what surrounds it, if it is a connection string or empty."""
    text = _DRIVER.sub("postgresql://", _bare(found))
    if is_clickhouse(text):
        problem = _clickhouse_problem(text) if clickhouse else _NOT_HERE
    else:
        problem = _problem(text) if text else None
    if problem is not None:
        raise ConninfoInvalidError(source, problem)
    return text


def _candidates(conninfo: str | None, environ: Mapping[str, str], folder: Path | None) -> Iterator[tuple[str, str]]:
    yield ARGUMENT, conninfo or ""
    for name in VARIABLES:
        yield name, environ.get(name, "")
    try:
        found = read_dotenv((folder or Path()) / ".env", VARIABLES)
    except DotenvError as error:
        raise ConninfoInvalidError(error.place, f"expected {error.expected}") from error
    for name in VARIABLES:
        if name in found:
            yield f"{name} in .env", found[name]


def _bare(text: str) -> str:
    """Take off what an env file of Docker or a mounted secret leaves around the value."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1].strip()
    return text


def _clickhouse_problem(text: str) -> str | None:
    try:
        parse_clickhouse(text)
    except ClickhouseUrlError as error:
        return str(error)
    return None


def _problem(text: str) -> str | None:
    """Return what is wrong with a connection string, without repeating any of it."""
    parsed = parse_conninfo(text)
    url = _URL.match(text)
    if parsed is None:
        return (_query_problem(url["place"], url["query"]) if url and url["query"] else None) or _FORM
    if url is not None:
        # libpq ends the credentials at the first @ or /, and takes the rest of a password for a host or a database.
        credentials, at, rest = url["place"].rpartition("@")
        # It also allows a ? in the credentials, which `place` does not.
        query = url["query"] or ""
        named = "?" in str(parsed.get("user", "")) or ("password" in parsed and "password=" not in query)
        if (named and not at) or (at and ("@" in credentials or "/" in credentials)):
            return "more than one @, or a / before it: write @ as %40 and / as %2F in the user and the password"
        if rest.count("/") > 1:
            return f"more than one / behind the host: {_FORM}"
    if not _PORTS.fullmatch(str(parsed.get("port", ""))):
        return "the port is not a number; in a password, write : as %3A, / as %2F, ? as %3F and @ as %40"
    return None


def _query_problem(place: str, query: str) -> str | None:
    """Return which parameter libpq doesn't have, if the rest of the URL is right."""
    if "@" in query or parse_conninfo(f"postgresql://{place}") is None:
        return None
    for position, pair in enumerate(query.split("&"), start=1):
        name = pair.partition("=")[0]
        if parse_conninfo(f"postgresql://?{pair}") is None:
            which = f"{name!r}" if name in _FOREIGN else f"number {position} behind the ?"
            hint = "; libpq calls it sslmode" if name == "ssl" else ""
            return f"PostgreSQL's client library does not know the parameter {which}{hint}; remove it"
    return None


def parse_conninfo(text: str) -> dict[str, str] | None:
    """Return the parameters in a connection string, or ``None`` if libpq can't parse it.

    Its message is not kept, nor is it the context of another error: it quotes what it didn't understand.
    """
    require_libpq()
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    if "\0" in text:
        return None
    try:
        return {name: str(value) for name, value in conninfo_to_dict(text).items()}
    except (ProgrammingError, UnicodeError):
        return None


def printable(conninfo: str) -> str:
    """Return host, port, database and user of a connection string, for messages; never a password.

    A part that doesn't look like what it should be is shown as ``***``, because it may be a piece of the password.
    """
    parsed = parse_conninfo(conninfo) or {}
    shown = (f"{name}={_masked(name, parsed[name])}" for name in _SHOWN if name in parsed)
    return " ".join(shown) or "the default database"


def without_secrets(message: str, conninfo: str) -> str:
    """Return the text of a connection error without the parts of *conninfo* that `printable` hides."""
    for name, value in (parse_conninfo(conninfo) or {}).items():
        if name in _SHOWN and _masked(name, value) == _HIDDEN:
            message = message.replace(value, _HIDDEN)
    return message


def _masked(name: str, value: str) -> str:
    return value if _SHOWN[name].fullmatch(value) else _HIDDEN


ENCODING: Final = "utf8"
"""The ``client_encoding`` of every connection, whatever else asks for another: all text that is sent is UTF-8."""


def connection_options(connect_timeout: float) -> dict[str, str | int]:
    """Return the defaults of the libpq parameters of a worker's connection, for `with_defaults`."""
    return {
        "connect_timeout": max(2, round(connect_timeout)),  # libpq takes less than 2 as 2
        "application_name": "adi-analytics",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
