"""The settings on which an answer depends, whoever reads it: a role, a database or a caller may have set others."""

from __future__ import annotations

from typing import Final

READING: Final = {
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "standard_conforming_strings": "on",
    "extra_float_digits": "1",
    "transform_null_equals": "off",
}
"""What the same question means, and how the server writes a value: psycopg reads no other times."""


def transaction_pins(timeout: float, **more: str) -> str:
    """Return the statement that pins a transaction that reads, and limits each statement; both end with it.

    Args:
        timeout: Seconds for each statement; 0 for no limit.
        more: More settings. Their values are ours: they are not quoted.
    """
    settings = {"statement_timeout": str(round(timeout * 1000)), **READING, **more}
    return "select " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
