"""The migrator: brings a database to the state that the event catalog describes, and keeps it there."""

from adi_analytics.migrate._backfill import BackfillResult
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
from adi_analytics.migrate._new import NewResult, check, new
from adi_analytics.migrate._record import Timeouts
from adi_analytics.migrate._runner import ApplyResult, Options, Status, apply, dry_run, status
from adi_analytics.migrate._upkeep import (
    MaintainResult,
    RefreshResult,
    backfill,
    install_pg_cron,
    maintain,
    maintain_loop,
    refresh,
)

__all__ = [
    "ApplyResult",
    "BackendChangedError",
    "BackfillResult",
    "DatabaseUnreachableError",
    "DestructiveError",
    "ForgottenMigrationError",
    "HistoryError",
    "LockedError",
    "MaintainResult",
    "MigrateError",
    "MigrationChecksumError",
    "MigrationFailedError",
    "MigrationMissingError",
    "MigrationOrderError",
    "NewResult",
    "Options",
    "PendingError",
    "RefreshResult",
    "Status",
    "Timeouts",
    "UnsuitableDatabaseError",
    "UsageError",
    "apply",
    "backfill",
    "check",
    "dry_run",
    "install_pg_cron",
    "maintain",
    "maintain_loop",
    "new",
    "refresh",
    "status",
]
