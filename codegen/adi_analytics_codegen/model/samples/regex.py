"""Random strings that match a regular expression, for samples."""

from __future__ import annotations

import re
import string
from re import _constants as op  # type: ignore[attr-defined]  # typeshed leaves it out
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model.text.patterns import in_python

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_ALPHABET: Final = string.ascii_letters + string.digits + "_-. "
_CATEGORIES: Final = {
    op.CATEGORY_DIGIT: string.digits,
    op.CATEGORY_NOT_DIGIT: string.ascii_letters,
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_NOT_SPACE: string.ascii_letters,
    op.CATEGORY_WORD: string.ascii_letters + string.digits + "_",
    op.CATEGORY_NOT_WORD: " -.",
}
_MORE: Final = 8
"""How often an unbounded repetition repeats at most, beyond its minimum."""
_TRIES: Final = 200


def matching(pattern: str, rng: Random, least: int, most: int | None) -> str | None:
    """Return a string of *least* to *most* characters in which *pattern* is found, or ``None`` if none was found.

    It tries: lookaheads and back references are not planned for, only checked afterwards.
    """
    tree, compiled = parser.parse(pattern), re.compile(in_python(pattern))
    for _ in range(_TRIES):
        made = "".join(_sequence(tree, rng))
        if len(made) < least and not pattern.endswith("$"):
            made += "".join(rng.choices(string.ascii_lowercase, k=least - len(made)))
        if len(made) >= least and (most is None or len(made) <= most) and compiled.search(made):
            return made
    return None


def _sequence(tree: Any, rng: Random) -> list[str]:
    return [_MAKERS[kind](value, rng) if kind in _MAKERS else "" for kind, value in tree]


def _repeat(value: Any, rng: Random) -> str:
    least, most, tree = value
    bound = most if most is not op.MAXREPEAT and most < least + _MORE else least + _MORE
    # Short and long both come up: bounds on the length may ask for either.
    return "".join("".join(_sequence(tree, rng)) for _ in range(rng.choice([least, bound, rng.randint(least, bound)])))


def _branch(value: Any, rng: Random) -> str:
    return "".join(_sequence(rng.choice(value[1]), rng))


def _one_of(value: Any, rng: Random) -> str:
    negated = value[0][0] is op.NEGATE
    allowed = "".join(map(_members, value[negated:]))
    if negated:
        allowed = "".join(character for character in _ALPHABET if character not in allowed)
    return rng.choice(allowed) if allowed else ""


def _members(item: Any) -> str:
    kind, value = item
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.RANGE:
        return "".join(map(chr, range(value[0], min(value[1], value[0] + 200) + 1)))
    return _CATEGORIES.get(value, "")


_MAKERS: Final[dict[Any, Callable[[Any, Random], str]]] = {
    op.LITERAL: lambda value, _rng: chr(value),
    op.NOT_LITERAL: lambda value, rng: rng.choice(_ALPHABET.replace(chr(value), "")),
    op.ANY: lambda _value, rng: rng.choice(_ALPHABET),
    op.IN: _one_of,
    op.MAX_REPEAT: _repeat,
    op.MIN_REPEAT: _repeat,
    op.BRANCH: _branch,
    op.SUBPATTERN: lambda value, rng: "".join(_sequence(value[3], rng)),
}
