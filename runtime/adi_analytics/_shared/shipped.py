"""What the shipped manifest says about the tables."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from typing import Any, Final

from adi_analytics._shared.resources import ResourceMissingError, data_dir

_DEFAULT_TABLES: Final = {"table": "analytics_events", "dead_letters_table": "analytics_dead_letters"}


_DEFAULT_LATE_AFTER: Final = timedelta(hours=6)


@cache
def manifest() -> dict[str, Any]:
    """Return the shipped manifest of the catalog's SQL, or nothing for a package without one."""
    try:
        path = data_dir("sql") / "manifest.json"
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (ResourceMissingError, FileNotFoundError):
        return {}
    return found


def table_name(kind: str = "table") -> str:
    """Return the name of the catalog's events table, or of its ``dead_letters_table``."""
    name: str = manifest().get("storage", {}).get(kind) or _DEFAULT_TABLES[kind]
    return name


def late_after() -> timedelta:
    """Return the age from which a row is late: the shortest refresh window of any aggregate."""
    seconds = manifest().get("late_after")
    return _DEFAULT_LATE_AFTER if seconds is None else timedelta(seconds=seconds)
