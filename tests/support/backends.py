"""Each backend in turn: its name, and the fixtures that give a database of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _pytest.mark.structures import ParameterSet

BACKENDS: Final = (
    "postgres",
    pytest.param("timescaledb", marks=pytest.mark.timescaledb),
    pytest.param("timescaledb_apache", marks=pytest.mark.timescaledb),
)
_EMPTY: Final = {"postgres": "postgres_dsn", "timescaledb": "timescale_dsn", "timescaledb_apache": "timescale_dsn"}
_MIGRATED: Final = {
    "postgres": "migrated_dsn",
    "timescaledb": "timescale_migrated_dsn",
    "timescaledb_apache": "timescale_apache_migrated_dsn",
}


def in_turn(*cases: object) -> list[ParameterSet]:
    """Return (backend, case) for each case on plain PostgreSQL, and on the Timescale backends in turn.

    For cases that differ in the order of calls alone. Pass ``indirect=["target"]`` or ``indirect=["migrated"]``.
    """
    slow = ("timescaledb", "timescaledb_apache")
    pairs = [(backend, case) for number, case in enumerate(cases) for backend in ("postgres", slow[number % 2])]
    return [
        pytest.param(backend, case, id=f"{backend}-{_label(case)}", marks=[pytest.mark.timescaledb] * (backend in slow))
        for backend, case in pairs
    ]


def _label(case: object) -> str:
    steps = case if isinstance(case, tuple) else (case,)
    return "-".join(getattr(step, "__name__", str(step)) for step in steps)


def empty_dsn(backend: str, request: pytest.FixtureRequest) -> str:
    """Return the DSN of an empty database for *backend*."""
    return _from(_EMPTY, backend, request)


def migrated_dsn(backend: str, request: pytest.FixtureRequest) -> str:
    """Return the DSN of a database with all migrations of *backend* applied."""
    return _from(_MIGRATED, backend, request)


def _from(fixtures: Mapping[str, str], backend: str, request: pytest.FixtureRequest) -> str:
    dsn: str = request.getfixturevalue(fixtures[backend])
    return dsn
