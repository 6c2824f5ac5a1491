"""Values on the command line, and what is wrong with them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Final

from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.options import check_timeout

_MOST_DAYS: Final = 3650
_LEAST, _MOST = 0.01, 1e13


def whole_number(text: str) -> int:
    """Read a whole number."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return int(text)


def amount(text: str) -> float:
    """Read a number that may be large."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not _LEAST <= found <= _MOST:  # false for nan, too
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {_LEAST:g} to {_MOST:g}")
    return found


def days(text: str) -> int:
    """Read a number of days."""
    found = whole_number(text)
    if not 1 <= found <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to {_MOST_DAYS}")
    return found


def seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        found = float(text)
    except ValueError:
        found = -1
    if not found >= 0:  # false for nan, too
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return found


def timeout(text: str) -> str:
    """Read a timeout as PostgreSQL writes it."""
    try:
        return check_timeout(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(error.problem) from error


def moment(text: str) -> datetime:
    """Read a time; one without an offset is in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 2026-11-24 or 2026-11-24T13:00:00+00:00") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def field(text: str) -> tuple[str, str]:
    """Read a name and a value."""
    name, _, value = text.partition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError("expected NAME=VALUE, such as email=ada@example.org")
    return name, value
