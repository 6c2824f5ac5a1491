"""Names and values in ClickHouse's SQL."""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"})


def quoted(name: str) -> str:
    """Return *name* as an identifier."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def literal(text: str) -> str:
    """Return *text* as a string literal on one line."""
    return f"'{text.translate(_ESCAPES)}'"
