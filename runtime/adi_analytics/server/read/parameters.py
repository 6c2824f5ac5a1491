"""Parameters of a request: each knows its schema, reads its text, and says what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final, Literal

from adi_analytics.server.problems import ProblemError

_BACK: Final = re.compile(r"([1-9]\d{0,3})([hdw])", re.ASCII)
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
_SPACE: Final = re.compile(r"(T[0-9:.]+) (\d\d:\d\d)$", re.ASCII)
_WHOLE: Final = re.compile(r"-?\d{1,19}", re.ASCII)
MOMENT: Final = r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?"
"""A date, or a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of the query string.

    Attributes:
        description: What it means, and its default.
        schema: The JSON Schema of one value.
        expected: What a value is, in words.
        example: The text of a right one.
        read: Returns the value that a text means, or raises `ValueError`.
        many: Whether it takes several values: no, with commas between them, or each with the name again.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    expected: str
    example: str
    read: Callable[[str], Any]
    many: Literal["no", "commas", "repeated"] = "no"

    def wrong(self, problem: str, expected: str = "") -> ProblemError:
        """Return the problem of a value that this parameter can't have."""
        expected = expected or self.expected
        detail = f"{self.name}: {problem}. Expected {expected}, such as {self.name}={self.example}"
        return ProblemError(
            400, "wrong-parameter", f"{detail}.", parameter=self.name, expected=expected, example=self.example
        )

    def value(self, texts: list[str]) -> Any:
        """Return the value that *texts* mean: one for each time that the parameter was given.

        Raises:
            ProblemError: If they mean none.
        """
        if self.many != "repeated" and len(texts) > 1:
            raise self.wrong("it is given more than once")
        found = texts[0].split(",") if self.many == "commas" else texts
        try:
            values = [self.read(text) for text in found]
        except ValueError:
            raise self.wrong("the value is not valid") from None
        return values[0] if self.many == "no" else values


def read(parameters: Mapping[str, Parameter], given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the values of a query string, by name; parameters that are not given are left out.

    Raises:
        ProblemError: If one is unknown, or has a wrong value.
    """
    texts: dict[str, list[str]] = {}
    for name, text in given:
        texts.setdefault(name, []).append(text)
    for name in texts:
        if name not in parameters:
            raise _unknown(name, parameters)
    return {name: parameters[name].value(found) for name, found in texts.items()}


def _unknown(name: str, parameters: Mapping[str, Parameter]) -> ProblemError:
    close = get_close_matches(name, parameters, n=1)
    meant = f" Did you mean {close[0]}?" if close else ""
    known = list(parameters)
    listed = f"Known here: {', '.join(known)}." if known else "This path takes none."
    detail = f"There is no such parameter.{meant} {listed}"
    return ProblemError(
        400, "unknown-parameter", detail, parameter=name[:100], expected="one of the known parameters", known=known
    )


def choice(name: str, description: str, values: Iterable[str]) -> Parameter:
    """Return a parameter with one of *values*."""
    known = list(values)
    return Parameter(
        name=name, description=description, schema={"type": "string", "enum": known},
        expected=f"one of {', '.join(known)}", example=known[0], read=_among(known),
    )  # fmt: skip


def names(name: str, description: str, values: Iterable[str]) -> Parameter:
    """Return a parameter with some of *values*, and commas between them."""
    known = list(values)
    example = ",".join(known[:2])
    return Parameter(
        name=name, description=description, schema={"type": "string", "enum": known}, many="commas",
        expected=f"some of {', '.join(known)}, with commas between them", example=example, read=_among(known),
    )  # fmt: skip


def _among(known: list[str]) -> Callable[[str], str]:
    def among(text: str) -> str:
        if text not in known:
            raise ValueError(text)
        return text

    return among


def flag(name: str, description: str) -> Parameter:
    """Return a parameter that is true or false."""
    return Parameter(
        name=name, description=description, schema={"type": "boolean"}, expected="true or false", example="true",
        read=truth,
    )  # fmt: skip


def truth(text: str) -> bool:
    """Return the boolean that *text* spells.

    Raises:
        ValueError: If it spells none.
    """
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


def whole(name: str, description: str, low: int, high: int, example: int) -> Parameter:
    """Return a parameter that is a whole number from *low* to *high*."""

    def within(text: str) -> int:
        found = integer(text)
        if not low <= found <= high:
            raise ValueError(text)
        return found

    return Parameter(
        name=name, description=description, schema={"type": "integer", "minimum": low, "maximum": high},
        expected=f"a whole number from {low} to {high}", example=str(example), read=within,
    )  # fmt: skip


def integer(text: str) -> int:
    """Return the whole number that *text* spells.

    Raises:
        ValueError: If it spells none.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


def text(name: str, description: str, expected: str, example: str, pattern: str = "") -> Parameter:
    """Return a parameter that is a text."""
    schema: dict[str, Any] = {"type": "string"}
    if pattern:
        schema["pattern"] = f"^(?:{pattern})$"
    known = re.compile(pattern, re.ASCII) if pattern else None

    def checked(given: str) -> str:
        if known is not None and not known.fullmatch(given):
            raise ValueError(given)
        return given

    return Parameter(
        name=name, description=description, schema=schema, expected=expected, example=example, read=checked
    )


def moment(given: str) -> str:
    """Return the text of a time, with the ``+`` of its offset, which a query string takes for a space."""
    return _SPACE.sub(r"\1+\2", given)


def time(name: str, description: str, example: str) -> Parameter:
    """Return a parameter that is a date or a time."""
    return Parameter(
        name=name, description=description, schema={"type": "string", "pattern": f"^{MOMENT}$"},
        expected="a date or a time with its offset", example=example, read=_checked_moment,
    )  # fmt: skip


def _checked_moment(given: str) -> str:
    found = moment(given)
    if not re.fullmatch(MOMENT, found, re.ASCII):
        raise ValueError(given)
    return found


def _range(given: str) -> timedelta | tuple[str, str]:
    back = _BACK.fullmatch(given)
    if back is not None:
        return timedelta(**{_UNITS[back[2]]: int(back[1])})
    start, comma, end = given.partition(",")
    if not comma:
        raise ValueError(given)
    return _checked_moment(start), _checked_moment(end)


BETWEEN: Final = Parameter(
    name="between",
    description=(
        "The range: start and end, with a comma between them. A date is a whole day: as the end, it is included. "
        "A time is a moment: as the end, it is not. Or a span back from now: 24h, 30d, 4w. Default: the last 30 days, "
        "today included."
    ),
    schema={"type": "string", "pattern": f"^(?:[1-9][0-9]{{0,3}}[hdw]|{MOMENT},{MOMENT})$"},
    expected="two dates or times with a comma between them, or a span such as 30d",
    example="2026-01-01,2026-01-31",
    read=_range,
)
