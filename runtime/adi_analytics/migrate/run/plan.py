"""What a run would do: the files compared with the database's record, under the rules of the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adi_analytics._shared.version import __version__
from adi_analytics.migrate.errors import (
    DestructiveError,
    HistoryError,
    MigrationChecksumError,
    MigrationMissingError,
    MigrationOrderError,
    PendingError,
)
from adi_analytics.migrate.files.migration import MigrationFile
from adi_analytics.migrate.options import Wanted
from adi_analytics.migrate.run.record import Applied


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes:
        run: The files to apply now, in order. The first may be half applied: its recorded steps are skipped.
        pending: Every file that is not applied, of either phase.
        waits_for: The file of the other phase that stops the run, if one does.
    """

    run: tuple[MigrationFile, ...]
    pending: tuple[MigrationFile, ...]
    waits_for: MigrationFile | None = None


def check_history(files: Sequence[MigrationFile], applied: Sequence[Applied]) -> None:
    """Compare the files with the record.

    Raises:
        MigrationMissingError: If the database has applied what is not among the files.
        MigrationChecksumError: If a file was edited after it was applied.
        MigrationOrderError: If a file that is not applied comes before one that is.
    """
    by_number = {file.number: file for file in files}
    for row in applied:
        file = by_number.get(row.number)
        if file is None:
            raise MigrationMissingError(
                number=row.number,
                name=row.name,
                known=len(files),
                applied_by=row.library_version,
                applied_at=row.at,
                version=__version__,
            )
        _check_unchanged(file, row)
    last = max((row.number for row in applied), default=0)
    done = {row.number for row in applied}
    for file in files:
        if file.number < last and file.number not in done:
            raise MigrationOrderError(path=file.path, number=file.number, name=file.name, last=last)


def _check_unchanged(file: MigrationFile, row: Applied) -> None:
    if file.checksum != row.checksum:
        raise MigrationChecksumError(
            path=file.path,
            number=file.number,
            file=file.label,
            actual=file.checksum,
            expected=row.checksum,
            applied_at=row.at,
        )
    if file.phase != row.phase or file.variant != row.variant:
        raise HistoryError(
            f"migration {file.number:04d} was applied as {row.phase}/{row.variant}, "
            f"the file is {file.phase}/{file.variant}",
            "Restore the directory from git.",
            path=file.path,
            number=file.number,
        )


def make_plan(files: Sequence[MigrationFile], applied: Sequence[Applied], wanted: Wanted) -> Plan:
    """Return what to run for *wanted*.

    A ``post`` file comes before the ``pre`` files after it, so a run of one phase stops at the other's first file.
    """
    check_history(files, applied)
    done = {row.number for row in applied if row.status != "running"}
    pending = tuple(file for file in files if file.number not in done)
    if wanted == "all":
        return Plan(pending, pending)
    run: list[MigrationFile] = []
    for file in pending:
        if file.phase != wanted:
            later = any(other.phase == wanted for other in pending[len(run) :])
            return Plan(tuple(run), pending, file if later else None)
        run.append(file)
    return Plan(tuple(run), pending)


def check_allowed(plan: Plan, *, destructive: bool) -> None:
    """Refuse a run that would destroy data, before anything of it is done.

    Raises:
        DestructiveError: If a file of the run is destructive and *destructive* is false.
    """
    for file in plan.run:
        if file.header.destructive and not destructive:
            raise DestructiveError(file=file.label)


def check_not_stopped(plan: Plan, wanted: Wanted, *, fresh: bool) -> None:
    """Tell when files of the wanted phase had to be left out; *fresh* says that the database was empty.

    Raises:
        PendingError: If a file of the other phase must come first.
    """
    if plan.waits_for is not None:
        raise PendingError(wanted=wanted, file=plan.waits_for.name, phase=plan.waits_for.phase, fresh=fresh)
