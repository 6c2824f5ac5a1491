"""``export-user`` on ClickHouse: all that is stored of a person, as records like those of PostgreSQL."""

from __future__ import annotations

import collections
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adi_analytics._shared.clickhouse.text import quoted
from adi_analytics._shared.moments import moment_of
from adi_analytics.migrate.clickhouse.people import conditions
from adi_analytics.migrate.clickhouse.people.search import Search, search, silent_about_values
from adi_analytics.migrate.clickhouse.server.session import need_tables, opened
from adi_analytics.migrate.clickhouse.upkeep.letters import NUMBER
from adi_analytics.migrate.people.export import Exported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from adi_analytics.migrate.options import Options
    from adi_analytics.migrate.people.export import Record
    from adi_analytics.migrate.people.places import Place


def export_user(
    identity: str, write: Callable[[Record], None], options: Options, *, fields: Mapping[str, str]
) -> Exported:
    """Hand everything that is stored of a person to *write*, as `adi_analytics.migrate.export_user` says."""
    counts: collections.Counter[str] = collections.Counter()
    with opened(options, "export-user") as server, silent_about_values():
        need_tables(server)
        where = search(server, options, identity, fields)
        for record in _records(where, options):
            write(record)
            counts[record["kind"]] += 1
        return Exported(dict(counts), where.notes)


def _records(where: Search, options: Options) -> Iterator[Record]:
    yield from ({"kind": "spooled", **row} for row in where.files.rows(where.person))
    yield from ({"kind": "dead_letter_file", **letter} for letter in where.files.letters_of(where.person))
    yield from _letters(where)
    condition = conditions.maybe(where.person)
    spans = where.ranges(condition)
    for number, span in enumerate(spans):
        options.progress.advance("events", number, len(spans))
        for moment, event_type, event_id, user_id, data, meta, service in where.events_in(span, condition, ", service"):
            yield {
                "kind": "event",
                "timestamp": _moment(moment_of(moment)),
                "event_type": event_type,
                "service": service,
                "user_id": user_id,
                "data": _json(data),
                "meta": _json(meta),
                "event_id": event_id,
            }
    for place in where.places:
        for row in _rows(where, place):
            yield {"kind": "aggregate", "relation": place.name, **row}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _letters(where: Search) -> Iterator[Record]:
    columns = _columns(where, where.letters)
    for _, _, number, *values in where.letters_of(f", {NUMBER}, {', '.join(map(quoted, columns))}"):
        yield {"kind": "dead_letter", "id": number, **_named(columns, values)}


def _rows(where: Search, place: Place) -> Iterator[Record]:
    """Yield the person's rows of *place*, each once: what counts no more may be the same as what counts."""
    owned = conditions.owned(place, where.person)
    if owned == "false":
        return
    columns = {name: kind for name, kind in _columns(where, place.table).items() if name != "_version"}
    names = ", ".join(map(quoted, columns))
    for values in where.rows(f"select distinct {names} from {place.table} where {owned} order by all"):
        yield _named(columns, values)


def _columns(where: Search, table: str) -> dict[str, str]:
    """Return the columns of *table*, which is quoted, and their types."""
    return {name: kind for name, kind, *_ in where.rows(f"describe table {table}")}


def _named(columns: Mapping[str, str], values: list[Any]) -> Record:
    return {
        name: _moments(value) if "DateTime64" in kind else value
        for (name, kind), value in zip(columns.items(), values, strict=True)
    }


def _moments(value: Any) -> Any:
    """Return times as PostgreSQL writes them in JSON."""
    if isinstance(value, list):
        return [_moments(one) for one in value]
    return value if value is None else _moment(datetime.fromisoformat(f"{value}+00:00"))


def _moment(at: datetime) -> str:
    """Return *at* without the zeros behind its fraction, as PostgreSQL writes it."""
    text, _, zone = at.isoformat().partition("+")
    return f"{text.rstrip('0') if '.' in text else text}+{zone}"
