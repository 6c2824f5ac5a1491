"""Say what to install when psycopg finds no libpq, PostgreSQL's client library."""

from __future__ import annotations

from importlib import import_module

from adi_analytics.errors import AnalyticsError


class LibpqMissingError(AnalyticsError, ImportError):
    """psycopg finds no libpq, neither in a wheel nor on the machine.

    Attributes:
        reason: What psycopg tried, in its own words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            "psycopg finds no libpq, PostgreSQL's client library. Install it with "
            "`pip install 'adi-analytics[binary]'`, or as a package of your system (libpq5 on Debian)."
        )


def require_libpq() -> None:
    """Import psycopg.

    Raises:
        LibpqMissingError: If psycopg finds no libpq.
    """
    try:
        import_module("psycopg")
    except ImportError as error:
        raise LibpqMissingError(str(error)) from error
