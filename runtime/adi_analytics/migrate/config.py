"""Where the database is: the option, the environment, then a ``.env`` file. Secrets never reach a message."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adi_analytics.migrate.errors import UsageError

VARIABLES: Final = ("DATABASE_URL", "PLATFORM_DATABASE_URL")

_DRIVER: Final = re.compile(r"^(?:postgresql|postgres)\+\w+://")
_ENV_LINE: Final = re.compile(r"\s*(?:export\s+)?(?P<key>[A-Za-z_]\w*)\s*=\s*(?P<value>.*)")


def database_url(given: str | None, *, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """Return the connection string to use.

    Args:
        given: The value of ``--database-url``; wins when it is not ``None``.
        environ: The environment. Defaults to that of the process.
        folder: Where ``.env`` is looked for. Defaults to the working directory.

    Raises:
        UsageError: If none is given anywhere, or if it is no connection string.
    """
    environ = os.environ if environ is None else environ
    found = given or next((environ[name] for name in VARIABLES if environ.get(name)), None)
    if not found:
        values = _read_env((folder or Path.cwd()) / ".env")
        found = next((values[name] for name in VARIABLES if values.get(name)), None)
    if not found:
        raise UsageError(
            "no database was given",
            "Pass --database-url postgresql://user@host/database, or set DATABASE_URL or PLATFORM_DATABASE_URL "
            "in the environment or in a .env file.",
        )
    return _checked(found)


def _checked(url: str) -> str:
    # SQLAlchemy's form names the driver: postgresql+asyncpg://
    url = _DRIVER.sub("postgresql://", url)
    try:
        conninfo_to_dict(url)
    except ProgrammingError as error:
        raise UsageError(
            f"the database URL cannot be read: {str(error).strip().splitlines()[0]}",
            "Expected postgresql://user:password@host:5432/database, or `host=... dbname=...`.",
        ) from error
    return url


def describe(url: str) -> str:
    """Return *url* without its password, for messages."""
    parts = {key: value for key, value in conninfo_to_dict(url).items() if key in {"host", "port", "dbname", "user"}}
    return make_conninfo("", **parts) or "the default database"


def _read_env(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError:
        return {}
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8", "Save it as UTF-8.") from error
    values: dict[str, str] = {}
    for line in lines:
        if match := _ENV_LINE.fullmatch(line):
            values[match["key"]] = _unquote(match["value"].strip())
    return values


def _unquote(value: str) -> str:
    if value[:1] in {"'", '"'} and value.endswith(value[0]) and len(value) > 1:
        return value[1:-1]
    return value.split(" #", 1)[0].rstrip()
