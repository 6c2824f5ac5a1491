"""What is stored of a person on this machine: rows in the spool, and dead letters in the worker's file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from adi_analytics._engine.dead_letters.file import dead_letter_path, remove_lines
from adi_analytics._engine.rows.row import Row
from adi_analytics._engine.spool.leftover import remove_rows, spooled_rows
from adi_analytics._shared.options import settings_from
from adi_analytics.migrate.people.person import Person


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """The files of the workers with this environment.

    Attributes:
        catalog: The name of the catalog, which the files carry.
        spool: The directory of the spool, if there is one.
        letters: The file of dead letters, if there is one.
        hash_key: The key of hashed fields, or an empty text.
    """

    catalog: str
    spool: Path | None
    letters: Path | None
    hash_key: str

    def rows(self, person: Person) -> Iterator[dict[str, Any]]:
        """Yield the person's rows in the spool."""
        for row in spooled_rows(self.spool, self.catalog) if self.spool else ():
            if _owns(person, row):
                yield asdict(Row.from_copy(row, text_ids=person.column_type == "text"))

    def letters_of(self, person: Person) -> Iterator[dict[str, Any]]:
        """Yield the person's dead letters in the file."""
        if self.letters is not None:
            for line in self.letters.read_bytes().splitlines():
                if _owns_letter(person, line):
                    yield msgspec.json.decode(line)

    def erase_rows(self, person: Person) -> tuple[int, tuple[Path, ...]]:
        """Remove the person's rows from the spool; return how many, and the files of running processes with more."""
        if self.spool is None:
            return 0, ()
        cleaned = remove_rows(self.spool, self.catalog, lambda row: _owns(person, row))
        return cleaned.rows, cleaned.busy

    def erase_letters(self, person: Person) -> int:
        """Remove the person's dead letters from the file, and return how many."""
        return remove_lines(self.letters, lambda line: _owns_letter(person, line)) if self.letters else 0


def local_files(catalog: str) -> LocalFiles:
    """Return the files that a worker with this environment writes, those of them that are there."""
    settings = settings_from({})
    spool = Path(settings.spool_dir) if settings.spool_dir else None
    letters = dead_letter_path(settings, catalog)
    return LocalFiles(
        catalog,
        spool if spool is not None and spool.is_dir() else None,
        letters if letters is not None and letters.is_file() else None,
        settings.hash_key,
    )


def payload_is_of(person: Person, payload: str) -> bool:
    """Whether the payload of a dead letter, a row as JSON, is the person's."""
    try:
        columns = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        columns = None
    if not isinstance(columns, dict):
        return person.owns(None, payload, None)
    return person.owns(columns.get("user_id"), columns.get("data"), columns.get("meta"))


def _owns(person: Person, row: bytes) -> bool:
    found = Row.from_copy(row, text_ids=person.column_type == "text")
    return person.owns(found.user_id, found.data, found.meta)


def _owns_letter(person: Person, line: bytes) -> bool:
    try:
        letter = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return person.owns(None, line.decode(errors="replace"), None)
    return isinstance(letter, dict) and (
        payload_is_of(person, str(letter.get("payload"))) or person.owns(None, letter.get("message"), None)
    )
