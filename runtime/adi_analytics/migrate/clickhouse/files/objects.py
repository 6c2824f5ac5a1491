"""What statements make: tables and views by name, from generated files and from migrations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from adi_analytics.migrate.errors import HistoryError, UsageError
from adi_analytics.migrate.files.migration import CLICKHOUSE, load_migrations
from adi_analytics.migrate.options import CLICKHOUSE_BACKENDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics.migrate.files.migration import MigrationFile

Kind = Literal["table", "view", "materialized view"]
FOLDERS: Final[dict[str, str]] = dict(zip(CLICKHOUSE_BACKENDS, ("one", "cluster"), strict=True))
"""The backends, and the folders of their generated files."""
EVENTS: Final = "events.sql"
META: Final = "meta.sql"
BUCKETS: Final = "analytics_meta_buckets"
INSTALLATION: Final = "analytics_meta_installation"
AGGREGATES: Final = "analytics_meta_aggregates"

_NAME: Final = r"`(?P<name>(?:[^`\\]|\\.)+)`"
_LEAD: Final = r"(?:\s|--[^\n]*\n)*"
_CREATE: Final = re.compile(
    rf"{_LEAD}create (?:or replace )?(?P<kind>table|view|materialized view) (?:if not exists )?{_NAME}"
)
_DROP: Final = re.compile(rf"{_LEAD}drop (?:table|view) if exists {_NAME}")
_FINGERPRINT: Final = re.compile(r"^-- fingerprint: (\w+)$", re.MULTILINE)
_HOW: Final = re.compile(r"^create (or replace )?(table|view|materialized view) (if not exists )?")
_ROW: Final = re.compile(
    r"'(?P<aggregate>[^']*)' as aggregate,\s+'(?P<rollup>[^']*)' as rollup,.*?\[(?P<relations>[^\]]*)\] as relations",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Made:
    """A table or view.

    Attributes:
        sql: The statement that makes it, without comments: ``create table ...``.
        fingerprint: What changes with its rows, for a table that a refresh fills; else empty.
    """

    name: str
    kind: Kind
    sql: str
    fingerprint: str = ""

    @property
    def repeatable(self) -> str:
        """The statement, which changes nothing when it runs again; a view is replaced."""
        how = "create or replace view " if self.kind == "view" else f"create {self.kind} if not exists "
        return _HOW.sub(how, self.sql, count=1)

    @property
    def on_cluster(self) -> bool:
        """Whether it is made on all servers of a cluster."""
        return "on cluster '{cluster}'" in self.sql.split("\n", 1)[0]

    @property
    def drop(self) -> str:
        """The statement that drops it."""
        cluster = " on cluster '{cluster}'" if self.on_cluster else ""
        kind = "table" if self.kind == "table" else "view"
        return f"drop {kind} if exists `{self.name}`{cluster} sync"


@dataclass(frozen=True, slots=True)
class Rollup:
    """An aggregate or question about people, by its public name, and the tables that a refresh fills."""

    aggregate: str
    name: str
    relations: tuple[str, ...]


def generated(folder: Path) -> dict[str, Made]:
    """Return what the generated files of *folder* make, in the order in which it can be made.

    Raises:
        UsageError: If they are not there.
    """
    first, last = folder / EVENTS, folder / META
    if not first.is_file() or not last.is_file():
        raise UsageError(
            f"there are migrations for ClickHouse, and {folder} has no {EVENTS} and {META}",
            "Put `clickhouse` into the outputs of the catalog and run `analytics-codegen generate`. If you use it no "
            f"longer, delete the folder {CLICKHOUSE} of the migrations.",
        )
    files = [first, *sorted(set(folder.glob("*.sql")) - {first, last}), last]
    made = (_made(one) for file in files for one in split(file.read_text(encoding="utf-8")))
    return {one.name: one for one in made if one is not None}


def split(text: str) -> list[str]:
    """Return the statements of *text*, each of which ends with a semicolon at the end of a line."""
    return [one for one in text.rstrip().rstrip(";").split(";\n") if one.strip()]


def written(files: Iterable[MigrationFile]) -> dict[str, Made]:
    """Return what *files* add up to."""
    state: dict[str, Made] = {}
    for file in files:
        for step in file.steps:
            dropped = _DROP.match(step.sql)
            if dropped:
                state.pop(dropped["name"], None)
            elif (one := _made(step.sql)) is not None:
                state[one.name] = one
    return state


def created(file: MigrationFile) -> list[Made]:
    """Return what *file* makes."""
    found = (_made(step.sql) for step in file.steps)
    return [one for one in found if one is not None]


def _made(statement: str) -> Made | None:
    match = _CREATE.match(statement)
    if match is None:
        return None
    fingerprint = _FINGERPRINT.search(statement)
    lines = (line for line in statement.split("\n") if not line.startswith("--"))
    kind: Kind = "table" if match["kind"] == "table" else "view" if match["kind"] == "view" else "materialized view"
    text = "\n".join(lines).strip().removesuffix(";").rstrip()
    plain = _HOW.sub(lambda how: f"create {how[2]} ", text, count=1)
    return Made(match["name"], kind, plain, fingerprint[1] if fingerprint else "")


def rollups(state: dict[str, Made]) -> dict[str, Rollup]:
    """Return the aggregates and questions of *state*, by their main table."""
    view = state.get(AGGREGATES)
    return {one.name: one for one in _rows(view.sql)} if view is not None else {}


def _rows(sql: str) -> Iterator[Rollup]:
    for row in _ROW.finditer(sql):
        if row["aggregate"]:
            yield Rollup(row["aggregate"], row["rollup"], tuple(re.findall(r"'([^']*)'", row["relations"])))


def body(view: Made) -> str:
    """Return the SELECT of a view."""
    return view.sql.split(" as\n", 1)[1]


def installation(state: dict[str, Made]) -> tuple[str, str, str]:
    """Return the catalog's name, the events table and the table of dead letters.

    Raises:
        HistoryError: If nothing says them.
    """
    view = state.get(INSTALLATION)
    found = {key: re.search(rf"'([^']*)' as `?{key}`?", view.sql) for key in _SAID} if view is not None else {}
    if view is None or not all(found.values()):
        raise HistoryError(f"no migration makes {INSTALLATION}", "Restore the folder of the migrations from git.")
    catalog, table, letters = (match[1] for match in found.values() if match is not None)
    return catalog, table, letters


_SAID: Final = ("catalog", "table", "dead_letters_table")


def load(migrations: Path, backend: str) -> list[MigrationFile]:
    """Return the migrations for ClickHouse in the folder *migrations* of a catalog, in order.

    Raises:
        UsageError: If there are none.
        HistoryError: If a file is damaged.
    """
    folder = migrations / CLICKHOUSE
    if not folder.is_dir():
        raise UsageError(
            f"the catalog has no migrations for ClickHouse: there is no folder {folder}",
            "Put `clickhouse` into the outputs of the catalog, then run `analytics-codegen generate` and "
            "`analytics-migrate new`.",
            setting="migrations",
            value=folder,
        )
    return load_migrations(folder, backend)
