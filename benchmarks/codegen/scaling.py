"""How the work grows with the number of events."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from adi_analytics_codegen.backends import render
from adi_analytics_codegen.check.breaking import compare
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.check.lint import lint
from adi_analytics_codegen.model.fields import Location

_PER_DOMAIN = 25


def table(sizes: tuple[int, ...]) -> str:
    """Return the times for catalogs of *sizes* events as a chapter of the page."""
    measured(sizes[0])  # imports do not count
    lines = [
        "## Growth\n",
        f"Catalogs of n events in domains of {_PER_DOMAIN}, with an aggregate per domain, in one process.\n",
        "| events | load and lint | breaking | generate | per event |\n|---|---|---|---|---|",
    ]
    for size in sizes:
        check, breaking, generate = measured(size)
        each = 1000 * (check + breaking + generate) / size
        lines.append(
            f"| {size} | {1000 * check:.0f} ms | {1000 * breaking:.0f} ms | {1000 * generate:.0f} ms | {each:.1f} ms |"
        )
    return "\n".join([*lines, ""])


def measured(size: int) -> tuple[float, float, float]:
    """Return the seconds of load and lint, breaking and generate, for *size* events."""
    text = json.dumps(_catalog(size)).encode()
    start = time.perf_counter()
    loaded = load(Path("events.yaml"), lambda _path: text)
    assert loaded.catalog is not None, loaded.findings
    lint(loaded)
    checked = time.perf_counter()
    compare(loaded.catalog, loaded.catalog, Location("events.yaml", 1, 1))
    compared = time.perf_counter()
    render(loaded.catalog)
    return checked - start, compared - checked, time.perf_counter() - compared


def _catalog(size: int) -> dict[str, Any]:
    domains = range((size + _PER_DOMAIN - 1) // _PER_DOMAIN)
    return {
        "catalog": {"format": 1, "name": "large", "owner": "nobody"},
        "domains": {f"domain_{index}": "Things" for index in domains},
        "groups": {"user": {"fields": {"user_id": _field("uuid")}, "columns": {"user_id": "user_id"}}},
        "events": {_name(index): _event(index) for index in range(size)},
        "aggregates": {f"things_{index}_daily": _aggregate(index, size) for index in domains},
    }


def _name(index: int) -> str:
    return f"thing_{index}_done"


def _field(kind: str, **keys: Any) -> dict[str, Any]:
    return {"type": kind, "description": "What it tells", **keys}


def _event(index: int) -> dict[str, Any]:
    return {
        "domain": f"domain_{index // _PER_DOMAIN}",
        "description": f"Thing {index} was done.",
        "include": ["user"],
        "fields": {
            f"thing_{index}_id": _field("uuid"),
            "duration_ms": _field("int", unit="ms", min=0),
            "note": _field("string", optional=True, max_length=200),
            "success": _field("bool"),
        },
    }


def _aggregate(index: int, size: int) -> dict[str, Any]:
    first = index * _PER_DOMAIN
    return {
        "description": "Things by day.",
        "from": [_name(one) for one in range(first, min(size, first + _PER_DOMAIN))],
        "bucket": {"as": "day", "width": "1 day"},
        "measures": {
            "done": {"count": True},
            "avg_duration_ms": {"avg": "duration_ms"},
            "p95_duration_ms": {"percentile": 0.95, "of": "duration_ms"},
            "users": {"distinct": "$user_id"},
        },
        "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
    }
