"""The items of a JSON array that a parser refuses as a whole, so that one bad event does not refuse the others."""

from __future__ import annotations

import re
from typing import Final

_MOST: Final = 500_000
"""Strings and brackets that are looked at: a tenth of a second's work."""

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},"]', re.DOTALL)
_OPENING, _CLOSING = b"[{", b"]}"


def pieces(body: bytes) -> list[bytes] | None:
    """Return the items of the array in *body* by its brackets and commas, whatever they hold.

    Returns:
        The items; ``None`` if this is no array, if it is cut off, or if it has too many parts.
    """
    text = body.strip(b" \t\r\n")
    if text[:1] != b"[" or text[-1:] != b"]":
        return None
    found, depth, begin = [], 0, 1
    for number, token in enumerate(_TOKEN.finditer(text)):
        mark = token[0]
        if number >= _MOST or mark == b'"':  # a string without an end
            return None
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth -= 1
            if depth == 0 and token.end() < len(text):
                return None
        elif mark == b"," and depth == 1:
            found.append(text[begin : token.start()])
            begin = token.end()
    found.append(text[begin:-1])
    return found if depth == 0 and all(map(bytes.strip, found)) else None
