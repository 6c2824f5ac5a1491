"""Reads variables from a ``.env`` file; why not python-dotenv: docs/decisions/0011-reading-dotenv-ourselves.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

# A quoted value may go over several lines. What begins with a quote and doesn't end with it matches as `plain`.
_ASSIGNMENT: Final = re.compile(
    r"""
    ^[ \t]* (?:export[ \t]+)? (?P<name>[A-Za-z_]\w*) [ \t]*=[ \t]*
    (?: (?: '(?P<single> (?: \\' | [^'] )* )' | "(?P<double> (?: \\. | [^"\\] )* )" ) [ \t]* (?:\#.*)? $
      | (?P<plain> .* ) )
    """,
    re.MULTILINE | re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\([\\'\"nrt])")
_MEANING: Final = {"n": "\n", "r": "\r", "t": "\t"}


class DotenvError(AnalyticsError):
    """A ``.env`` file can't be read.

    Attributes:
        path: The file.
        line: The line, counted from 1; 0 for the whole file.
        expected: What should be there.
    """

    def __init__(self, path: Path, line: int, expected: str) -> None:
        super().__init__(path, line, expected)
        self.path = path
        self.line = line
        self.expected = expected

    @property
    def place(self) -> str:
        """The file, with the line where one is at fault."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)

    def __str__(self) -> str:
        return f"{self.place}: expected {self.expected}"


def read_dotenv(path: Path, names: Collection[str]) -> dict[str, str]:
    """Return those of the variables *names* that the file sets; of two lines the last counts. No file has none.

    Raises:
        DotenvError: If the file is not UTF-8, or if one of the values has a quote at its start only.
    """
    text = _text(path)
    found: dict[str, str] = {}
    for match in _ASSIGNMENT.finditer(text):
        if match["name"] in names:
            if expected := _expected(match):
                raise DotenvError(path, text.count("\n", 0, match.start("name")) + 1, expected)
            found[match["name"]] = _value(match)
    return found


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return ""
    except UnicodeDecodeError:
        raise DotenvError(path, 0, "UTF-8") from None  # its text shows bytes of the file
    except OSError as error:
        raise DotenvError(path, 0, "a file that can be read") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _expected(match: re.Match[str]) -> str | None:
    """Return what is wrong with a value, without repeating it."""
    name, plain = match["name"], match["plain"] or ""
    if plain[:1] in {"'", '"'}:
        return f"the value of {name} to end with the quote that it begins with, and nothing behind it but a comment"
    if "${" in plain or "${" in (match["double"] or ""):
        return f"a value of {name} without ${{...}}, which is not replaced; put single quotes around it to keep it"
    return None


def _value(match: re.Match[str]) -> str:
    if match["single"] is not None:
        return re.sub(r"\\([\\'])", r"\1", match["single"])
    if match["double"] is not None:
        return _ESCAPE.sub(lambda escape: _MEANING.get(escape[1], escape[1]), match["double"])
    return re.split(r"(?:^|\s+)#", match["plain"], maxsplit=1)[0].strip()
