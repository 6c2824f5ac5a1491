"""Lays long expressions out over lines as ruff format does, which is not among what the generator may need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from unicodedata import east_asian_width

from adi_analytics_codegen.backends.text import WIDTH, py_string


@dataclass(frozen=True, slots=True)
class Group:
    """Parts with commas between, in brackets, such as ``Meta(ge=0, le=9)``."""

    opening: str
    parts: tuple[Part, ...]
    closing: str


@dataclass(frozen=True, slots=True)
class OrNone:
    """A part or ``None``."""

    part: Part


Part: TypeAlias = "str | Group | OrNone"


def laid_out(part: Part, before: str, default: str = "") -> str:
    """Return *part*, and *default* behind an equals sign, for a line that begins with *before*."""
    line, after = _flat(part), f" = {default}" if default else ""
    if width(before + line + after) <= WIDTH:
        return line + after
    margin = " " * (len(before) - len(before.lstrip()))
    if default and width(f"{before}{line} = (") <= WIDTH:
        return f"{line} = (\n{margin}    {default}\n{margin})"
    return _split(part, len(margin)) + after


def _split(part: Part, indent: int) -> str:
    """Return *part* over several lines, in brackets if it has none."""
    if isinstance(part, Group):
        return _exploded(part, indent)
    margin = " " * (indent + 4)
    if isinstance(part, OrNone) and width(margin + _flat(part)) > WIDTH:
        return f"(\n{margin}{_at(part.part, indent + 4, 0)}\n{margin}| None\n{' ' * indent})"
    return f"(\n{margin}{_flat(part)}\n{' ' * indent})" if width(margin + _flat(part)) <= WIDTH else _flat(part)


def literal(value: object, before: str = "") -> Part:
    """Return the literal of *value*, which is JSON data, behind *before*."""
    if isinstance(value, dict):
        entries = (literal(inner, f"{py_string(key)}: ") for key, inner in value.items())
        return Group(f"{before}{{", tuple(entries), "}")
    if isinstance(value, list):
        return Group(f"{before}[", tuple(map(literal, value)), "]")
    return before + (py_string(value) if isinstance(value, str) else repr(value))


def width(text: str) -> int:
    """Return how many columns *text* takes: ruff counts wide characters twice."""
    return len(text) + sum(east_asian_width(character) in "WF" for character in text if not character.isascii())


def _flat(part: Part) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, OrNone):
        return f"{_flat(part.part)} | None"
    return part.opening + ", ".join(map(_flat, part.parts)) + part.closing


def line_of(part: Part, indent: int) -> str:
    """Return *part* for a line of its own, or several, indented by *indent* and with a comma behind it."""
    return f"{_at(part, indent, 1)},"


def _at(part: Part, indent: int, after: int) -> str:
    """Return *part* for a line of its own, indented by *indent*, with *after* characters behind it."""
    line = _flat(part)
    return line if indent + width(line) + after <= WIDTH else _exploded(part, indent)


def _exploded(part: Part, indent: int) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, OrNone):
        return f"{_exploded(part.part, indent)}\n{' ' * indent}| None"
    margin = " " * (indent + 4)
    together = ", ".join(map(_flat, part.parts))
    # A dict or a list has a line per entry; anything else stays together where that is enough, and a lone part has no
    # comma.
    is_literal = part.opening.endswith(("{", ": [", "=[")) or part.opening == "["
    if not is_literal and (len(part.parts) == 1 or width(margin + together) <= WIDTH):
        return f"{part.opening}\n{margin}{together}\n{' ' * indent}{part.closing}"
    lines = [f"{margin}{_at(inner, indent + 4, 1)},\n" for inner in part.parts]
    return f"{part.opening}\n{''.join(lines)}{' ' * indent}{part.closing}"
