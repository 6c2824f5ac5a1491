"""YAML text to a tree of nodes that know their place.

The tree is built from parser events, not by ``yaml.compose``: that recurses, so deep nesting would end the process,
and it hides duplicate keys. Scalars follow the core schema of YAML 1.2, as editors do: ``no`` and ``on`` are strings,
and a date is a string.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import yaml

from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.model.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.findings import Findings

Value: TypeAlias = "bool | int | float | str | list[Node] | dict[str, Node] | None"

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH: Final = 100
_MAX_NODES: Final = 2_000_000
"""Aliases may not expand a catalog to more values than this."""
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
"""Characters that can harm terminals, editors and databases, and line ends that only some parsers count."""
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"[-+]?[0-9]{1,400}")
_BASED_INT: Final = re.compile(r"0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOATS: Final = {
    **{sign + name: math.inf for sign in ("", "+") for name in (".inf", ".Inf", ".INF")},
    **{f"-{name}": -math.inf for name in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value of a catalog file, with its place and, inside a mapping, the place of its key."""

    value: Value
    file: str
    line: int
    column: int
    size: int = 1
    """How many values it holds, itself included, aliases counted each time."""
    key_line: int = 0
    key_column: int = 0

    @property
    def at(self) -> Location:
        """The place where the value starts."""
        return Location(self.file, self.line, self.column)

    @property
    def key_at(self) -> Location:
        """The place of the key, or of the value outside a mapping."""
        return Location(self.file, self.key_line, self.key_column) if self.key_line else self.at

    @property
    def mapping(self) -> dict[str, Node]:
        """The value, known to be a mapping."""
        return cast("dict[str, Node]", self.value)

    @property
    def items(self) -> list[Node]:
        """The value, known to be a list."""
        return cast("list[Node]", self.value)

    @property
    def text(self) -> str:
        """The value, known to be a string."""
        return cast("str", self.value)

    def get(self, key: str) -> Node | None:
        """Return the value of *key*, or ``None`` when it is absent or null."""
        node = self.mapping.get(key)
        return None if node is None or node.value is None else node

    def scalar(self, key: str, default: Any = None) -> Any:
        """Return the scalar under *key*, or *default*."""
        node = self.get(key)
        return default if node is None else node.value

    def entries(self, key: str) -> dict[str, Node]:
        """Return the mapping under *key*, empty when it is absent."""
        node = self.get(key)
        return {} if node is None else node.mapping

    def list(self, key: str) -> list[Node]:
        """Return the list under *key*, empty when it is absent."""
        node = self.get(key)
        return [] if node is None else node.items

    def plain(self) -> Any:
        """Return the value without places, as JSON has it."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class _Stop(Exception):  # noqa: N818 - ends the walk, never seen outside
    """The rest of the file cannot be understood."""


def parse(data: bytes, file: str, findings: Findings) -> Node | None:
    """Return the tree of *data*, or ``None`` after an error that leaves nothing to check.

    Args:
        data: The bytes of the file.
        file: Its name, as findings should show it.
        findings: Receives ``encoding``, ``yaml-syntax``, ``duplicate-key`` and similar findings.
    """
    text = _decode(data, file, findings)
    if text is None:
        return None
    try:
        return _Builder(file, findings).build(text)
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file, 1, 1)
        line = "".join(text.splitlines()[at.line - 1 : at.line])
        fix = "indent with spaces, not with tabs" if line[at.column - 1 :].startswith("\t") else "correct the syntax"
        findings.error(at, "yaml-syntax", f"this is not YAML: {error.problem or error.context}", fix)
    except yaml.reader.ReaderError as error:
        at = _place(file, text, error.position)
        findings.error(at, "yaml-syntax", f"character {error.character!r} is not allowed in YAML", "remove it")
    return None


def _decode(data: bytes, file: str, findings: Findings) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = _place(file, data[: error.start].decode("utf-8-sig", "replace"), None)
        findings.error(at, "encoding", f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8")
        return None
    control = _CONTROL.search(text)
    if control is not None:
        at = _place(file, text, control.start())
        findings.error(at, "yaml-syntax", f"character {control.group()!r} is not allowed in a catalog", "remove it")
        return None
    return text


def _place(file: str, text: str, position: int | None) -> Location:
    before = text if position is None else text[:position]
    return Location(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


@dataclass(slots=True, repr=False)
class _Open(Shown):
    """A collection whose end has not been seen."""

    value: list[Node] | dict[str, Node]
    line: int
    column: int
    anchor: str | None
    size: int = 1
    key: tuple[str, int, int] | None = None
    """In a mapping: the key whose value comes next."""


class _Builder:
    """Turns parser events into nodes, with a stack of its own instead of the interpreter's."""

    def __init__(self, file: str, findings: Findings) -> None:
        self.file = file
        self.findings = findings
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node | None] = {}
        self.root: Node | None = None

    def build(self, text: str) -> Node | None:
        """Return the root node of *text*; an empty file gives ``None``."""
        for event in _events(text):
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)
        return self.root

    def stop(self, at: Location, rule: str, message: str, fix: str) -> None:
        self.findings.error(at, rule, message, fix)
        raise _Stop

    def at(self, event: Any) -> Location:
        return Location(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def on_document(self, event: Any) -> None:
        if self.root is not None:
            self.stop(self.at(event), "yaml-document", "the file holds a second document", "keep one per file")

    def on_start(self, event: Any) -> None:
        if len(self.stack) >= _MAX_DEPTH:
            self.stop(self.at(event), "yaml-depth", f"nested more than {_MAX_DEPTH} levels deep", "flatten it")
        if self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            self.stop(self.at(event), "yaml-key", "a key is a list or a mapping", "use a plain name as the key")
        self.check_tag(event)
        if event.anchor:
            self.anchors[event.anchor] = None
        mark = event.start_mark
        value: list[Node] | dict[str, Node] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Open(value, mark.line + 1, mark.column + 1, event.anchor))

    def on_end(self, _event: Any) -> None:
        done = self.stack.pop()
        self.add(Node(done.value, self.file, done.line, done.column, done.size), done.anchor)

    def on_scalar(self, event: Any) -> None:
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        self.check_tag(event)
        control = _CONTROL.search(event.value)
        if control is not None:
            message = f"character {control.group()!r} is not allowed in a catalog"
            self.findings.error(self.at(event), "yaml-syntax", message, "remove its escape")
        if self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            self.stack[-1].key = (event.value, line, column)
            if event.anchor:
                self.anchors[event.anchor] = Node(event.value, self.file, line, column)
            return
        value = _scalar(event.value) if event.implicit[0] else event.value
        self.add(Node(value, self.file, line, column), event.anchor)

    def on_alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            self.stop(self.at(event), "yaml-alias", f"alias *{event.anchor} has no anchor", "define it above")
        target = self.anchors[event.anchor]
        if target is None:
            self.stop(self.at(event), "yaml-alias", f"alias *{event.anchor} contains itself", "write it out")
        elif self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            self.stop(self.at(event), "yaml-key", "a key is an alias", "write the key out")
        else:
            self.add(target, None)

    def check_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!":
            self.findings.error(self.at(event), "yaml-tag", f"tag {event.tag!r} has no meaning here", "remove the tag")

    def add(self, node: Node, anchor: str | None) -> None:
        """Put a finished node into the collection that is open."""
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        parent.size += node.size
        if parent.size > _MAX_NODES:
            self.stop(node.at, "yaml-alias", f"aliases expand to over {_MAX_NODES} values", "use fewer aliases")
        if isinstance(parent.value, list):
            parent.value.append(node)
            return
        key, line, column = cast("tuple[str, int, int]", parent.key)
        parent.key = None
        self.add_entry(parent.value, key, Node(node.value, node.file, node.line, node.column, node.size, line, column))

    def add_entry(self, mapping: dict[str, Node], key: str, node: Node) -> None:
        if key == "<<":
            fix = "use groups and include to share fields"
            self.findings.error(node.key_at, "yaml-merge", "merge keys (<<) are not supported", fix)
            return
        first = mapping.get(key)
        if first is not None:
            message = f'key "{key}" is given twice, first on line {first.key_at.line}'
            self.findings.error(node.key_at, "duplicate-key", message, "remove or rename one of them")
            return
        mapping[key] = node


_HANDLERS: Final = {
    yaml.DocumentStartEvent: _Builder.on_document,
    yaml.MappingStartEvent: _Builder.on_start,
    yaml.SequenceStartEvent: _Builder.on_start,
    yaml.MappingEndEvent: _Builder.on_end,
    yaml.SequenceEndEvent: _Builder.on_end,
    yaml.ScalarEvent: _Builder.on_scalar,
    yaml.AliasEvent: _Builder.on_alias,
}


def _events(text: str) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _scalar(text: str) -> Value:
    """Return the value of a plain scalar under the core schema of YAML 1.2."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _BASED_INT.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return _SPECIAL_FLOATS.get(text, text)
