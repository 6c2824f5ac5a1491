"""What callers choose: options, timeouts, progress."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

from adi_analytics._shared.catalog import VARIABLE, CatalogError, CatalogMissingError
from adi_analytics._shared.project import ProjectError
from adi_analytics.migrate.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from adi_analytics._shared.source import Source

Phase = Literal["pre", "post"]
Wanted = Literal["all", "pre", "post"]
BACKENDS: Final = ("postgres", "timescaledb", "timescaledb_apache")
CLICKHOUSE_BACKENDS: Final = ("clickhouse", "clickhouse_cluster")
EVERY_BACKEND: Final = BACKENDS + CLICKHOUSE_BACKENDS
DEFAULT_LOCK_WAIT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits for one statement, as PostgreSQL writes them (``5s``; ``0`` is no limit).

    Attributes:
        lock: Longest wait for a table lock. Defaults to what a file's header says, else 5 s.
        statement: Longest run of a statement. Defaults to what a file's header says, else no limit.
    """

    lock: str | None = None
    statement: str | None = None

    def __post_init__(self) -> None:
        for text in (self.lock, self.statement):
            if text is not None:
                check_timeout(text)


_TIMEOUT: Final = re.compile(r"(\d{1,10}) ?(us|ms|s|min|h|d)?", re.ASCII)


_UNITS: Final = {"us": 0.001, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


_LONGEST: Final = 2**31 - 1  # milliseconds


def check_timeout(text: str) -> str:
    """Return *text* if PostgreSQL understands it as a timeout.

    Raises:
        UsageError: If not.
    """
    found = _TIMEOUT.fullmatch(text)
    if found is None or int(found[1]) * _UNITS[found[2] or "ms"] > _LONGEST:
        raise UsageError(
            f"{text!r} is no timeout like 500ms, 5s, 2min or 0 (no limit), at most 24d",
            "Give another one.",
            setting="timeouts",
            value=text,
        )
    return text


def check_times(*, since: datetime | None, until: datetime | None) -> None:
    """Check that the times, where they are given, have a time zone, and that one is before the other.

    Raises:
        UsageError: If not.
    """
    for setting, value in (("since", since), ("until", until)):
        if value is not None and value.tzinfo is None:
            remedy = "Write it like 2026-11-24T00:00:00Z."
            raise UsageError(f"{value} has no time zone", remedy, setting=setting, value=value)
    if since is not None and until is not None and since >= until:
        problem = (
            f"--since {since.isoformat()} is not before --until {until.isoformat()}: there is no time between them"
        )
        raise UsageError(problem, "Give an earlier --since, or a later --until.", setting="since", value=since)


class Progress(Protocol):
    """Listens to a run."""

    def waiting(self, holder: str) -> None:
        """Another run holds the lock."""

    def step(self, what: str) -> None:
        """A file, a step or an aggregate begins."""

    def advance(self, what: str, done: int, total: int) -> None:
        """*done* of *total* buckets of *what* are filled."""


class _Silent:
    def waiting(self, holder: str) -> None:
        pass

    def step(self, what: str) -> None:
        pass

    def advance(self, what: str, done: int, total: int) -> None:
        pass


silent: Progress = _Silent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every command of the migrator takes.

    Attributes:
        database_url: Where to connect to. Defaults to DATABASE_URL, then PLATFORM_DATABASE_URL, then ``.env``.
        catalog: The import name of the generated package whose catalog is meant.
        project: The folder of the project whose catalog is meant. Without both, the rule of `resolve_catalog` says it.
        migrations: The folder of the migrations. Defaults to the catalog's.
        backend: The backend to set a new database up for. Defaults to the most that the server offers.
        lock_wait: Seconds to wait for another run of the migrator. Defaults to 60.
        timeouts: Limits for each statement of a migration. Defaults to what its file says, else 5 s for a table lock.
        retries: How often a file is tried again after a lock timeout or a deadlock. Defaults to 10.
        allow_destructive: Whether files that destroy data may run. Defaults to false.
        backfill: Whether new aggregates are filled after the files. Defaults to true.
        grant_writer: A role that may insert events from now on.
        grant_reader: A role that may read the aggregates from now on.
        progress: Told about what happens, for a person who waits.
    """

    database_url: str | None = None
    catalog: str | None = None
    project: Path | None = None
    migrations: Path | None = None
    backend: str | None = None
    lock_wait: float = DEFAULT_LOCK_WAIT
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: int = 10
    allow_destructive: bool = False
    backfill: bool = True
    grant_writer: str | None = None
    grant_reader: str | None = None
    progress: Progress = silent

    def __post_init__(self) -> None:
        if self.backend is not None and self.backend not in EVERY_BACKEND:
            remedy = f"Expected one of {', '.join(EVERY_BACKEND)}."
            raise UsageError(f"unknown backend {self.backend!r}", remedy, setting="backend", value=self.backend)
        if self.retries < 0:
            problem = f"retries: {self.retries} is less than 0"
            raise UsageError(problem, "Give how often a file is tried again.", setting="retries", value=self.retries)

    @property
    def folder(self) -> Path:
        """The folder of the migrations."""
        return self.migrations if self.migrations is not None else source_for(self.catalog, self.project).migrations


_NO_CATALOG: Final = (
    "Change to the folder of your project, or name it with --project, or your generated package with --catalog or "
    f"{VARIABLE}. For a new project, run `analytics-codegen init`."
)


def source_for(catalog: str | None, project: Path | None) -> Source:
    """Return where the catalog's files are, found by the one rule.

    Raises:
        UsageError: If no catalog is found, or several are, or if what says it is wrong.
    """
    from adi_analytics._shared.source import find_source

    if catalog and project:
        raise UsageError("--catalog and --project are both given", "Give the package, or the folder of its project.")
    try:
        return find_source(catalog=catalog, project=project)
    except CatalogMissingError as error:
        raise UsageError(error.problem, _NO_CATALOG) from error
    except CatalogError as error:
        raise UsageError(error.problem, error.remedy) from error
    except ProjectError as error:
        raise UsageError(f"{error.place}: {error.problem}", error.remedy) from error
