"""How names and patterns of a catalog are spelled in Rust and Go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.text.naming import pascal_case
from adi_analytics_codegen.model.text.patterns import tokens

if TYPE_CHECKING:
    from adi_analytics_codegen.model.fields import EnumValue

_RUST_KEYWORDS: Final = frozenset(
    [
        "abstract",
        "as",
        "async",
        "await",
        "become",
        "box",
        "break",
        "const",
        "continue",
        "do",
        "dyn",
        "else",
        "enum",
        "extern",
        "false",
        "final",
        "fn",
        "for",
        "gen",
        "if",
        "impl",
        "in",
        "let",
        "loop",
        "macro",
        "match",
        "mod",
        "move",
        "mut",
        "override",
        "priv",
        "pub",
        "ref",
        "return",
        "static",
        "struct",
        "trait",
        "true",
        "try",
        "type",
        "typeof",
        "unsafe",
        "unsized",
        "use",
        "virtual",
        "where",
        "while",
        "yield",
    ]
)
_RUST_NEVER: Final = frozenset({"crate", "self", "super"})
"""Keywords that not even ``r#`` makes a name of."""
_GO_INITIALS: Final = frozenset(
    [
        "api",
        "cpu",
        "css",
        "db",
        "dns",
        "gpu",
        "html",
        "http",
        "https",
        "id",
        "ip",
        "json",
        "sql",
        "ttl",
        "ui",
        "uri",
        "url",
        "utc",
        "uuid",
        "xml",
    ]
)
"""Words that Go writes in capitals."""
_GO_METHODS: Final = frozenset({"EventType", "EventVersion", "MarshalJSON", "UnmarshalJSON", "Validate"})
_MOST_ROUNDS: Final = 1000
"""Go's regexp takes no more repetitions, and counts those inside others as their product."""
_REPEAT: Final = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}")


def rust_field(name: str) -> str:
    """Return the name of a field of a Rust struct."""
    if name in _RUST_NEVER:
        return f"{name}_"
    return f"r#{name}" if name in _RUST_KEYWORDS else name


def variant(value: EnumValue) -> str:
    """Return what an enum's *value* is called in Rust and, behind the name of the enum, in Go."""
    return pascal_case(value.member.lower()) or value.member


def go_field(name: str) -> str:
    """Return the name of a field of a Go struct: exported, and not that of a method."""
    words = (part.upper() if part in _GO_INITIALS else part[:1].upper() + part[1:] for part in name.split("_"))
    made = "".join(words)
    return f"{made}_" if made in _GO_METHODS else made


def automaton(pattern: str) -> str:
    r"""Return *pattern*, which must be portable, for engines that never backtrack: Go's regexp and Rust's regex.

    What they escape differs, so a character that may mean something to one of them is written as ``\x{2f}``.
    """
    return "".join(_spelled(kind, text, inside=inside) for kind, text, inside in tokens(pattern))


def too_much_for_an_automaton(pattern: str) -> str | None:
    """Return the part of *pattern*, which must be portable, that engines which never backtrack lack; else ``None``."""
    most, last = [1], 1  # rounds of what is nested: the most in each open group, and in what came last
    for kind, text, inside in tokens(pattern):
        if inside or kind != "plain":
            last = 1
            continue
        if text in {"(?=", "(?!"}:
            return text
        rounds = _REPEAT.match(text)
        if text.startswith("("):
            most.append(1)
            last = 1
        elif rounds is not None:
            last *= max(1, *(int(number) for number in rounds.groups() if number))
        else:
            last = most.pop() if text == ")" else 1
        most[-1] = max(most[-1], last)
        if last > _MOST_ROUNDS:
            return text
    return None


_LETTERS: Final = frozenset("tnrfv")


def _spelled(kind: str, text: str, *, inside: bool) -> str:
    if kind != "plain":
        return text
    if text.startswith("\\"):
        letter = text[1]
        if letter in _LETTERS:
            return text
        return f"\\x{{{text[2:]}}}" if letter in {"x", "u"} else f"\\x{{{ord(letter):x}}}"
    return f"\\x{{{ord(text):x}}}" if inside and text in {"&", "~"} else text
