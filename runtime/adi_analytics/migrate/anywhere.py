"""The commands, wherever the database is: each asks the URL whether it is a ClickHouse, and calls the one or the other.

What a command means, its arguments and its errors are said by its twin for PostgreSQL.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from adi_analytics._audit.findings import DAYS, SAMPLE
from adi_analytics._shared.clickhouse.address import is_clickhouse
from adi_analytics._shared.conninfo import ConninfoMissingError
from adi_analytics._shared.libpq import require_libpq
from adi_analytics.migrate.errors import MigrateError, UsageError
from adi_analytics.migrate.options import CLICKHOUSE_BACKENDS, Options, check_times

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from adi_analytics._audit.findings import Audit
    from adi_analytics.migrate.adopt.baseline import BaselineResult
    from adi_analytics.migrate.author.new import NewResult
    from adi_analytics.migrate.doctor import Diagnosis
    from adi_analytics.migrate.drift.drift import DriftResult
    from adi_analytics.migrate.options import Wanted
    from adi_analytics.migrate.people.erase import Erased
    from adi_analytics.migrate.people.export import Exported, Record
    from adi_analytics.migrate.run.apply import ApplyResult, Status
    from adi_analytics.migrate.run.preview import DryRun
    from adi_analytics.migrate.upkeep.backfill import BackfillResult
    from adi_analytics.migrate.upkeep.dead_letters import DeadLetters, Imported
    from adi_analytics.migrate.upkeep.maintain import MaintainResult, RefreshResult
    from adi_analytics.migrate.upkeep.replay import Replayed

logger = logging.getLogger(__name__)

_INSTEAD: Final = {
    "adopt": "`baseline` records what other means have set up.",
    "--install-pg-cron": "Let `analytics-migrate maintain --loop` run.",
}


def on_clickhouse(options: Options) -> bool:
    """Return whether the database of *options* is a ClickHouse.

    Raises:
        UsageError: If its URL can't be read.
        LibpqMissingError: If psycopg finds no libpq.
    """
    require_libpq()  # what commands return is made beside what speaks to PostgreSQL
    from adi_analytics.migrate.server.connection import database_url

    try:
        return is_clickhouse(database_url(options.database_url, clickhouse=True))
    except UsageError as error:
        if isinstance(error.__cause__, ConninfoMissingError):  # what else is wrong may be said first
            return False
        raise


def refuse_clickhouse(options: Options, what: str) -> None:
    """Say that *what* is for PostgreSQL alone.

    Raises:
        UsageError: If the database is a ClickHouse.
    """
    if on_clickhouse(options):
        raise UsageError(f"{what} works on PostgreSQL and TimescaleDB, not on ClickHouse", _INSTEAD[what])


def apply(wanted: Wanted = "all", options: Options | None = None) -> ApplyResult:
    """Apply the pending migrations, oldest first: see `adi_analytics.migrate.run.apply.apply`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.run.apply import apply as there
    else:
        from adi_analytics.migrate.run.apply import apply as there
    return there(wanted, options)


def status(options: Options | None = None) -> Status:
    """Tell which migrations are applied and which are pending: see `adi_analytics.migrate.run.apply.status`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.run.apply import status as there
    else:
        from adi_analytics.migrate.run.apply import status as there
    return there(options)


def dry_run(wanted: Wanted = "all", options: Options | None = None) -> DryRun:
    """Return what `apply` would run: see `adi_analytics.migrate.run.preview.dry_run`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.run.apply import dry_run as there
    else:
        from adi_analytics.migrate.run.preview import dry_run as there
    return there(wanted, options)


def dry_run_offline(wanted: Wanted, options: Options, *, schema: str) -> DryRun:
    """Return what would set up an empty database of the backend of *options*, without connecting to any."""
    if options.backend in CLICKHOUSE_BACKENDS:
        from adi_analytics.migrate.clickhouse.run.apply import dry_run_offline as there

        return there(wanted, options)
    from adi_analytics.migrate.run.preview import dry_run_offline as here

    return here(wanted, options, backend=options.backend or "", schema=schema)


def drift(
    options: Options | None = None,
    *,
    recount: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
) -> DriftResult:
    """Compare the live database with the catalog: see `adi_analytics.migrate.drift.drift.drift`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.drift.drift import drift as there

        return there(options, recount_rows=recount, since=since, until=until)
    from adi_analytics.migrate.drift.drift import drift as here

    return here(options, recount=recount, since=since, until=until)


def refresh(
    aggregates: Sequence[str] = (),
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    rebuild: bool = False,
    options: Options | None = None,
) -> RefreshResult:
    """Compute buckets again from the events: see `adi_analytics.migrate.upkeep.maintain.refresh`."""
    options = options or Options()
    check_times(since=since, until=until)
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.upkeep.refresh import refresh as there
    else:
        from adi_analytics.migrate.upkeep.maintain import refresh as there
    return there(aggregates, since=since, until=until, rebuild=rebuild, options=options)


def backfill(options: Options | None = None) -> tuple[BackfillResult, ...]:
    """Fill new aggregates: see `adi_analytics.migrate.upkeep.maintain.backfill`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.upkeep.refresh import backfill as there
    else:
        from adi_analytics.migrate.upkeep.maintain import backfill as there
    return there(options)


def maintain(options: Options | None = None, *, forced: bool = False) -> MaintainResult:
    """Do the housekeeping that is due: see `adi_analytics.migrate.upkeep.maintain.maintain`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.upkeep.maintain import maintain as there
    else:
        from adi_analytics.migrate.upkeep.maintain import maintain as there
    return there(options, forced=forced)


def maintain_loop(
    options: Options | None = None,
    *,
    every: float = 60.0,
    rounds: int | None = None,
    report: Callable[[MaintainResult | Exception], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Do the housekeeping again and again, each time on a new connection, until interrupted.

    A round that fails (the server is away, for example) is reported, and the next one tries again.

    Args:
        options: Where. Defaults to the database of the environment.
        every: Seconds from the end of a round to the start of the next. Defaults to 60.
        rounds: How many rounds. Defaults to no end.
        report: Called with the result or the error of each round.
        sleep: How to wait.
    """
    require_libpq()
    import psycopg

    done = 0
    while rounds is None or done < rounds:
        try:
            report(maintain(options))
        except (psycopg.Error, MigrateError) as error:
            if isinstance(error, UsageError):
                raise
            logger.warning("a round of maintain failed: %s", error)
            report(error)
        done += 1
        if rounds is None or done < rounds:
            sleep(every)


def baseline(options: Options | None = None, *, through: int | None = None, unchecked: bool = False) -> BaselineResult:
    """Record migrations as applied without running them: see `adi_analytics.migrate.adopt.baseline.baseline`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.run.baseline import baseline as there
    else:
        from adi_analytics.migrate.adopt.baseline import baseline as there
    return there(options, through=through, unchecked=unchecked)


def audit(options: Options | None = None, *, days: int = DAYS, sample: int = SAMPLE) -> Audit:
    """Return what is observed of the catalog's events: see `adi_analytics.migrate.upkeep.audit.audit`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.upkeep.audit import audit as there
    else:
        from adi_analytics.migrate.upkeep.audit import audit as there
    return there(options, days=days, sample=sample)


def doctor(options: Options | None = None) -> tuple[Diagnosis, ...]:
    """Examine a setup: see `adi_analytics.migrate.doctor.doctor`."""
    options = options or Options()
    try:
        clickhouse = on_clickhouse(options)
    except UsageError:  # it is a finding
        clickhouse = False
    if clickhouse:
        from adi_analytics.migrate.clickhouse.doctor import doctor as there
    else:
        from adi_analytics.migrate.doctor import doctor as there
    return there(options)


def dead_letters(
    options: Options | None = None, *, limit: int = 20, replayed: bool = False, payload: bool = False
) -> DeadLetters:
    """Return the newest dead letters: see `adi_analytics.migrate.upkeep.dead_letters.dead_letters`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.upkeep.letters import dead_letters as there
    else:
        from adi_analytics.migrate.upkeep.dead_letters import dead_letters as there
    return there(options, limit=limit, replayed=replayed, payload=payload)


def replay_dead_letters(
    options: Options | None = None, *, ids: Sequence[int] | None = None, repair: bool = False, force: bool = False
) -> Replayed:
    """Try dead letters again: see `adi_analytics.migrate.upkeep.dead_letters.replay_dead_letters`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.upkeep.letters import replay_dead_letters as there
    else:
        from adi_analytics.migrate.upkeep.dead_letters import replay_dead_letters as there
    return there(options, ids=ids, repair=repair, force=force)


def import_dead_letters(options: Options | None = None, *, file: Path | None = None) -> Imported:
    """Bring dead letters of a file into the table: see `adi_analytics.migrate.upkeep.dead_letters`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.upkeep.letters import import_dead_letters as there
    else:
        from adi_analytics.migrate.upkeep.dead_letters import import_dead_letters as there
    return there(options, file=file)


def export_user(
    identity: str,
    write: Callable[[Record], None],
    options: Options | None = None,
    *,
    fields: Mapping[str, str] | None = None,
) -> Exported:
    """Hand everything that is stored of a person to *write*: see `adi_analytics.migrate.people.export.export_user`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.people.export import export_user as there

        return there(identity, write, options, fields=fields or {})
    from adi_analytics.migrate.people.export import export_user as here

    return here(identity, write, options, fields=fields)


def erase_user(
    identity: str,
    options: Options | None = None,
    *,
    fields: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> Erased:
    """Erase what is stored of a person: see `adi_analytics.migrate.people.erase.erase_user`."""
    options = options or Options()
    if on_clickhouse(options):
        from adi_analytics.migrate.clickhouse.people.erase import erase_user as there

        return there(identity, options, fields=fields or {}, dry_run=dry_run)
    from adi_analytics.migrate.people.erase import erase_user as here

    return here(identity, options, fields=fields, dry_run=dry_run)


def new(  # noqa: PLR0913 - a public function of keywords
    message: str | None = None,
    *,
    migrations: Path | None = None,
    manifest: Path | None = None,
    catalog: str | None = None,
    project: Path | None = None,
    drop_retired: bool = False,
) -> NewResult:
    """Write the migrations that lead to the catalog, for each of its databases: see `...author.new.new`."""
    from adi_analytics.migrate.author import new as here
    from adi_analytics.migrate.clickhouse.files import author as there

    files = here.used(migrations, manifest, catalog, project)
    result = here.new(
        message, migrations=migrations, manifest=manifest, catalog=catalog, project=project, drop_retired=drop_retired
    )
    if not there.has_clickhouse(files):
        return result
    written, changes = there.new(message, files, drop_retired=drop_retired)
    return here.NewResult(result.written + written, tuple(dict.fromkeys(result.changes + changes)))


def check(
    *,
    migrations: Path | None = None,
    manifest: Path | None = None,
    catalog: str | None = None,
    project: Path | None = None,
) -> int:
    """Compare the catalog with the migrations, without a database: see `adi_analytics.migrate.author.new.check`."""
    from adi_analytics.migrate.author import new as here
    from adi_analytics.migrate.clickhouse.files import author as there

    count = here.check(migrations=migrations, manifest=manifest, catalog=catalog, project=project)
    files = here.used(migrations, manifest, catalog, project)
    return count + there.check(files) if there.has_clickhouse(files) else count


def lock(*, migrations: Path | None = None, catalog: str | None = None, project: Path | None = None) -> tuple[str, ...]:
    """Lock files that somebody wrote by hand: see `adi_analytics.migrate.author.new.lock`."""
    from adi_analytics.migrate.author import new as here
    from adi_analytics.migrate.files.migration import CLICKHOUSE

    lines = here.lock(migrations=migrations, catalog=catalog, project=project)
    folder = here.used(migrations, None, catalog, project).migrations / CLICKHOUSE
    return lines + here.lock(migrations=folder, backends=CLICKHOUSE_BACKENDS) if folder.is_dir() else lines
