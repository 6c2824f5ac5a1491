"""Dead letters on ClickHouse. A letter has no number there: it is called by one that is made of what it holds."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from adi_analytics._engine.delivery.faults import Verdict
from adi_analytics._engine.rows.stored import unchecked_fields
from adi_analytics._engine.stores import row_binary
from adi_analytics._engine.stores.clickhouse_faults import fault_of
from adi_analytics._shared.clickhouse.errors import RefusedByServerError
from adi_analytics._shared.clickhouse.inserts import insert_settings
from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.moments import micros_of, moment_of
from adi_analytics.migrate.clickhouse.server.session import Server, opened
from adi_analytics.migrate.errors import HistoryError, UsageError
from adi_analytics.migrate.server.session import missing_object
from adi_analytics.migrate.upkeep import replay as common
from adi_analytics.migrate.upkeep.dead_letters import DeadLetter, DeadLetters, Imported, catalog_of, payloads_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adi_analytics._shared.catalog import Catalog
    from adi_analytics.migrate.options import Options

NUMBER: Final = "toInt64(bitAnd(cityHash64(created_at, event_id, payload), 9007199254740991))"
"""53 bits, which every reader of JSON takes."""
_COLUMNS: Final = tuple(one.name for one in fields(DeadLetter))
_SYNC: Final = {"mutations_sync": "2"}
_PATIENCE: Final = 60.0  # seconds for the replicas that must have a row
_AS_NEW: Final = {"insert_deduplicate": "0"}  # a letter that was deleted may come again


def dead_letters(options: Options, *, limit: int, replayed: bool, payload: bool) -> DeadLetters:
    """Return the newest dead letters, as `adi_analytics.migrate.dead_letters` says."""
    payloads = payloads_of(options) if payload else None
    with opened(options, "dead-letters") as server:
        table = _table(server)
        waiting: int = server.session.value(f"select count() from {table} where replayed_at is null")
        rows = server.session.rows(
            f"select {NUMBER}, toUnixTimestamp64Micro(created_at), event_type, reason, sqlstate, message,"
            f" toUnixTimestamp64Micro(replayed_at), event_id, payload from {table}"
            f" where replayed_at is null or {int(replayed)} order by created_at desc limit {limit}"
        )
        return DeadLetters(waiting, tuple(_letter(row, payloads) for row in rows))


def _letter(row: Sequence[Any], payloads: Any) -> DeadLetter:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in ("created_at", "replayed_at"):
        values[name] = None if values[name] is None else moment_of(values[name])
    values["event_id"] = UUID(values["event_id"]) if values["event_id"] else UUID(int=0)
    values["payload"] = payloads.shown(values["payload"]) if payloads is not None else None
    return DeadLetter(**values)


def replay_dead_letters(options: Options, *, ids: Sequence[int] | None, repair: bool, force: bool) -> common.Replayed:
    """Try dead letters again, as `adi_analytics.migrate.replay_dead_letters` says.

    There is no transaction: the event is stored first, and then the letter is marked. Two replays at once, or one that
    was killed in between, store an event twice, which counts once.
    """
    catalog = catalog_of(options)
    with opened(options, "dead-letters") as server:
        table = _table(server)
        waiting = server.session.rows(f"select {NUMBER}, event_type, payload from {table} where replayed_at is null")
        known = {number for number, _, _ in waiting}
        if wrong := [str(number) for number in ids or () if number not in known]:
            raise UsageError(
                f"no dead letter with the number {', '.join(wrong)} waits",
                "`analytics-migrate dead-letters list --replayed` shows those that were stored later, too.",
                setting="id",
            )
        chosen = [row for row in waiting if ids is None or row[0] in ids]
        return _replayed(server, catalog, chosen, repair=repair, force=force)


def _replayed(
    server: Server, catalog: Catalog, letters: Sequence[Sequence[Any]], *, repair: bool, force: bool
) -> common.Replayed:
    replayed, held, refused, unchecked = 0, 0, [], {}
    for number, event_type, payload in letters:
        row = json.loads(payload)
        if repair:
            row = common.repaired(row)
        if not force and (problem := common.problem_of(catalog, event_type, row["data"])):
            refused.append(common.Refused(id=number, event_type=event_type, sqlstate=None, message=problem))
            continue
        try:
            held += _store(server, row, any_year=force)
        except (RefusedByServerError, ValueError) as error:
            refused.append(_refused(number, event_type, error))
            continue
        server.session.ask(
            f"alter table {_table(server)}{server.on_cluster} update replayed_at = now64(6, 'UTC')"
            f" where {NUMBER} = {number} and replayed_at is null",
            _SYNC,
        )
        replayed += 1
        if not force and (names := unchecked_fields(catalog.events[event_type])):
            unchecked[event_type] = names
    return common.Replayed(replayed=replayed, held=held, refused=tuple(refused), unchecked=unchecked)


def _store(server: Server, row: dict[str, Any], *, any_year: bool) -> bool:
    """Store an event; return whether the table had it. *any_year* takes those that a worker refuses, too.

    Raises:
        ValueError: If ClickHouse would store another document, or another moment.
    """
    try:
        texts = {name: json.dumps(row[name], allow_nan=False, separators=(",", ":")) for name in ("data", "meta")}
    except ValueError:
        raise ValueError("a number that no double holds") from None
    try:
        at = datetime.fromisoformat(row["timestamp"]).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("its timestamp is no moment of the years 1 to 9999") from None
    if not any_year and not row_binary.FIRST <= micros_of(at) <= row_binary.LAST:
        raise ValueError(row_binary.OUTSIDE)
    written = row | texts | {"timestamp": f"{at.year:04d}-{at:%m-%d %H:%M:%S.%f}"}
    stored = f"toUnixTimestamp64Micro(toDateTime64({literal(written['timestamp'])}, 6, 'UTC'))"
    ((known, moment),) = server.session.rows(
        f"select count(), {stored} from {quoted(server.table)} where event_id = {literal(row['event_id'])}"
        f" and event_type = {literal(row['event_type'])}"
    )
    if moment_of(moment) != at:  # older servers take the nearest moment that they have
        raise ValueError("a timestamp that this server's DateTime64 does not hold")
    line = json.dumps(written)
    statement = f"insert into {quoted(server.table)} format JSONEachRow"
    server.session.ask(statement, insert_settings(server.session.address, _PATIENCE) | _AS_NEW, data=line.encode())
    return bool(known)


def _refused(number: int, event_type: str, error: RefusedByServerError | ValueError) -> common.Refused:
    if isinstance(error, ValueError):
        return common.Refused(id=number, event_type=event_type, sqlstate=None, message=str(error))
    fault = fault_of(error)
    if fault.verdict is not Verdict.ROW:
        raise error
    return common.Refused(id=number, event_type=event_type, sqlstate=fault.code, message=fault.message)


def import_dead_letters(options: Options, *, file: Path | None) -> Imported:
    """Bring the dead letters of a file into the table, as `adi_analytics.migrate.import_dead_letters` says."""
    common.check_file(file)
    with opened(options, "dead-letters") as server:
        path = common.file_of(file, server.catalog)
        return Imported(common.import_lines(path, lambda letters: _import(server, letters)), path)


def _import(server: Server, letters: Sequence[dict[str, Any]]) -> None:
    table = _table(server)
    waiting = {
        str(found) for (found,) in server.session.rows(f"select event_id from {table} where replayed_at is null")
    }
    lines = [json.dumps(_written(one)) for one in letters if one["event_id"] not in waiting]
    if lines:
        settings = (
            insert_settings(server.session.address, _PATIENCE) | _AS_NEW | {"date_time_input_format": "best_effort"}
        )
        server.session.ask(f"insert into {table} format JSONEachRow", settings, data="\n".join(lines).encode())


def _written(letter: dict[str, Any]) -> dict[str, Any]:
    return {**letter, "created_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"}


def _table(server: Server) -> str:
    if not server.has(server.letters):
        raise HistoryError(f"there is no table {server.letters}", missing_object(installed=server.installed))
    return quoted(server.letters)
