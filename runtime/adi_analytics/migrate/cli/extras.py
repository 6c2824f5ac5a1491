"""Which extras of the package the command line lacks."""

from __future__ import annotations

from importlib.util import find_spec

from adi_analytics._shared.libpq import LibpqMissingError, require_libpq


def missing_extras() -> str | None:
    """Return what is missing and how to install it, or ``None``. Imports psycopg."""
    extras, lacks = [], []
    try:
        require_libpq()
    except LibpqMissingError:
        extras.append("binary")
        lacks.append("psycopg finds no libpq, PostgreSQL's client library")
    if find_spec("rich") is None:
        extras.append("cli")
        lacks.append("the package rich is not installed")
    return f"{' and '.join(lacks)}\n  -> pip install 'adi-analytics[{','.join(extras)}]'" if extras else None
