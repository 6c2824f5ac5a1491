"""The generated manifest (docs/reference/manifest.md) and the snapshot of it that the migrations add up to."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from adi_analytics._shared.resources import data_dir
from adi_analytics.migrate.errors import HistoryError, UsageError
from adi_analytics.migrate.files.migration import SNAPSHOT_NAME
from adi_analytics.migrate.options import BACKENDS

FORMAT: Final = 1

# What the procedures of analytics_meta are made of, per backend, in the order in which they are created.
_MACHINERY: Final = {
    "postgres": ("common", "partitions", "rollups"),
    "timescaledb_apache": ("common", "chunks", "expire_chunks", "rollups"),
    "timescaledb": ("common", "chunks", "policies", "continuous"),
}


class Statement(msgspec.Struct, frozen=True):
    """One SQL statement without a semicolon, and a name for it."""

    step: str
    sql: str


Ddl = dict[str, dict[str, list[Statement]]]
"""Backend -> part -> statements."""


class Storage(msgspec.Struct, frozen=True):
    """How the events table is stored. Spans are seconds; ``None`` switches a feature off."""

    table: str
    dead_letters_table: str
    chunk_interval: int
    compress_after: int | None
    retention: int | None
    index_data: bool


class Bucket(msgspec.Struct, frozen=True):
    """The time column of an aggregate; the width in seconds."""

    column: str
    width: int


class Refresh(msgspec.Struct, frozen=True):
    """When an aggregate is refreshed, in seconds."""

    every: int
    window: int
    lag: int


class Column(msgspec.Struct, frozen=True):
    """A column of a public view or of a stored relation."""

    name: str
    type: str
    role: str


class View(msgspec.Struct, frozen=True):
    """A public view of an aggregate."""

    name: str
    kind: str
    columns: list[str]


class Relation(msgspec.Struct, frozen=True):
    """A stored relation: a continuous aggregate or a rollup table."""

    name: str
    kind: str
    live: str
    rows_function: str
    columns: list[Column]
    fingerprint: str
    select: dict[str, str]


class Aggregate(msgspec.Struct, frozen=True):
    """An aggregate, as the manifest describes it; in a snapshot also how it came to be.

    Attributes:
        rows: Fingerprint of which events are read and how they are grouped.
        measures: Each measure's fingerprint.
        history: Whether the public views add rows that an earlier version computed.
        catalog_version: The catalog's version when the views over the relations were replaced, which keep theirs.
        kept_members: Relations of members whose rows of the version before are kept, too, for trailing counts.
    """

    name: str
    version: int
    bucket: Bucket
    columns: list[Column]
    refresh: Refresh
    fingerprint: str
    rows: str
    measures: dict[str, str]
    views: list[View]
    relations: list[Relation]
    ddl: Ddl
    trailing: int = 0
    history: bool = False
    catalog_version: int = 0
    kept_members: list[str] = []

    @property
    def rollup(self) -> str:
        """The name under which the migrator knows it: that of its main relation."""
        return self.relations[0].name


class Manifest(msgspec.Struct, frozen=True):
    """What of a catalog the database depends on.

    Attributes:
        machinery: Snapshot only: the migrator's own statements per backend.
        retired: Snapshot only: versions that were replaced and not dropped yet.
    """

    format: int
    catalog: str
    hash: str
    storage: Storage
    storage_ddl: Ddl
    aggregates: list[Aggregate]
    late_after: int | None = None
    machinery: dict[str, list[Statement]] = {}
    retired: list[Aggregate] = []

    def aggregate(self, name: str) -> Aggregate | None:
        """Return the aggregate called *name*, or ``None``."""
        return next((entry for entry in self.aggregates if entry.name == name), None)


def load_manifest(path: Path | None = None) -> Manifest:
    """Read the manifest that the code generator wrote, with this library's machinery.

    Args:
        path: The file, or the folder that holds ``manifest.json``. Defaults to the packaged one.

    Raises:
        UsageError: If there is none, or if it cannot be read.
    """
    found = path or data_dir("sql")
    if found.is_dir():
        found = found / "manifest.json"
    if not found.is_file():
        raise UsageError(f"no manifest at {found}", "Run `analytics-codegen generate`, or pass --manifest.")
    manifest = _decode(found)
    return msgspec.structs.replace(manifest, machinery={name: machinery(name) for name in BACKENDS}, retired=[])


def load_snapshot(migrations: Path) -> Manifest | None:
    """Read the snapshot beside the migrations; ``None`` when there is none yet.

    Raises:
        HistoryError: If it cannot be read.
    """
    path = migrations / SNAPSHOT_NAME
    if not path.is_file():
        return None
    try:
        return _decode(path)
    except UsageError as error:
        raise HistoryError(error.problem, "Restore the file from git.") from error


def _decode(path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} is no manifest: {error}", "Run `analytics-codegen generate` again.") from error
    if manifest.format > FORMAT:
        raise UsageError(f"{path} has format {manifest.format}; this library knows {FORMAT}", "Upgrade adi-analytics.")
    return manifest


def encode_snapshot(snapshot: Manifest) -> str:
    """Return the one text of *snapshot*."""
    builtins: Any = msgspec.to_builtins(snapshot)
    return msgspec.json.format(msgspec.json.encode(builtins, order="sorted"), indent=1).decode() + "\n"


def machinery(backend: str) -> list[Statement]:
    """Return the statements that create the migrator's procedures on *backend*."""
    folder = resources.files("adi_analytics.migrate") / "sql"
    statements: list[Statement] = []
    for part in _MACHINERY[backend]:
        text = (folder / f"machinery_{part}.sql").read_text(encoding="utf-8")
        for block in text.split("-- step: ")[1:]:
            step, _, sql = block.partition("\n")
            statements.append(Statement(step.strip(), sql.strip().removesuffix(";")))
    return statements
