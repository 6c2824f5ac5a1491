"""Which database: an argument, or the environment."""

from __future__ import annotations

import os
import re
from typing import Final

from adi_analytics.errors import AnalyticsError

VARIABLES: Final = ("DATABASE_URL", "PLATFORM_DATABASE_URL")


class ConninfoMissingError(AnalyticsError):
    """Nothing says which database to use."""

    def __str__(self) -> str:
        return f"no database given: pass a connection string, or set {' or '.join(VARIABLES)}"


class ConninfoInvalidError(AnalyticsError):
    """A connection string can't be understood."""

    def __str__(self) -> str:
        return "the connection string is not valid: expected postgresql://user@host/database, or key=value pairs"


def resolve_conninfo(conninfo: str | None) -> str:
    """Return *conninfo*, or else what the environment says.

    A URL that names an SQLAlchemy driver (``postgresql+asyncpg://``) is understood.

    Raises:
        ConninfoMissingError: If there is none.
    """
    found = conninfo or next((value for name in VARIABLES if (value := os.environ.get(name))), None)
    if not found:
        raise ConninfoMissingError
    return re.sub(r"^postgres(?:ql)?\+\w+://", "postgresql://", found)


def connection_options(connect_timeout: float) -> dict[str, str | int]:
    """Return the libpq parameters of a worker's connection, which the connection string may override."""
    return {
        "connect_timeout": max(2, round(connect_timeout)),  # libpq takes less than 2 as 2
        "application_name": "adi-analytics",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
        "client_encoding": "utf8",
    }
