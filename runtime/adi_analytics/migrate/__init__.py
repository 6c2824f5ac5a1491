"""The migrator: brings a database to the state that the event catalog describes, and keeps it there."""

from adi_analytics.migrate.adopt.adopt import AdoptResult, adopt
from adi_analytics.migrate.adopt.baseline import BaselineResult, baseline
from adi_analytics.migrate.author.new import NewResult, check, new
from adi_analytics.migrate.doctor import Diagnosis, doctor
from adi_analytics.migrate.drift.drift import DriftResult, drift
from adi_analytics.migrate.drift.findings import Finding
from adi_analytics.migrate.errors import (
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
from adi_analytics.migrate.options import Options, Progress, Timeouts
from adi_analytics.migrate.run.apply import ApplyResult, Status, apply, status
from adi_analytics.migrate.run.preview import DryRun, dry_run
from adi_analytics.migrate.upkeep.backfill import BackfillResult
from adi_analytics.migrate.upkeep.dead_letters import (
    DeadLetter,
    DeadLetters,
    Imported,
    Refused,
    Replayed,
    dead_letters,
    import_dead_letters,
    replay_dead_letters,
)
from adi_analytics.migrate.upkeep.maintain import (
    MaintainResult,
    RefreshResult,
    backfill,
    install_pg_cron,
    maintain,
    maintain_loop,
    refresh,
)

__all__ = [
    "AdoptResult",
    "ApplyResult",
    "BackendChangedError",
    "BackfillResult",
    "BaselineResult",
    "DatabaseUnreachableError",
    "DeadLetter",
    "DeadLetters",
    "DestructiveError",
    "Diagnosis",
    "DriftResult",
    "DryRun",
    "Finding",
    "ForgottenMigrationError",
    "HistoryError",
    "Imported",
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
    "Progress",
    "RefreshResult",
    "Refused",
    "Replayed",
    "Status",
    "Timeouts",
    "UnsuitableDatabaseError",
    "UsageError",
    "adopt",
    "apply",
    "backfill",
    "baseline",
    "check",
    "dead_letters",
    "doctor",
    "drift",
    "dry_run",
    "import_dead_letters",
    "install_pg_cron",
    "maintain",
    "maintain_loop",
    "new",
    "refresh",
    "replay_dead_letters",
    "status",
]
