"""What ClickHouse's HTTP interface answers in the place of rows."""

from __future__ import annotations

import re
from typing import Final

OK: Final = 200
_CODE: Final = re.compile(r"Code: (\d+)\. DB::\w*Exception: ")

# Names of the codes: `select number, errorCodeToName(number) from numbers(1100)`.
ROW: Final = frozenset({
    6, 25, 26, 27, 32, 33, 38, 41, 53, 69, 70, 72, 128, 130, 131, 153, 190, 321, 349, 376, 395, 407, 467, 469,
})  # fmt: skip
"""A value, a constraint, or what a view makes of a row. Not 117: the type of a column that was changed is one, too."""
SETUP: Final = frozenset({
    16, 47, 48, 50, 60, 62, 73, 81, 115, 164, 192, 193, 194, 195, 218, 291, 344, 392, 452, 497, 516, 578,
})  # fmt: skip
"""User, password, rights, database, table, columns, settings: about no row."""
_CONSTRAINT: Final = 469

_NAME: Final = re.compile(r"\(([A-Z][A-Z0-9_]+)\)")
# What is behind the sentence that matters: places in the source, and values of the row.
_REST: Final = re.compile(
    r":? ?\(at row |:? ?\(in file/uri |:? While (?:executing|processing)|\.? Column values: |\.? Stack trace:|"
    r"\.? ?\([A-Z][A-Z0-9_]+\)(?: \(version|$)|\.? \(version "
)
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_LONGEST: Final = 1000  # characters


class ClickhouseError(Exception):
    """Whatever keeps ClickHouse from doing what it was asked."""


class UnreachableServerError(ClickhouseError):
    """The server can't be reached, or went silent; whether it did what was asked is not known.

    Attributes:
        kind: What happened, in a word.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class RefusedByServerError(ClickhouseError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status.
        code: The server's code; ``None`` if what answered gave none, such as a proxy.
        text: All that it said. It may hold values of rows.
    """

    def __init__(self, status: int, code: int | None, text: str) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.text = text


def refusal(status: int, code: str | None, body: bytes) -> RefusedByServerError:
    """Return the error that an answer is, given its header with the *code*."""
    text = body.decode(errors="replace")
    found = code if code and code.isdigit() else None
    if found is None and (match := _CODE.search(text)):
        found = match[1]
    return RefusedByServerError(status, int(found) if found else None, text)


def without_values(error: RefusedByServerError) -> RefusedByServerError:
    """Return *error* without what is in quotes in its text, where values of its statement are."""
    return RefusedByServerError(error.status, error.code, _QUOTED.sub("'***'", error.text))


def said(code: int, text: str) -> str:
    """Return what the *text* of an error says, if it can hold no value of a row.

    Else the values are left out, or all but the name of the error is.
    """
    line = _CODE.sub("", " ".join(text.split()))
    rest = _REST.search(line)
    sentence = (line[: rest.start()] if rest else line)[:_LONGEST]
    names: list[str] = _NAME.findall(text)
    name = names[-1] if names else f"code {code}"
    if code in SETUP or code == _CONSTRAINT:
        return sentence or name
    return (_QUOTED.sub("'***'", sentence) or name) if code in ROW else name
