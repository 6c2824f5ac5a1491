"""Arithmetic in texts of a catalog: sums, differences and products of names and numbers.

A text is read as a polynomial: ``(price - discount) * quantity`` is ``price * quantity - discount * quantity``. So two
texts that always have one value are equal, and nothing is evaluated but products that are added up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Final, TypeAlias

MOST_TERMS: Final = 32
MOST_FACTORS: Final = 4
"""With these, no value is larger than PostgreSQL's ``numeric`` holds, whatever a row has."""

_MOST_BRACKETS: Final = 20
_EXACT: Final = Context(prec=2000)
_NAME: Final = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"
_TOKEN: Final = re.compile(rf"\s*(?:(?P<name>{_NAME})|(?P<number>[0-9]{{1,38}}(?:\.[0-9]{{1,38}})?)|(?P<sign>\S))")
_DIVIDE: Final = "divide measures instead, with a ratio under derived"

_Polynomial: TypeAlias = dict[tuple[str, ...], Decimal]
"""Names to multiply, in order -> how often."""


class ArithmeticTextError(ValueError):
    """A text that is no arithmetic, or more of it than is allowed.

    Attributes:
        fix: What to do instead.
    """

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def polynomial(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the terms of *text*: the digits of a factor, and the names to multiply it with.

    Raises:
        ArithmeticTextError: The text has another sign, a bracket without its other one, no name, or too much of
            something; or a name has no influence on its value.
    """
    reading = _Reading(text, _tokens(text))
    found = reading.sum()
    if reading.upcoming is not None:
        raise reading.unexpected()
    used = {name for names in found for name in names}
    gone = [name for name in reading.names if name not in used]
    if gone:
        raise ArithmeticTextError(f'"{gone[0]}" cancels out', "leave it out, and test in where that it exists")
    if not used:
        raise ArithmeticTextError("it names no field", "count the rows instead")
    return [(_digits(factor), names) for names, factor in found.items()]


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """Return the kind, the text and the place of every name, number and sign."""
    found = []
    for match in _TOKEN.finditer(text.rstrip()):
        kind = match.lastgroup or ""
        found.append((kind, match[kind], match.start(kind) + 1))
    return found


@dataclass(slots=True)
class _Reading:
    """Reads tokens from left to right.

    Attributes:
        names: All names met, in order.
    """

    text: str
    tokens: list[tuple[str, str, int]]
    names: list[str] = field(default_factory=list)
    brackets: int = 0

    @property
    def upcoming(self) -> str | None:
        """The next token, if there is one."""
        return self.tokens[0][1] if self.tokens else None

    def unexpected(self) -> ArithmeticTextError:
        if not self.tokens:
            return ArithmeticTextError("something is missing at its end", "end it with a field, a number or a bracket")
        _, sign, at = self.tokens[0]
        fix = _DIVIDE if sign == "/" else "use fields, numbers, +, -, * and brackets"
        return ArithmeticTextError(f'"{sign}" cannot be its character {at}', fix)

    def sum(self) -> _Polynomial:
        found: _Polynomial = {}
        sign = Decimal(1)
        while True:
            for names, factor in self.product().items():
                found[names] = _EXACT.fma(sign, factor, found.get(names, Decimal(0)))
            if self.upcoming not in {"+", "-"}:
                return _limited({names: factor for names, factor in found.items() if factor})
            sign = Decimal(1 if self.take() == "+" else -1)

    def product(self) -> _Polynomial:
        found = self.factor()
        while self.upcoming == "*":
            self.take()
            found = _multiplied(found, self.factor())
        return found

    def factor(self) -> _Polynomial:
        sign = Decimal(1)
        while self.upcoming == "-":
            self.take()
            sign = -sign
        kind = self.tokens[0][0] if self.tokens else ""
        if kind == "name":
            self.names.append(self.take())
            return {(self.names[-1],): sign}
        if kind == "number":
            return {(): _EXACT.multiply(sign, Decimal(self.take()))}
        if self.upcoming != "(":
            raise self.unexpected()
        return _multiplied({(): sign}, self.bracket())

    def bracket(self) -> _Polynomial:
        self.brackets += 1
        if self.brackets > _MOST_BRACKETS:
            raise ArithmeticTextError(f"it has more than {_MOST_BRACKETS} brackets", "write it without some of them")
        self.take()
        found = self.sum()
        if self.upcoming != ")":
            raise self.unexpected()
        self.take()
        return found

    def take(self) -> str:
        return self.tokens.pop(0)[1]


def _multiplied(left: _Polynomial, right: _Polynomial) -> _Polynomial:
    found: _Polynomial = {}
    for names, factor in left.items():
        for others, other in right.items():
            both = tuple(sorted((*names, *others)))
            found[both] = _EXACT.fma(factor, other, found.get(both, Decimal(0)))
    return _limited(found)


def _limited(found: _Polynomial) -> _Polynomial:
    if len(found) > MOST_TERMS:
        message = f"without brackets it has more than {MOST_TERMS} parts to add"
        raise ArithmeticTextError(message, "use several measures")
    if any(len(names) > MOST_FACTORS for names in found):
        raise ArithmeticTextError(f"it multiplies more than {MOST_FACTORS} fields", "use fewer")
    return found


def _digits(factor: Decimal) -> str:
    text = format(factor, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
