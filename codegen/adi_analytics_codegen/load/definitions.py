"""The lines of the catalog that define each event, aggregate and question."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.dashboard import Definition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adi_analytics_codegen.load.source.yaml import Node

_KINDS: Final = {
    "events": "event", "aggregates": "aggregate", "entities": "entity", "retention": "retention", "funnels": "funnel",
}  # fmt: skip


def definitions(root: Node, texts: Mapping[str, str], main: Path) -> Iterator[Definition]:
    """Yield the definitions in the tree *root* of the main file *main*; *texts* are those of its files, by path."""
    lines = {file: text.splitlines() for file, text in texts.items()}
    for section, kind in _KINDS.items():
        for name, node in root.entries(section).items():
            if node.file in lines:
                first = node.key_at.line
                file = Path(os.path.relpath(node.file, main.parent)).as_posix()
                yield Definition(kind, name, file, first, _block(lines[node.file], first))


def _block(lines: list[str], first: int) -> str:
    """Return the block that begins with the line *first*: up to the next line that is indented no deeper."""
    begun = lines[first - 1]
    depth = _depth(begun)
    end = first
    for number in range(first, len(lines)):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            continue  # part of it if more of it follows
        if _depth(line) <= depth and line.strip()[0] not in "}]":
            break
        end = number + 1
    return "\n".join(line[min(depth, _depth(line)) :].rstrip() for line in lines[first - 1 : end])


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
