"""What the texts of strings with a format look like, and the decimals, which travel as text, too.

Each is a pattern, so that every validator agrees. The patterns are plain enough for every engine, RE2 included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.kinds import Format

if TYPE_CHECKING:
    from adi_analytics_codegen.model.fields import Field

_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_URI_CHARACTER: Final = "[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}"
_BYTE: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_H16: Final = "[0-9A-Fa-f]{1,4}"
_LS32: Final = f"(?:{_H16}:{_H16}|{_IPV4})"


def _up_to(groups: int) -> str:
    """Return the part of an IPv6 address before ``::``, of at most so many groups."""
    return f"(?:{_H16}(?::{_H16}){{0,{groups - 1}}})?"


_IPV6: Final = (
    f"(?:{_H16}:){{6}}{_LS32}",
    f"::(?:{_H16}:){{5}}{_LS32}",
    *(f"{_up_to(5 - after)}::(?:{_H16}:){{{after}}}{_LS32}" for after in (4, 3, 2, 1)),
    f"{_up_to(5)}::{_LS32}",
    f"{_up_to(6)}::{_H16}",
    f"{_up_to(7)}::",
)
"""The forms of RFC 3986, section 3.2.2, in its order."""

PATTERNS: Final = {
    Format.URI: rf"^[A-Za-z][A-Za-z0-9+.-]*:(?:\[|\]|{_URI_CHARACTER})+(?:#(?:{_URI_CHARACTER})*)?$",
    Format.EMAIL: rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_HOSTNAME}$",
    Format.IP: f"^(?:{_IPV4}|{'|'.join(_IPV6)})$",
    Format.HOSTNAME: f"^{_HOSTNAME}$",
}
"""The pattern of each format.

``uri`` has a scheme and only characters that RFC 3986 allows, ``email`` is what HTML takes in ``<input type=email>``,
``ip`` is an IPv4 address or an IPv6 address without a zone, ``hostname`` is one of RFC 1123.
"""

HOSTNAME_LENGTH: Final = 253
WORDS: Final = {
    Format.URI: "A URI.",
    Format.EMAIL: "An email address.",
    Format.IP: "An IP address.",
    Format.HOSTNAME: "A host name.",
}
"""What to say of a string with a format."""

MAX_PRECISION: Final = 38
"""More digits than this are exact in no decimal type of some databases and languages."""


def decimal_pattern(precision: int, scale: int, *, signed: bool = True) -> str:
    """Return the pattern of decimals with up to *precision* digits, up to *scale* of them after the point."""
    whole = precision - scale
    before = "0" if whole == 0 else f"(?:0|[1-9][0-9]{{0,{whole - 1}}})"
    after = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
    return f"^{'-?' if signed else ''}{before}{after}$"


def pattern_of(field: Field) -> str | None:
    """Return the pattern that the texts of *field* match: its own, that of its format, or that of its decimals."""
    if field.precision is not None and field.scale is not None:
        return decimal_pattern(field.precision, field.scale, signed=field.min is None)
    return field.pattern
