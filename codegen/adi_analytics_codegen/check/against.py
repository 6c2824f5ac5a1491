"""The catalog to compare with: another file, or the same file at another commit."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.catalog import load

if TYPE_CHECKING:
    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.load.source.files import Read

_GIT: Final = "git:"


class AgainstError(Exception):
    """There is nothing to compare with. The message says why."""


def load_against(against: str, catalog: Path) -> Loaded | None:
    """Return the catalog that *against* names.

    Args:
        against: ``git:REF`` for the file *catalog* as it was at a commit, branch or tag; the path of a file otherwise.
        catalog: The catalog as it is now.

    Returns:
        ``None`` when the file did not exist at that commit: then everything is new.

    Raises:
        AgainstError: If there is no such commit or file, or git cannot be run.
    """
    if not against.startswith(_GIT):
        path = Path(against)
        if not path.is_file():
            raise AgainstError(f"--against {against}: there is no such file (for a commit, write git:{against})")
        return load(path)
    ref = against.removeprefix(_GIT)
    folder = catalog.parent
    commit = _git(folder, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        raise AgainstError(f"--against {against}: git knows no commit {ref!r} in {folder.absolute()} (fetch it first?)")
    read = _reader(folder, commit.decode().strip())
    try:
        read(catalog)
    except FileNotFoundError:
        return None
    return load(catalog, read)


def _reader(folder: Path, commit: str) -> Read:
    def read(path: Path) -> bytes:
        name = os.path.relpath(path, folder).replace(os.sep, "/")
        data = _git(folder, "cat-file", "blob", f"{commit}:./{name}")
        if data is None:
            raise FileNotFoundError(errno.ENOENT, f"not in commit {commit[:12]}", str(path))
        return data

    return read


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Return what git prints, or ``None`` when it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words; the reference is verified after --end-of-options
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise AgainstError(f"cannot run git: {error.strerror}") from error
    return done.stdout if done.returncode == 0 else None
