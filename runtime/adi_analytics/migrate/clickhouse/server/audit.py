"""What the migrator did to the data, as the database remembers it: a row of `analytics_meta_audit` for each run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.inserts import insert_settings
from adi_analytics._shared.clickhouse.text import literal
from adi_analytics._shared.version import __version__
from adi_analytics.migrate.clickhouse.server.record import own_table, place

if TYPE_CHECKING:
    from collections.abc import Collection

    from adi_analytics.migrate.clickhouse.server.session import Server

AUDIT: Final = "analytics_meta_audit"
LONG: Final = {"max_query_size": "100000000"}
"""The setting of a statement that lists hours or keys."""
_PATIENCE: Final = 600.0  # seconds for the replicas that must have the row
_HOURS: Final = "arrayMap(one -> toUnixTimestamp64Micro(one), hours)"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a command that is told in the audit: `begun`, until it has ended.

    Attributes:
        unfinished: Runs of the same command before that were killed, by name.
        hours: The hours whose events these were about to change, in microseconds since 1970.
    """

    server: Server
    action: str
    name: str
    unfinished: tuple[str, ...]
    hours: frozenset[int]

    def begin(self, hours: Collection[int] = ()) -> None:
        """Say that it runs, and of which *hours* it is about to change events."""
        self._write(self.name, "begun", hours)

    def end(self, detail: str) -> None:
        """Say that it has ended, with *detail*, and that it continued what was unfinished."""
        self._write(self.name, detail, ())
        for name in self.unfinished:
            self._write(name, "was killed; a later run has marked its hours", ())

    def _write(self, name: str, detail: str, hours: Collection[int]) -> None:
        listed = ", ".join(map(str, sorted(hours)))
        values = [
            literal(name), literal(self.action), literal(detail),
            f"arrayMap(one -> fromUnixTimestamp64Micro(one, 'UTC'), cast([{listed}], 'Array(Int64)'))",
            "currentUser()", literal(place()), literal(__version__), "now64(6, 'UTC')",
        ]  # fmt: skip
        settings = insert_settings(self.server.session.address, _PATIENCE) | LONG
        self.server.session.ask(f"insert into {AUDIT} select {', '.join(values)}", settings)


def run(server: Server, action: str) -> Run:
    """Return a run of *action*, with what such runs left unfinished; makes the table if it is not there."""
    begun, engine = own_table(AUDIT, server.backend)
    server.session.ask(f"""{begun} (
    `run` String,
    `action` String,
    `detail` String,
    `hours` Array(DateTime64(6, 'UTC')),
    `done_by` String,
    `host` String,
    `library_version` String,
    `changed_at` DateTime64(6, 'UTC')
)
engine = {engine}
order by `run`""")
    rows = server.session.rows(
        f"select run, {_HOURS} from {AUDIT} final where action = {literal(action)} and detail = 'begun'"
    )
    hours = frozenset(hour for _, found in rows for hour in found)
    return Run(server, action, secrets.token_hex(8), tuple(name for name, _ in rows), hours)
