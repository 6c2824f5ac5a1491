"""The migrator: brings a database to the state that the event catalog describes, and keeps it there."""

from adi_analytics.migrate._adopt import AdoptResult, adopt
from adi_analytics.migrate._backfill import BackfillResult
from adi_analytics.migrate._baseline import BaselineResult, baseline
from adi_analytics.migrate._dead_letters import (
    DeadLetter,
    DeadLetters,
    Imported,
    Refused,
    Replayed,
    dead_letters,
    import_dead_letters,
    replay_dead_letters,
)
from adi_analytics.migrate._doctor import Diagnosis, doctor
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
from adi_analytics.migrate._findings import Finding
from adi_analytics.migrate._new import NewResult, check, new
from adi_analytics.migrate._progress import Progress
from adi_analytics.migrate._record import Timeouts
from adi_analytics.migrate._runner import ApplyResult, DryRun, Options, Status, apply, dry_run, status
from adi_analytics.migrate._upkeep import (
    MaintainResult,
    RefreshResult,
    backfill,
    install_pg_cron,
    maintain,
    maintain_loop,
    refresh,
)
from adi_analytics.migrate._verify import DriftResult, drift

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
