"""The files of migrations: the words in their names, and writing them all or none."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.files.migration import LOCK_NAME, SNAPSHOT_NAME, checksum, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

_SLUG_LENGTH: Final = 48


def slug(words: str) -> str:
    """Return *words* as they stand in the name of a directory.

    Raises:
        UsageError: If nothing is left of them.
    """
    found = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:_SLUG_LENGTH].strip("_")
    if not found:
        raise UsageError(
            f"no letters or digits in {words!r}",
            'Pass words with -m, for example -m "count cancelled tasks".',
            setting="message",
            value=words,
        )
    return found


def write(folder: Path, migrations: Mapping[str, Mapping[str, str]], snapshot: str | None = None) -> None:
    """Write everything beside its place, then move it there: a full disk leaves the folder as it was.

    Args:
        folder: Where the directories of migrations are.
        migrations: Their names, and the texts of their files by name.
        snapshot: What the files add up to; none where the files themselves say it.
    """
    lock = folder / LOCK_NAME
    locked = lock.read_text(encoding="utf-8") if lock.is_file() else ""
    staged = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        for name, files in migrations.items():
            (staged / name).mkdir()
            for file, text in sorted(files.items()):
                (staged / name / file).write_text(text, encoding="utf-8", newline="\n")
                known = checksum(normalise(text.encode()))
                locked += f"{name[:4]} {name[5:].partition('_')[0]} {file.removesuffix('.sql')} {known}\n"
        last = {LOCK_NAME: locked} | ({} if snapshot is None else {SNAPSHOT_NAME: snapshot})
        for name, text in last.items():
            (staged / name).write_text(text, encoding="utf-8", newline="\n")
        for name in (*migrations, *last):
            (staged / name).replace(folder / name)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
