"""Why the database takes no events: what a client, a probe and the log are told of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.delivery.faults import Verdict

if TYPE_CHECKING:
    from adi_analytics._engine.delivery.faults import Fault

_SQLSTATE: Final = 5  # characters; ClickHouse has no code as long
_MISSING: Final = frozenset({"42P01", "3F000", "60", "81"})
"""There is no such table, schema or database."""
_OF_POSTGRESQL: Final = frozenset({"08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58", "XX"})
"""Classes whose texts name objects and no values. A code of a trigger's own may come with any text."""
_FOREIGN: Final = "ForeignDatabaseError"
_PASSING: Final = "The database is away, or takes no events at the moment."
_UNFIT: Final = "The database is not set up for these events; `GET /ready` and the service's log say more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Why the database takes no events.

    Attributes:
        fault: What tells it from others.
        client: What who sends events is told.
        probe: What who asks whether the service is ready is told; no names of what is in the database.
        log: What the log says; no values of events, and no password.
        level: The level of the log's line.
        connected: Whether it came after the database was reached, and known to be the catalog's.
    """

    fault: str
    client: str
    probe: str
    log: str
    level: int = logging.WARNING
    connected: bool = False


AWAY: Final = Outage(
    fault="away", client=_PASSING, probe="The database can't be reached, or takes nothing now.", log="it is away"
)
BEHIND: Final = Outage(
    fault="behind",
    client="The database is behind: too many events wait for it.",
    probe="The database is behind.",
    log="too many events wait for it",
)
SILENT: Final = Outage(
    fault="silent",
    client=_PASSING,
    probe="The database does not answer in time.",
    log="it does not answer in time, or all connections to it are busy",
)


def outage_of(fault: Fault, *, connected: bool) -> Outage:
    """Return what *fault* means, which came after the database was reached if *connected*."""
    passing = fault.verdict is Verdict.RETRY
    return Outage(
        fault=fault.code or fault.kind,
        client=_PASSING if passing else _UNFIT,
        probe=AWAY.probe if passing else _probe(fault),
        log=_log(fault),
        level=logging.WARNING if passing else logging.ERROR,
        connected=connected,
    )


def _log(fault: Fault) -> str:
    if fault.code is None:
        return " ".join((fault.text or fault.sentence).split())
    if len(fault.code) == _SQLSTATE and fault.code[:2] not in _OF_POSTGRESQL:
        return f"{named(fault.code)}, from a trigger or a view of the table"
    return f"{named(fault.code)}: {' '.join(fault.sentence.split())}"


def _probe(fault: Fault) -> str:
    if fault.code in _MISSING:
        return "The database lacks a table that events need: run `analytics-migrate all`."
    if fault.kind == _FOREIGN:
        return "The database is another catalog's: check the connection string and the catalog."
    return f"The database refuses all events{f' ({named(fault.code)})' if fault.code else ''}."


def named(code: str) -> str:
    """Return *code* of a database, with what it is."""
    return f"SQLSTATE {code}" if len(code) == _SQLSTATE else f"code {code}"
