"""Changes to a live database that `drift` must find, and the check that it does and that what it says helps."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from adi_analytics import migrate

from support.migrating import Target, connect, execute, insert_events
from support.upkeep import force

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ALL = ("postgres", "timescaledb", "timescaledb_apache")
ROLLUPS = ("postgres", "timescaledb_apache")
HYPER = ("timescaledb", "timescaledb_apache")
PLAIN = ("postgres",)
FULL = ("timescaledb",)


@dataclass(frozen=True)
class Mutation:
    """A change to a database, with events in it or not, and what a finding's object must contain.

    After a change that statements cannot undo (`by_hand`), there are findings whatever one does. Some changes only a
    `recount` finds.
    """

    name: str
    sql: str
    found: str
    backends: tuple[str, ...] = PLAIN
    events: int = 0
    by_hand: bool = False
    recount: bool = False


def cases(mutations: Iterable[Mutation]) -> list[Any]:
    """Return each of *mutations* on each of its backends, as parameters."""
    return [
        pytest.param(
            backend,
            mutation,
            id=f"{backend}-{mutation.name}",
            marks=[] if backend == "postgres" else [pytest.mark.timescaledb],
        )
        for backend in ALL
        for mutation in mutations
        # The two editions share their tables, so only what the Apache one adds is repeated on it.
        if backend in mutation.backends and (backend != "timescaledb_apache" or mutation.backends == ROLLUPS)
    ]


def check(target: Target, *mutations: Mutation) -> None:
    """Make changes that do not touch each other, and let drift find each and say what helps."""
    execute(target.dsn, "set check_function_bodies = off")
    events = max(mutation.events for mutation in mutations)
    if events:
        insert_events(target.dsn, events)
        force(target)
    names = _partitions(target.dsn) if target.backend == "postgres" else {}
    with _roles(target) as roles:
        options = dataclasses.replace(target.options, grant_writer=roles["writer"], grant_reader=roles["reader"])
        migrate.apply(options=options)
        for mutation in mutations:
            statement = mutation.sql
            for key, name in {**names, **roles}.items():
                statement = statement.replace("{" + key + "}", name)
            execute(target.dsn, *statement.split(";;"))

        recount = any(mutation.recount for mutation in mutations)
        findings = migrate.drift(target.options, recount=recount).findings

        objects = [finding.object for finding in findings]
        missed = [mutation.name for mutation in mutations if not any(mutation.found in name for name in objects)]
        assert missed == [], objects
        assert all(finding.expected != finding.actual for finding in findings)
        assert all(finding.fix or finding.advice for finding in findings)
        assert all(finding.fix[-1:] in {";", ""} for finding in findings)  # statements, and no words behind them
        if not any(mutation.by_hand for mutation in mutations):
            _mend(target, findings, recount=recount)


@contextlib.contextmanager
def _roles(target: Target) -> Iterator[dict[str, str]]:
    roles = {name: f"{name}_{os.urandom(4).hex()}" for name in ("writer", "reader", "other")}
    execute(target.dsn, *(f"create role {role}" for role in roles.values()))
    try:
        yield roles
    finally:
        for role in roles.values():
            execute(target.dsn, f"reassign owned by {role} to postgres", f"drop owned by {role}", f"drop role {role}")


def _partitions(dsn: str) -> dict[str, str]:
    with connect(dsn) as connection:
        if connection.execute("select to_regclass('analytics_events_default')").fetchone() == (None,):
            return {}
        found = connection.execute(
            "select part::text from analytics_meta.raw_ranges() where to_time > now() order by from_time"
        ).fetchall()
    return {"today": found[0][0], "later": found[3][0]}


_REBUILD = re.compile(r"`analytics-migrate refresh --rebuild ?(\w*)(?: --since (\S+) --until (\S+))?`")


def _rebuild(target: Target, name: str, *times: str | None) -> None:
    since, until = (datetime.fromisoformat(text) if text else None for text in times)
    migrate.refresh(name.split(), since=since, until=until, rebuild=True, options=target.options)


def _mend(target: Target, findings: Sequence[migrate.Finding], *, recount: bool) -> None:
    """Do what the findings say, word by word, until there are none; some appear when others are mended."""
    refused: list[str] = []
    for _round in range(3):
        refused = []
        for finding in findings:
            if "analytics-migrate maintain" in finding.advice:
                with contextlib.suppress(psycopg.Error):
                    migrate.maintain(target.options)
                continue
            rebuild = _REBUILD.search(finding.advice)
            try:
                execute(target.dsn, finding.fix)
                if rebuild is not None:
                    _rebuild(target, *rebuild.groups())
            except psycopg.Error as error:
                refused.append(f"{finding.object}: {finding.fix}: {error}")
        findings = migrate.drift(target.options, recount=recount).findings
        if not findings:
            return
    pytest.fail("\n".join([*map(str, findings), *refused]))
