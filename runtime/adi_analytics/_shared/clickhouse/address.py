"""Where a ClickHouse is: its URL, and what must be installed to speak to it.

As with PostgreSQL's, no message repeats any of a URL, since a password may be anywhere in one that can't be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final
from urllib.parse import unquote

from adi_analytics.errors import AnalyticsError

_SCHEME: Final = re.compile(r"(clickhouses?|https?)://", re.IGNORECASE)
_URL: Final = re.compile(
    r"(?P<scheme>\w+)://(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^:@/?#]*))?@)?"
    r"(?P<host>[\w.\-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>[0-9]{1,5}))?(?:/(?:(?P<database>[^/?#]+)/?)?)?(?:\?(?P<query>[^#]*))?"
)
_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_FORM: Final = (
    "expected clickhouse://user:password@host:8123/database; in the user and the password write @ as %40, / as %2F, "
    ": as %3A, ? as %3F, # as %23 and % as %25"
)
_PORTS: Final = {False: 8123, True: 8443}
_FLAGS: Final = {"": True, "1": True, "true": True, "0": False, "false": False}
_QUORUM: Final = re.compile(r"auto|[0-9]{1,3}")
# Words of others' URLs, and what to do instead. Only these are shown: any other may be a part of a password.
_HINTS: Final = {
    "fsync_after_insert": "it is a setting of the table: `alter table ... modify setting fsync_after_insert = 1`",
    "verify": "for a certificate of your own give ca_cert=/path/to/ca.pem",
    "skip_verify": "for a certificate of your own give ca_cert=/path/to/ca.pem",
    "compress": "rows are sent as they are",
    "user": "write it before the host",
    "username": "write it before the host",
    "password": "write it before the host",
    "database": "write it behind the host",
}


class ClickhouseUrlError(ValueError):
    """A URL of a ClickHouse can't be used; the text says why, and repeats nothing of it."""


class ClickhouseExtraMissingError(AnalyticsError, ImportError):
    """A ClickHouse is given, and httpx2 is not installed.

    Attributes:
        reason: What Python says about the package.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"for ClickHouse, the extra [clickhouse] is needed ({self.reason}). Install it with "
            "`pip install 'adi-analytics[clickhouse]'`."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickhouseAddress:
    """A ClickHouse, as its URL says.

    Attributes:
        host: Its name or address.
        port: The port of its HTTP interface.
        secure: Whether to speak TLS.
        user: Who we are; empty for the server's default.
        password: That user's; it is in no text of this object.
        database: Where the tables are.
        ca_cert: A file of certificates to trust in the place of the system's; may be empty.
        insert_quorum: How many replicas must have a row before it counts as delivered; empty for what the server says.
    """

    host: str
    port: int
    secure: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = "default"
    ca_cert: str = ""
    insert_quorum: str = ""

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of the HTTP interface, without user and password."""
        return f"http{'s' if self.secure else ''}://{self.host}:{self.port}/"


def is_clickhouse(text: str) -> bool:
    """Return whether a connection string names a ClickHouse."""
    return _SCHEME.match(text) is not None


def parse_clickhouse(text: str) -> ClickhouseAddress:
    """Return what the URL *text* says.

    Raises:
        ClickhouseUrlError: If it can't be used.
    """
    found = _URL.fullmatch(text)
    if found is None or _ESCAPE.search(text):
        raise ClickhouseUrlError(_FORM)
    try:
        parts = {name: unquote(value or "", errors="strict") for name, value in found.groupdict().items()}
    except UnicodeDecodeError:
        raise ClickhouseUrlError(_FORM) from None
    if ":" in parts["user"]:
        raise ClickhouseUrlError("a user name with : can't be sent over HTTP")
    parameters = _parameters(found["query"] or "")
    secure = _secure(parts["scheme"].lower(), parameters.get("secure"))
    if parameters.get("ca_cert") and not secure:
        raise ClickhouseUrlError("ca_cert is for TLS: write clickhouses:// or secure=true beside it")
    port = int(parts["port"] or _PORTS[secure])
    if not 0 < port < 65536:  # noqa: PLR2004 - what a port is
        raise ClickhouseUrlError("the port must be between 1 and 65535")
    return ClickhouseAddress(
        host=parts["host"],
        port=port,
        secure=secure,
        user=parts["user"] or ("default" if parts["password"] else ""),
        password=parts["password"],
        database=parts["database"] or "default",
        ca_cert=parameters.get("ca_cert", ""),
        insert_quorum=_quorum(parameters.get("insert_quorum", "")),
    )


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for position, pair in enumerate(query.split("&") if query else (), start=1):
        name, _, value = pair.partition("=")
        if name not in {"secure", "ca_cert", "insert_quorum"}:
            which = f"{name!r}" if name in _HINTS else f"number {position} behind the ?"
            hint = f": {_HINTS[name]}" if name in _HINTS else "; there are secure, ca_cert and insert_quorum"
            raise ClickhouseUrlError(f"unknown parameter {which}{hint}")
        found[name] = unquote(value)
    return found


def _secure(scheme: str, given: str | None) -> bool:
    by_scheme = scheme in {"clickhouses", "https"}
    if given is None:
        return by_scheme
    flag = _FLAGS.get(given.lower())
    if flag is None:
        raise ClickhouseUrlError("secure must be true or false")
    if by_scheme and not flag:
        raise ClickhouseUrlError(f"{scheme}:// says TLS, and secure=false says none")
    return flag


def _quorum(given: str) -> str:
    if given and not _QUORUM.fullmatch(given):
        raise ClickhouseUrlError("insert_quorum must be a number of replicas, or auto")
    return given


def require_httpx2() -> None:
    """Import httpx2.

    Raises:
        ClickhouseExtraMissingError: If it is not installed.
    """
    try:
        import_module("httpx2")
    except ImportError as error:
        raise ClickhouseExtraMissingError(str(error)) from error
