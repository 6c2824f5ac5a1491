"""Start ``analytics-migrate``, or say which extras of the package it lacks.

It lies outside of `adi_analytics.migrate`, because importing anything from there imports psycopg.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

from adi_analytics._shared.libpq import LibpqMissingError, require_libpq


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``analytics-migrate`` with *argv* and return its exit code: 1 if an extra is missing."""
    extras, lacks = _missing()
    if extras:
        install = f"pip install 'adi-analytics[{','.join(extras)}]'"
        print(f"analytics-migrate: {' and '.join(lacks)}\n  -> {install}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    from adi_analytics.migrate.cli.main import main as run

    return run(argv)


def _missing() -> tuple[list[str], list[str]]:
    """Return the extras that are missing, and what each would bring."""
    extras, lacks = [], []
    try:
        require_libpq()
    except LibpqMissingError:
        extras.append("binary")
        lacks.append("psycopg finds no libpq, PostgreSQL's client library")
    if find_spec("rich") is None:
        extras.append("cli")
        lacks.append("the package rich is not installed")
    return extras, lacks
