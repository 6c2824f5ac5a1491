"""What ClickHouse's HTTP interface answers in the place of rows."""

from __future__ import annotations

import re
from typing import Final

OK: Final = 200
_CODE: Final = re.compile(r"Code: (\d+)\. DB::\w*Exception: ")


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


def sentence(text: str) -> str:
    """Return *text* of an error in one line, without the words that come before each of them."""
    return _CODE.sub("", " ".join(text.split()))
