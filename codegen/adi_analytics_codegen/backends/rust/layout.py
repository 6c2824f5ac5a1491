"""Lays Rust out as rustfmt does, and escapes what it is given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.describe import broken_rule_text, deprecation_text
from adi_analytics_codegen.backends.text import UNPRINTABLE, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Deprecation

WIDTH: Final = 100
_CALL_WIDTH: Final = 60
"""rustfmt gives each of several arguments a line of its own beyond this width of all of them."""


def let(indent: int, left: str, right: str) -> str:
    """Return what gives *right* a name, on one line or two."""
    margin = " " * indent
    line = f"{margin}{left} {right};"
    return line if len(line) <= WIDTH else f"{margin}{left}\n{margin}    {right};"


def tuple_variant(name: str) -> str:
    """Return the variant of an enum that holds the struct of the same *name*."""
    line = f"    {name}({name}),"
    return line if len(line) <= WIDTH else f"    {name}(\n        {name},\n    ),"


def member(name: str, kind: str) -> str:
    """Return the field *name* of a struct."""
    line = f"    pub {name}: {kind},"
    if len(line) <= WIDTH:
        return line
    return f"    pub {name}:\n        {kind}," if 9 + len(kind) <= WIDTH else f"    pub {name}: {_lines(kind, 4)},"


def _lines(kind: str, indent: int) -> str:
    """Return the generic type *kind* with a line for each argument."""
    name, _, rest = kind.partition("<")
    if not rest:
        return kind
    first, comma, second = rest[:-1].partition(", ") if name == "BTreeMap" else (rest[:-1], "", "")
    margin = " " * indent
    inside = indent + 4
    lines = [
        f"{margin}    {one if inside + len(one) < WIDTH else _lines(one, inside)},\n"
        for one in ([first, second] if comma else [first])
    ]
    return f"{name}<\n{''.join(lines)}{margin}>"


def arm(pattern: str, body: str, indent: int) -> str:
    """Return an arm of a `match`."""
    margin = " " * indent
    line = f"{margin}{pattern} => {body},"
    return line if len(line) <= WIDTH else f"{margin}{pattern} => {{\n{margin}    {body}\n{margin}}}"


def call(name: str, arguments: list[str], indent: int, before: int) -> str:
    """Return a call; *before* is the column where it begins, *indent* that of its line."""
    flat = ", ".join(arguments)
    is_narrow = len(arguments) == 1 or len(flat) <= _CALL_WIDTH
    if is_narrow and before + len(name) + len(flat) + 3 <= WIDTH:
        return f"{name}({flat})"
    margin = " " * indent
    return f"{name}(\n" + "".join(f"{margin}    {argument},\n" for argument in arguments) + f"{margin})"


def float_literal(value: float) -> str:
    """Return *value* as Rust writes it."""
    return repr(float(value)).replace("e+", "e")


def use(module: str, names: list[str]) -> str:
    """Return a line that imports *names*."""
    if not names:
        return ""
    if len(names) == 1:
        return f"use {module}::{names[0]};"
    line = f"use {module}::{{{', '.join(names)}}};"
    if len(line) <= WIDTH:
        return line
    lines, _width = [""], 0
    for name in names:
        if lines[-1] and len(lines[-1]) + len(name) + 2 > WIDTH - 4:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{name},"
    return f"use {module}::{{\n" + "".join(f"    {line}\n" for line in lines) + "};"


def deprecated(deprecation: Deprecation, indent: int) -> str:
    """Return the attribute that makes the compiler warn of a use."""
    note = deprecation_text("", deprecation).removeprefix(": ").removeprefix(".").strip()
    margin = " " * indent
    if not note:
        return f"{margin}#[deprecated]"
    line = f"{margin}#[deprecated(note = {rust_string(note)})]"
    return line if len(line) <= WIDTH else f"{margin}#[deprecated(\n{margin}    note = {rust_string(note)}\n{margin})]"


def rules(event: Event) -> Iterator[str]:
    """Yield the lines of the rules between the fields of *event*."""
    if not event.rules:
        return
    keys = {field.name: rust_string(field.key) for field in event.fields}
    yield "    #[rustfmt::skip]"
    yield "    const RULES: &'static [codec::Rule] = &["
    for rule in event.rules:
        named = ", ".join(keys[name] for name in rule.fields)
        kind = "".join(map(str.capitalize, rule.kind.split("_")))
        yield "        codec::Rule {"
        yield f"            asks: codec::Asks::{kind},"
        yield f"            keys: &[{named}],"
        yield f"            problem: {rust_string(broken_rule_text(rule, event))},"
        yield "        },"
    yield "    ];"


def rust_string(text: str) -> str:
    """Return *text* as a string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + UNPRINTABLE.sub(lambda found: f"\\u{{{ord(found.group()):x}}}", escaped) + '"'


def doc(text: str, indent: int = 0) -> str:
    """Return *text* as a documentation comment with a newline at its end."""
    margin = " " * indent
    safe = UNPRINTABLE.sub(lambda found: "\n" if found.group() == "\n" else " ", text)
    lines = wrapped(_MARKDOWN.sub(r"\\\g<0>", safe), WIDTH - indent - 4) or [""]
    return "".join(f"{margin}/// {_START.sub(_escaped, line)}".rstrip() + "\n" for line in lines)


_MARKDOWN: Final = re.compile(r"[\\\[\]<>*_`|~]")
"""What Markdown may take for more than text."""
_START: Final = re.compile(r"^([-+#=]|[0-9]+(?=[.)]))")


def _escaped(found: re.Match[str]) -> str:
    text = found.group()
    return f"\\{text}" if not text[0].isdigit() else f"{text}\\"
