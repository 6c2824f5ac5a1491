"""Records migrations on ClickHouse as applied whose tables and views are all there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adi_analytics.migrate.adopt.baseline import BaselineResult
from adi_analytics.migrate.clickhouse.drift.drift import structure
from adi_analytics.migrate.clickhouse.server import lock
from adi_analytics.migrate.clickhouse.server.record import bootstrap, read_applied, record
from adi_analytics.migrate.clickhouse.server.session import opened
from adi_analytics.migrate.errors import HistoryError, UsageError

if TYPE_CHECKING:
    from adi_analytics.migrate.options import Options


def baseline(options: Options, *, through: int | None, unchecked: bool) -> BaselineResult:
    """Record migrations without running them, as `adi_analytics.migrate.baseline` says."""
    with opened(options, "baseline") as server:
        chosen = [file for file in server.files if through is None or file.number <= through]
        if through is not None and (not chosen or chosen[-1].number != through):
            remedy = f"Expected 1 to {len(server.files)}."
            raise UsageError(f"no migration {through}", remedy, setting="through", value=through)
        with lock.hold(server, wait=options.lock_wait, waiting=options.progress.waiting):
            done = {row.number for row in read_applied(server) if row.status != "running"}
            missing = [file for file in chosen if file.number not in done]
            if not missing:
                raise HistoryError("every migration is recorded already", "Nothing is left to do.")
            server.session.ask(bootstrap(server.backend))
            if not unchecked and (errors := [one for one in structure(server, chosen) if one.severity == "error"]):
                named = ", ".join(one.object for one in errors)
                raise HistoryError(
                    f"the database is not what the migrations make: {named}",
                    "Bring them back, or add --unchecked and see what `analytics-migrate drift` says.",
                )
            now = datetime.now(UTC)
            for file in missing:
                server.session.ask(record(file, "baseline", [step.name for step in file.steps], now))
            return BaselineResult(tuple(file.name for file in missing))
