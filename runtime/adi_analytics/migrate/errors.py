"""What can go wrong in the migrator: one small typed error for each, with the exit code that it stands for."""

from __future__ import annotations

from typing import ClassVar

from adi_analytics.errors import AnalyticsError

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_PENDING = 3
EXIT_LOCKED = 4
EXIT_HISTORY = 5
EXIT_DRIFT = 6
EXIT_FORGOTTEN = 7
EXIT_DESTRUCTIVE = 8


class MigrateError(AnalyticsError):
    """The root of the migrator's errors.

    Attributes:
        exit_code: What ``analytics-migrate`` exits with.
        problem: Which object is wrong, what it is and what was expected.
        remedy: What to do about it.
    """

    exit_code: ClassVar[int] = EXIT_ERROR

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n  -> {self.remedy}" if self.remedy else self.problem


class DatabaseUnreachableError(MigrateError):
    """No connection could be made, or it was lost."""


class UnsuitableDatabaseError(MigrateError):
    """The server answers, but the migrator cannot work with it."""


class MigrationFailedError(MigrateError):
    """A statement of a migration failed; the file's transaction was rolled back.

    Attributes:
        sqlstate: The server's code, or ``None`` when the connection broke.
    """

    def __init__(self, problem: str, remedy: str = "", sqlstate: str | None = None) -> None:
        super().__init__(problem, remedy)
        self.args = (problem, remedy, sqlstate)
        self.sqlstate = sqlstate


class UsageError(MigrateError):
    """The command line, an option or a configuration file is wrong."""

    exit_code: ClassVar[int] = EXIT_USAGE


class PendingError(MigrateError):
    """Migrations are pending that the command may not apply, or that ``status --check`` was asked to find."""

    exit_code: ClassVar[int] = EXIT_PENDING


class LockedError(MigrateError):
    """Another run holds the migrator's lock, or this run lost it."""

    exit_code: ClassVar[int] = EXIT_LOCKED


class HistoryError(MigrateError):
    """The files and the database's record of them disagree."""

    exit_code: ClassVar[int] = EXIT_HISTORY


class MigrationChecksumError(HistoryError):
    """A file differs from what was applied or from what ``migrations.lock`` says."""


class MigrationMissingError(HistoryError):
    """The database has applied a migration that this library does not have."""


class MigrationOrderError(HistoryError):
    """A pending migration has a lower number than an applied one."""


class BackendChangedError(HistoryError):
    """The database was set up for another backend than the server now offers."""


class ForgottenMigrationError(MigrateError):
    """The catalog changed and no migration was written for it."""

    exit_code: ClassVar[int] = EXIT_FORGOTTEN


class DestructiveError(MigrateError):
    """A pending migration destroys data and that was not allowed."""

    exit_code: ClassVar[int] = EXIT_DESTRUCTIVE
