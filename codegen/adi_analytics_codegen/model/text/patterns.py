r"""Patterns of string fields, with one meaning in every language.

Engines differ over ``\d``, ``\w``, ``\s`` and ``.``: here the first three know ASCII only, and ``.`` is anything but
the end of a line. Generated code spells them out, so that engines agree. What they cannot agree on is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETS: Final = {"d": "0-9", "w": "A-Za-z0-9_", "s": r" \t\n\v\f\r"}
_ESCAPED: Final = r"x[0-9a-fA-F]{2} | u(?![dD][89a-fA-F])[0-9a-fA-F]{4}"
_OUTSIDE: Final = re.compile(
    rf"""
      (?P<set> \\[dDwWsS] )
    | (?P<dot> \. )
    | (?P<end> \$ )
    | (?P<opening> \[\^?(?!\]) )
    | (?P<plain>
          \\(?: [\^$\\.*+?()\[\]{{}}|/tnrfv] | {_ESCAPED} )
        | \(\?[:=!] | \((?!\?) | [)|^]
        | (?: [*+?] | \{{[0-9]+(?:,[0-9]*)?\}} )\??(?!\+)
        | [^\\\[\]{{}}*+?.$()|^]
      )
    """,
    re.VERBOSE,
)
_INSIDE: Final = re.compile(
    rf"""
      (?P<member> \\[dws] )
    | (?P<closing> \] )
    | (?P<plain> \\(?: [\^$\\.*+?()\[\]{{}}|/\-tnrfv] | {_ESCAPED} ) | [^\\\[\]] )
    """,
    re.VERBOSE,
)


class UnportableError(ValueError):
    """A pattern has syntax that some engine lacks or understands otherwise. ``args[0]`` is that part of it."""


def portable(pattern: str) -> str:
    """Return *pattern* spelled so that every engine that follows ECMA 262 reads it alike.

    Raises:
        UnportableError: If there is no such spelling.
    """
    return "".join(_spelled(kind, text) for kind, text in _tokens(pattern))


def in_python(pattern: str) -> str:
    r"""Return *pattern* for Python's ``re``, whose ``$`` also matches before a newline that ends the string.

    Raises:
        UnportableError: If it is not portable.
    """
    return "".join(r"\Z" if kind == "end" else _spelled(kind, text) for kind, text in _tokens(pattern))


def tokens(pattern: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the parts of *pattern*, spelled out: the kind, the text, and whether it is inside a set of characters.

    Raises:
        UnportableError: If it is not portable.
    """
    inside = False
    for kind, text in _tokens(pattern):
        yield kind, _spelled(kind, text), inside
        inside = kind == "opening" or (inside and kind != "closing")


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    at, inside = 0, False
    while at < len(pattern):
        found = (_INSIDE if inside else _OUTSIDE).match(pattern, at)
        if found is None or found.lastgroup is None:
            raise UnportableError(pattern[at : at + 2])
        kind = found.lastgroup
        inside = kind == "opening" or (inside and kind != "closing")
        at = found.end()
        yield kind, found.group()


def _spelled(kind: str, text: str) -> str:
    if kind == "set":
        return f"[{'^' if text[1].isupper() else ''}{_SETS[text[1].lower()]}]"
    if kind == "member":
        return _SETS[text[1]]
    return r"[^\n\r]" if kind == "dot" else text
