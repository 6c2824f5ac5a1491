"""`analytics-codegen upgrade`: a catalog of an older format as one of the newest, every other byte kept."""

from __future__ import annotations

import difflib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.writer import replace_file
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.load.source.files import read_file
from adi_analytics_codegen.load.source.yaml import parse
from adi_analytics_codegen.model.catalog import FORMATS
from adi_analytics_codegen.model.findings import Finding, Findings

if TYPE_CHECKING:
    from adi_analytics_codegen.load.source.yaml import Node

_LINE_END: Final = re.compile("\r\n|\r|\n")
_NUMBER: Final = re.compile(r"[-+0-9a-fA-Fox]+")
_BOM: Final = b"\xef\xbb\xbf"


class UpgradeError(Exception):
    """The file can't be rewritten. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What the upgrade of one catalog comes to.

    Attributes:
        file: The main file.
        was: The format that it says; ``None`` when it says none that there is.
        old: Its bytes.
        new: Its bytes after the upgrade; the same for a catalog of the newest format.
        findings: What is wrong with the catalog, with whatever format. A catalog with errors is not upgraded.
    """

    file: Path
    was: int | None
    old: bytes
    new: bytes
    findings: list[Finding] = field(default_factory=list)

    @property
    def diff(self) -> str:
        """The lines that change; empty when none does."""
        olds, news = (data.decode("utf-8-sig").splitlines() for data in (self.old, self.new))
        return "\n".join(difflib.unified_diff(olds, news, str(self.file), str(self.file), lineterm=""))

    def write(self) -> None:
        """Replace the file at once: a reader sees the old text or the new one. Its permissions stay.

        Raises:
            OSError: If it can't be written.
        """
        real = Path(os.path.realpath(self.file))  # a link stays one
        replace_file(real, self.new, stat.S_IMODE(real.stat().st_mode))


def upgraded(path: Path) -> Upgrade:
    """Return what the upgrade of the catalog at *path* comes to; nothing is written.

    Raises:
        UpgradeError: If the format is not written as a number of its own, such as an alias of another value.
    """
    try:
        data = read_file(path)
    except (OSError, ValueError):
        return Upgrade(path, None, b"", b"", load(path).findings)
    was = _format_of(data, path)
    if was is None or was.value not in FORMATS:
        return Upgrade(path, None, data, data, load(path).findings)
    new = data if was.value == FORMATS[-1] else _rewritten(data, was, path)
    # The catalog is judged as the newest format: a key that came with it is why somebody upgrades.
    found = load(path, lambda file: new if file == path else read_file(file)).findings
    return Upgrade(path, int(str(was.value)), data, new, found)


def _format_of(data: bytes, path: Path) -> Node | None:
    root = parse(data, str(path), Findings())
    for key in ("catalog", "format"):
        root = root.get(key) if root is not None and isinstance(root.value, dict) else None
    return None if root is None or type(root.value) is not int else root


def _rewritten(data: bytes, was: Node, path: Path) -> bytes:
    """Return *data* with the newest format in the place of *was*."""
    bom, text = data[: len(_BOM)] == _BOM, data.decode("utf-8-sig")
    starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
    start = starts[was.line - 1] + was.column - 1
    number = _NUMBER.match(text, start)
    new = (_BOM if bom else b"") + f"{text[:start]}{FORMATS[-1]}{text[number.end() if number else start :]}".encode()
    if not number or _otherwise(data, path, int(str(was.value))) != _otherwise(new, path, FORMATS[-1]):
        raise UpgradeError(f"{was.at}: the format is an anchor or an alias. Write `format: {FORMATS[-1]}` by hand.")
    return new


def _otherwise(data: bytes, path: Path, stated: int) -> object:
    """Return what the file holds besides its format, which must be *stated*."""
    root = parse(data, str(path), Findings())
    plain = root.plain() if root is not None else {}
    return None if plain["catalog"].pop("format", None) != stated else plain
