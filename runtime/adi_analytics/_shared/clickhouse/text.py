"""Names and values in ClickHouse's SQL."""

from __future__ import annotations


def quoted(name: str) -> str:
    """Return *name* as an identifier."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def literal(text: str) -> str:
    """Return *text* as a string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
