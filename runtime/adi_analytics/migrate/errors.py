"""What can go wrong in the migrator: one small typed error for each, with the exit code that it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from pathlib import Path

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_PENDING = 3
EXIT_LOCKED = 4
EXIT_HISTORY = 5
EXIT_DRIFT = 6
EXIT_FORGOTTEN = 7
EXIT_DESTRUCTIVE = 8


_SHOWN: Final = 12  # digits of a checksum in a message

_Error = TypeVar("_Error", bound="MigrateError")


class MigrateError(AnalyticsError):
    """The root of the migrator's errors. All of them can be pickled and copied.

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

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), dict(vars(self)))


def _again(cls: type[_Error], attributes: dict[str, Any]) -> _Error:
    """Return a copy of an error: exceptions are otherwise made again of ``args`` alone, without keywords."""
    made = cls.__new__(cls, attributes["problem"], attributes["remedy"])
    made.__dict__.update(attributes)
    return made


class DatabaseUnreachableError(MigrateError):
    """No connection could be made, or it was lost.

    Attributes:
        reason: What the client library said, without passwords.
        database: Where it is, without passwords; ``None`` if *file* says enough.
        lost: Whether there was a connection before.
        file: The migration that ran when the connection was lost.
    """

    def __init__(
        self, *, reason: str, database: str | None = None, lost: bool = False, file: str | None = None
    ) -> None:
        if file is not None:
            problem = f"the connection was lost while {file} ran: {reason}"
            remedy = "Run the same command again: what was applied is recorded, the rest is done then."
        elif lost:
            problem = f"the connection to {database} was lost: {reason}"
            remedy = "Run the same command again: what was done is recorded."
        else:
            problem = f"cannot connect to {database}: {reason}"
            remedy = (
                "Check that the server runs, that host, port and database name are right, and that the role may log in."
            )
        super().__init__(problem, remedy)
        self.reason = reason
        self.database = database
        self.lost = lost or file is not None
        self.file = file


class UnsuitableDatabaseError(MigrateError):
    """The server answers, but the migrator cannot work with it.

    Attributes:
        database: Where it is, without passwords, if that is what is wrong.
        server_version: Its version as PostgreSQL counts them (``150004``), if it is too old.
        role: The role that lacks a right.
    """

    def __init__(
        self,
        problem: str,
        remedy: str = "",
        *,
        database: str | None = None,
        server_version: int | None = None,
        role: str | None = None,
    ) -> None:
        super().__init__(problem, remedy)
        self.database = database
        self.server_version = server_version
        self.role = role


class MigrationFailedError(MigrateError):
    """A statement of a migration failed; the file's transaction was rolled back.

    Attributes:
        file: The migration: directory and file.
        line: The line of the statement, from 1; ``None`` if the server did not say where.
        reason: What the server said.
        sqlstate: The server's code, or ``None`` if no statement failed, as with an invalid index.
    """

    def __init__(
        self, *, file: str, reason: str, remedy: str, line: int | None = None, sqlstate: str | None = None
    ) -> None:
        place = file if line is None else f"{file}:{line}"
        state = "" if sqlstate is None else f" (SQLSTATE {sqlstate})"
        super().__init__(f"{place}: {reason}{state}", remedy)
        self.file = file
        self.line = line
        self.reason = reason
        self.sqlstate = sqlstate


class ClickhouseFailedError(MigrateError):
    """ClickHouse refused a statement; the problem ends with its code for that."""


class UsageError(MigrateError):
    """The command line, an option or a configuration file is wrong.

    Attributes:
        setting: The option, argument or part of the catalog that is wrong, if it is one.
        value: What it is; never a connection string.
    """

    exit_code: ClassVar[int] = EXIT_USAGE

    def __init__(self, problem: str, remedy: str = "", *, setting: str | None = None, value: object = None) -> None:
        super().__init__(problem, remedy)
        self.setting = setting
        self.value = value


class PendingError(MigrateError):
    """Migrations are pending that the command may not apply.

    Attributes:
        wanted: The phase that was asked for.
        file: The migration that comes first.
        phase: The phase of that one.
        fresh: Whether the database was empty before this run.
    """

    exit_code: ClassVar[int] = EXIT_PENDING

    def __init__(self, *, wanted: str, file: str, phase: str, fresh: bool = False) -> None:
        when = " (when the code of that release is deployed everywhere)" if phase == "post" else ""
        super().__init__(
            f"more {wanted} migrations are pending, but {file} comes before them",
            "This database is new, so no older code runs that the phases are for: run `analytics-migrate all`."
            if fresh
            else f"Run `analytics-migrate {phase}`{when}, "
            f"then `analytics-migrate {wanted}` again; or `analytics-migrate all`.",
        )
        self.wanted = wanted
        self.file = file
        self.phase = phase
        self.fresh = fresh


class LockedError(MigrateError):
    """Another run holds the migrator's lock, or this run lost it.

    Attributes:
        holder: Who holds it, in words; ``None`` if this run lost it.
        kept: Whether this run is done, and another session keeps the lock that it was to release.
    """

    exit_code: ClassVar[int] = EXIT_LOCKED

    def __init__(self, *, holder: str | None, kept: bool = False) -> None:
        if holder is None:
            problem = "the migrator's lock was lost between two statements"
            remedy = (
                "Connect directly to the server, not through a transaction pooler (pgbouncer's port), and run again."
            )
        elif kept:
            problem = f"another session keeps the lock that this one was to release: {holder}"
            remedy = (
                "The work itself was done. Connect directly to the server, not through a transaction pooler "
                "(pgbouncer's port), and end the session that keeps the lock: `select pg_terminate_backend(<its pid>)`."
            )
        else:
            problem = f"another run holds the migrator's lock: {holder}"
            remedy = (
                "Wait for it, or raise --lock-wait. If that session is dead (a pooler can keep one), end it with "
                "`select pg_terminate_backend(<its pid>)`."
            )
        super().__init__(problem, remedy)
        self.holder = holder
        self.kept = kept


class HistoryError(MigrateError):
    """The files and the database's record of them disagree.

    Attributes:
        path: The file or folder that is wrong, if it is one.
        number: The migration's number, if it is about one.
    """

    exit_code: ClassVar[int] = EXIT_HISTORY

    def __init__(self, problem: str, remedy: str = "", *, path: Path | None = None, number: int | None = None) -> None:
        super().__init__(problem, remedy)
        self.path = path
        self.number = number


class MigrationChecksumError(HistoryError):
    """A file differs from what was applied or from what ``migrations.lock`` says.

    Attributes:
        file: The migration: directory and file.
        actual: The file's SHA-256.
        expected: The recorded one; ``None`` if the lock has no line for the file.
        lock: The path of ``migrations.lock``, if that is what it differs from.
        applied_at: When the file was applied, if it differs from what was.
    """

    def __init__(  # noqa: PLR0913 - what there is to know, by keyword only
        self,
        *,
        path: Path,
        number: int,
        file: str,
        actual: str,
        expected: str | None,
        lock: Path | None = None,
        applied_at: str | None = None,
    ) -> None:
        remedy = "Restore the file from git and make the change in a new migration."
        if expected is None:
            problem = f"{file} has no line in {lock}"
            remedy = (
                "If `analytics-migrate new` was killed, delete the directory and run it again. For a file written by "
                "hand, `analytics-migrate new --lock` adds the line."
            )
        elif lock is not None:
            problem = f"{file} was edited: {lock.name} says {expected[:_SHOWN]}, the file is {actual[:_SHOWN]}"
        else:
            problem = (
                f"{file} was edited after it was applied at {applied_at}: "
                f"recorded {expected[:_SHOWN]}, the file is {actual[:_SHOWN]}"
            )
        super().__init__(problem, remedy, path=path, number=number)
        self.file = file
        self.actual = actual
        self.expected = expected
        self.lock = lock
        self.applied_at = applied_at


class MigrationMissingError(HistoryError):
    """The database has applied a migration that this library does not have.

    Attributes:
        name: The migration's directory.
        known: How many migrations this library has.
        applied_by: The version of adi-analytics that applied it.
        applied_at: When.
        version: The version of this library.
    """

    def __init__(  # noqa: PLR0913 - what there is to know, by keyword only
        self, *, number: int, name: str, known: int, applied_by: str, applied_at: str, version: str
    ) -> None:
        if number > known:
            problem = (
                f"the database is newer than this library: {name} was applied by adi-analytics {applied_by} "
                f"at {applied_at}; this is {version} with {known} migrations"
            )
            remedy = "Upgrade adi-analytics (or --migrations). Nothing was changed."
        else:
            problem, remedy = f"{name} was applied, but its directory is missing", "Restore it from git."
        super().__init__(problem, remedy, number=number)
        self.name = name
        self.known = known
        self.applied_by = applied_by
        self.applied_at = applied_at
        self.version = version


class MigrationOrderError(HistoryError):
    """A pending migration has a lower number than an applied one.

    Attributes:
        name: The pending migration's directory.
        last: The highest number that is applied.
    """

    def __init__(self, *, path: Path, number: int, name: str, last: int) -> None:
        super().__init__(
            f"{name} is not applied, but {last:04d} is: migrations run in the order of their numbers",
            "Renumber the new migration behind the last one (write it again with `analytics-migrate new`). If it was "
            "applied and only its record was lost, `analytics-migrate baseline` writes it again.",
            path=path,
            number=number,
        )
        self.name = name
        self.last = last


class BackendChangedError(HistoryError):
    """The database was set up for another backend than the server now offers.

    Attributes:
        backend: What the tables are, or are to be, made for.
        wanted: What ``--backend`` asks for instead.
        offered: What the server offers, if that is too little.
    """

    def __init__(self, *, backend: str, wanted: str | None = None, offered: str | None = None) -> None:
        if wanted is not None:
            problem = f"the database was set up for the backend {backend}, --backend asks for {wanted}"
            remedy = "Leave --backend out. Moving to another backend means dumping the rows into a new database."
        elif offered is not None:
            problem = f"the tables are made for {backend}, the server offers only {offered}"
            remedy = (
                "Install TimescaleDB (CREATE EXTENSION timescaledb) with `timescaledb.license = timescale`, "
                "or restore into a server that has it."
            )
        else:
            problem, remedy = f"the database names an unknown backend {backend!r}", "Upgrade adi-analytics."
        super().__init__(problem, remedy)
        self.backend = backend
        self.wanted = wanted
        self.offered = offered


class ForgottenMigrationError(MigrateError):
    """The catalog changed and no migration was written for it.

    Attributes:
        changes: What changed, each in words or by its name.
    """

    exit_code: ClassVar[int] = EXIT_FORGOTTEN

    def __init__(self, problem: str, remedy: str = "", *, changes: tuple[str, ...]) -> None:
        super().__init__(problem, remedy)
        self.changes = changes


class DestructiveError(MigrateError):
    """A pending migration destroys data and that was not allowed.

    Attributes:
        file: The migration: directory and file.
    """

    exit_code: ClassVar[int] = EXIT_DESTRUCTIVE

    def __init__(self, *, file: str) -> None:
        super().__init__(
            f"{file} destroys data that cannot be computed again; nothing was applied",
            "Read the file, then run again with --allow-destructive.",
        )
        self.file = file


class OtherCatalogError(HistoryError):
    """The database is another catalog's.

    Attributes:
        found: The name of the catalog that the database belongs to.
        expected: The name of the catalog in use.
    """

    def __init__(self, *, found: str, expected: str) -> None:
        super().__init__(
            f"the database belongs to the catalog {found!r}, and this is the catalog {expected!r}",
            "Check the database URL, or say the catalog with --project or --catalog. Nothing was changed.",
        )
        self.found = found
        self.expected = expected
