"""Our defaults of libpq's parameters, which win over nothing that the user has set, wherever that is.

To libpq a parameter in a connection string wins over a service file and over the environment, so a default of ours is
only put there if none of them has one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_SERVICE_FILE: Final = "pg_service.conf"
# Where packages let libpq look; it does not say where that is.
_SYSTEM: Final = ("/etc/postgresql-common", "/etc", "/usr/local/etc/postgresql", "/opt/homebrew/etc/postgresql")


def with_defaults(found: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters *found* in a connection string, with those of *defaults* that nothing sets."""
    others = _set_elsewhere(found)
    return {**{name: value for name, value in defaults.items() if name not in others}, **found}


def _set_elsewhere(found: Mapping[str, Any]) -> set[str]:
    """Return the parameters that the environment or the service file sets."""
    from psycopg.pq import Conninfo

    # What libpq takes from the environment, and what it has a default of its own for.
    names = {option.keyword.decode() for option in Conninfo.get_defaults() if option.val is not None}
    service = found.get("service") or os.environ.get("PGSERVICE")
    return names | (set(_of_service(str(service))) if service else set())


def _of_service(name: str) -> list[str]:
    """Return the parameters of the service *name*; none if its file is not where we look."""
    for path in _service_files():
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        if (parameters := _section(lines, name)) is not None:
            return parameters
    return []


def _service_files() -> Iterator[Path]:
    """Yield the files in the order in which libpq reads them: the first with the service counts."""
    own = os.environ.get("PGSERVICEFILE")
    if own:
        yield Path(own)
    elif home := os.environ.get("HOME"):
        yield Path(home, f".{_SERVICE_FILE}")
    system = os.environ.get("PGSYSCONFDIR")
    yield from (Path(folder, _SERVICE_FILE) for folder in ((system,) if system else _SYSTEM))


def _section(lines: list[str], name: str) -> list[str] | None:
    found: list[str] | None = None
    for line in map(str.strip, lines):
        if line.startswith("["):
            if found is not None:
                return found
            found = [] if line == f"[{name}]" else None
        elif found is not None and not line.startswith("#") and "=" in line:
            found.append(line.partition("=")[0].strip())
    return found
