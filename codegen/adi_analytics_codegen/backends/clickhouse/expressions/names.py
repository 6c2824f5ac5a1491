"""Identifiers and literals of ClickHouse: the only place where text becomes part of a statement."""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


def identifier(name: str) -> str:
    """Return *name* quoted, so that every name works, keywords too."""
    return f"`{_escaped(name, '`')}`"


def literal(text: str) -> str:
    """Return *text* as a string literal on one line."""
    return f"'{_escaped(text, chr(39))}'"


def _escaped(text: str, mark: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text).replace(mark, f"\\{mark}")
