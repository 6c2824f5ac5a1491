"""The migrator: brings a database to the state that the event catalog describes, and keeps it there."""

from adi_analytics.migrate._errors import (
    BackendChangedError,
    DatabaseUnreachableError,
    DestructiveError,
    ForgottenMigrationError,
    HistoryError,
    LockedError,
    MigrateError,
    MigrationChecksumError,
    MigrationFailedError,
    MigrationMissingError,
    MigrationOrderError,
    PendingError,
    UnsuitableDatabaseError,
    UsageError,
)
from adi_analytics.migrate._runner import ApplyResult, Options, Status, apply, dry_run, status

__all__ = [
    "ApplyResult",
    "BackendChangedError",
    "DatabaseUnreachableError",
    "DestructiveError",
    "ForgottenMigrationError",
    "HistoryError",
    "LockedError",
    "MigrateError",
    "MigrationChecksumError",
    "MigrationFailedError",
    "MigrationMissingError",
    "MigrationOrderError",
    "Options",
    "PendingError",
    "Status",
    "UnsuitableDatabaseError",
    "UsageError",
    "apply",
    "dry_run",
    "status",
]
