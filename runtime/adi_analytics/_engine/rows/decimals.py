"""Decimals as their digits: msgspec writes one below a millionth as 1E-7, which no schema takes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

MARK: Final = b"E-"
"""What the JSON of such a decimal holds. Texts may hold it, too."""

_MOST_DIGITS: Final = 38
"""No field has more digits after the point."""


def with_digits(event: Any, enc_hook: Callable[[Any], Any]) -> Any:
    """Return *event* as what is encoded in its place: dicts and lists, with decimals as texts without an exponent.

    Raises:
        TypeError: If it holds what *enc_hook* refuses.
    """
    return _plain(msgspec.to_builtins(event, builtin_types=(Decimal,), enc_hook=enc_hook))


def _plain(value: Any) -> Any:
    if type(value) is Decimal:
        exponent = value.as_tuple().exponent
        return format(value, "f") if type(exponent) is int and -_MOST_DIGITS <= exponent <= 0 else value
    if type(value) is dict:
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if type(value) in {list, tuple} else value
