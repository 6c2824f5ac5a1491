"""Generated files and the disk: compare, write, delete stale files. No other module writes to the disk.

A file that differs only in CRLF counts as equal: git on Windows checks text out that way.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_IGNORED: Final = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
"""What tools leave among generated files; never stale."""

_MARKS: Final = (b"analytics-codegen", b"urn:adi-analytics:")
"""Generated files contain one of these, but for those called as below."""

_UNMARKED: Final = frozenset({"py.typed", "manifest.json"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that differs from what would be generated.

    Attributes:
        path: The file, relative to the output directory.
        kind: ``missing``, ``changed`` or ``stale``.
        diff: A unified diff from the disk to what would be generated.
    """

    path: str
    kind: str
    diff: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What a run did to the disk. Paths are relative to the output directory."""

    written: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    unchanged: int = 0


class ForeignFilesError(Exception):
    """The output folders hold files that this program did not write, so it neither replaces nor deletes them."""

    def __init__(self, out: Path, paths: list[str]) -> None:
        super().__init__(out, paths)
        self.out = out
        self.paths = paths

    def __str__(self) -> str:
        shown = ", ".join(self.paths[:3]) + (", ..." if len(self.paths) > 3 else "")  # noqa: PLR2004 - a few
        return f"{self.out} holds files that were not generated ({shown}): move them away, or choose another --out"


def compare(out: Path, files: dict[str, str], folders: Iterable[str]) -> list[Difference]:
    """Return how the *folders* of *out* differ from *files*; nothing when the text of all files is equal."""
    differences = []
    for path, text in files.items():
        present = _read(out / path)
        if present is None:
            differences.append(Difference(path, "missing", _diff(path, "", text)))
        elif not _is_equal(present, text):
            old = _with_lf(present).decode("utf-8", "replace")
            differences.append(Difference(path, "changed", _diff(path, old, text)))
    differences += [Difference(path, "stale") for path in stale(out, files, folders)]
    return differences


def write(out: Path, files: dict[str, str], folders: Iterable[str]) -> Written:
    """Make the *folders* of *out* hold *files* and nothing else.

    Files that are up to date are left alone, so that their modification times do not change.

    Raises:
        ForeignFilesError: If a file to replace or to delete is not a generated one. Then nothing is written or deleted.
        OSError: If a file cannot be written. Each file is old or new, never half written.
    """
    refuse_foreign(out, files, folders)
    result = Written(deleted=stale(out, files, folders))
    unchanged = 0
    for path, text in files.items():
        present = _read(out / path)
        if present is not None and _is_equal(present, text):
            unchanged += 1
            continue
        replace_file(out / path, text.encode("utf-8"))
        result.written.append(path)
    for path in result.deleted:
        (out / path).unlink()
        _remove_empty(out, (out / path).parent)
    return Written(result.written, result.deleted, unchanged)


def refuse_foreign(out: Path, files: dict[str, str], folders: Iterable[str]) -> None:
    """Make sure that nothing but generated files would be replaced or deleted.

    Raises:
        ForeignFilesError: If there are other files.
    """
    present = {path: _read(out / path) for path in files}
    changed = (path for path, data in present.items() if data and not _is_equal(data, files[path]))
    foreign = [path for path in (*changed, *stale(out, files, folders)) if not _is_generated(out / path)]
    if foreign:
        raise ForeignFilesError(out, foreign)


def stale(out: Path, files: dict[str, str], folders: Iterable[str]) -> list[str]:
    """Return the files under *folders* of *out* that are not in *files*.

    A folder that *files* has nothing in is no output's: what is there counts only where this program wrote it.
    """
    ours = {path.partition("/")[0] for path in files}
    present = ((folder, path) for folder in sorted(folders) for path in _walk(out, out / folder))
    return [path for folder, path in present if path not in files and (folder in ours or _is_generated(out / path))]


def _is_generated(path: Path) -> bool:
    return path.name in _UNMARKED or any(mark in (_read(path) or b"") for mark in _MARKS)


def _walk(out: Path, folder: Path) -> Iterator[str]:
    for directory, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _IGNORED)
        for name in sorted(name for name in names if not name.startswith(".")):
            yield (Path(directory) / name).relative_to(out).as_posix()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _is_equal(present: bytes, text: str) -> bool:
    return _with_lf(present) == text.encode("utf-8")


def _with_lf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def replace_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write *data* to *path* through a temporary file, so that a reader sees the old text or the new.

    Args:
        path: The file; its folder is made if it is not there.
        data: Its whole content.
        mode: Its permissions.

    Raises:
        OSError: If it cannot be written; with the file's name, also if the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _remove_empty(out: Path, folder: Path) -> None:
    while folder != out and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _diff(path: str, old: str, new: str) -> str:
    before, after = f"on disk: {path}", f"generated: {path}"
    # A lone CR can be all that differs, so it is shown.
    olds, news = (text.replace("\r", "\\r").split("\n") for text in (old, new))
    return "\n".join(difflib.unified_diff(olds, news, before, after, lineterm=""))
