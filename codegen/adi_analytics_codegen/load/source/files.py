"""The files of a catalog, included ones too, as one tree."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

from adi_analytics_codegen.load.source.yaml import Node, parse
from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.model.findings import Findings

Read: TypeAlias = Callable[[Path], bytes]
"""Returns the bytes of a file; raises ``OSError`` when it cannot."""


def read_file(path: Path) -> bytes:
    """Return the bytes of a file on disk.

    Raises:
        OSError: If it cannot be read, or is a folder, a device or a pipe, whose end might never come.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return path.read_bytes()


_ONLY_IN_MAIN_FILE: Final = ("catalog", "storage")
_MAX_FILES: Final = 200


@dataclass(slots=True)
class Files:
    """Reads the files of a catalog into one tree.

    Attributes:
        folder: The folder of the main file, which the included ones must not leave.
        texts: The text of each file that could be read.
    """

    findings: Findings
    read: Read
    folder: Path = Path()
    seen: dict[Path, Location | None] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def tree(self, path: Path) -> Node | None:
        """Return the main file with the entries of all files that it includes."""
        self.folder = path.parent
        root = self.file(path, None)
        if root is None:
            return None
        merged = dict(root.mapping)
        for included in self.included(root, path):
            for key in _ONLY_IN_MAIN_FILE:
                if key in included.mapping:
                    at = included.mapping[key].key_at
                    self.findings.error(at, "include", f'"{key}" belongs in the main file', "move it there")
            for key, node in included.mapping.items():
                if key not in _ONLY_IN_MAIN_FILE:
                    merged[key] = self.merged(key, merged.get(key), node)
        return replace(root, value=merged)

    def file(self, path: Path, at: Location | None) -> Node | None:
        """Return the tree of one file, or ``None`` after a finding."""
        self.seen[path] = at
        try:
            data = self.read(path)
        except OSError as error:
            place = at or Location(str(path), 1, 1)
            self.findings.error(place, "unreadable", f"cannot read {path}: {error.strerror}", "correct the path")
            return None
        except ValueError as error:  # a path with a null character
            self.findings.error(
                at or Location(repr(path), 1, 1), "unreadable", f"cannot read it: {error}", "correct the path"
            )
            return None
        before = len(self.findings.items)
        root = parse(data, str(path), self.findings)
        if root is None or not isinstance(root.value, dict):
            if len(self.findings.items) == before:
                place = root.at if root else Location(str(path), 1, 1)
                self.findings.error(place, "wrong-type", "this holds no sections", "begin with one, such as events:")
            return None
        self.texts[str(path)] = data.decode("utf-8-sig")
        return root

    def included(self, root: Node, path: Path) -> list[Node]:
        """Return the trees of the files that *root* includes, and of those that they include."""
        waiting = [(root, path)]
        trees: list[Node] = []
        while waiting:
            node, origin = waiting.pop(0)
            entry = node.mapping.get("include")
            if entry is None or not isinstance(entry.value, list):
                continue
            for name in entry.items:
                made = self.include(name, origin)
                if made is not None:
                    trees.append(made[0])
                    waiting.append(made)
        return trees

    def include(self, name: Node, origin: Path) -> tuple[Node, Path] | None:
        """Return tree and path of the file that *origin* includes as *name*, or ``None`` after a finding."""
        if not isinstance(name.value, str) or not name.value:
            return None  # the check of the shape reports it
        path = _normal(origin.parent / name.value)
        if self.leaves(path):
            message = f"{path} is outside of the folder of the main file"
            self.findings.error(name.at, "include", message, "move it into that folder, or below it")
            return None
        if path in self.seen:
            self.findings.error(name.at, "include", f"{path} is included already", "remove it here")
            return None
        if len(self.seen) >= _MAX_FILES:
            self.findings.error(name.at, "include", f"the catalog has over {_MAX_FILES} files", "use fewer")
            return None
        tree = self.file(path, name.at)
        return None if tree is None else (tree, path)

    def leaves(self, path: Path) -> bool:
        """Whether *path* is outside of the folder of the main file, on disk also through a symbolic link."""
        if not _normal(path.absolute()).is_relative_to(_normal(self.folder.absolute())):
            return True
        if self.read is not read_file:
            return False
        try:
            real = os.path.realpath(path)
        except ValueError:  # a path with a null character, which reading reports
            return False
        return not Path(real).is_relative_to(os.path.realpath(self.folder))

    def merged(self, key: str, first: Node | None, second: Node) -> Node:
        """Return two values of the section *key* as one."""
        if first is None or first.value is None:
            return second
        if second.value is None:
            return first
        if isinstance(first.value, list) and isinstance(second.value, list):
            return replace(first, value=[*first.value, *second.value])
        if not isinstance(first.value, dict) or not isinstance(second.value, dict):
            message = f'"{key}" has another type here than at {first.key_at}'
            self.findings.error(second.at, "wrong-type", message, "write both as a mapping, or both as a list")
            return first
        entries = dict(first.value)
        for name, node in second.value.items():
            if name in entries:
                message = f'"{name}" is under {key} already, at {entries[name].key_at}'
                self.findings.error(node.key_at, "duplicate-key", message, "remove or rename one of them")
            else:
                entries[name] = node
        return replace(first, value=entries)


def _normal(path: Path) -> Path:
    """Return *path* without ``..`` inside, so that one file has one name."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in {"..", path.anchor}:
            parts.pop()
        else:
            parts.append(part)
    return Path(*parts)
