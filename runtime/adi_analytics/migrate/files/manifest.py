"""The generated manifest (docs/reference/manifest.md) and the snapshot of it that the migrations add up to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from adi_analytics._shared.sql import interval, literal
from adi_analytics.migrate.errors import HistoryError, UsageError
from adi_analytics.migrate.files.kept import Answers, Counts
from adi_analytics.migrate.files.machinery import MetaObject, machinery
from adi_analytics.migrate.files.migration import SNAPSHOT_NAME, require_folder
from adi_analytics.migrate.files.statements import (
    Call,
    Comment,
    Compression,
    ContinuousAggregate,
    Function,
    Index,
    Names,
    Policy,
    Sql,
    Table,
    View,
    decode_sql,
    encode_sql,
    filled,
    filled_sql,
)
from adi_analytics.migrate.options import BACKENDS

FORMAT: Final = 2

StorageStatement = Table | Index | Call
StoragePolicy = Policy | Compression
StoredStatement = Table | Index | Function | View | ContinuousAggregate


class StorageDdl(msgspec.Struct, frozen=True):
    """The statements of the events table on one backend."""

    create: list[StorageStatement]
    policies: list[StoragePolicy]


class StoredDdl(msgspec.Struct, frozen=True):
    """The statements of an aggregate's relations on one backend: format strings (see :func:`statements.filled`)."""

    create: list[StoredStatement]
    policies: list[Policy]


class Storage(msgspec.Struct, frozen=True):
    """How the events table is stored. Spans are seconds; ``None`` switches a feature off."""

    table: str
    dead_letters_table: str
    chunk_interval: int
    compress_after: int | None
    retention: int | None
    index_data: bool
    user_id: str = "uuid"


class Bucket(msgspec.Struct, frozen=True, omit_defaults=True):
    """The time column of an aggregate; the width in seconds.

    Attributes:
        unit: Of buckets that are days, weeks or months of a calendar: which. A month's width is that of a long one.
        time_zone: Whose days, weeks or months; ``None`` for equally long buckets, counted in UTC.
    """

    column: str
    width: int
    unit: str | None = None
    time_zone: str | None = None

    @property
    def interval(self) -> str:
        """The width as an SQL literal."""
        return "interval '1 month'" if self.unit == "month" else interval(self.width)

    @property
    def zone(self) -> str:
        """What follows in a call of a function of ``analytics_meta`` that takes a width and may take a time zone."""
        return "" if self.time_zone is None else f", {literal(self.time_zone)}"

    def end(self, start: str) -> str:
        """Return the expression for the end of the bucket that starts at *start*."""
        if self.time_zone is None:
            return f"{start} + interval '{self.width} seconds'"
        return f"analytics_meta.next_bucket({self.interval}, {start}{self.zone})"


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


class PublicView(msgspec.Struct, frozen=True):
    """A public view of an aggregate; its SELECT is a format string, the same on every backend."""

    name: str
    kind: str
    columns: list[str]
    select: Sql


class KeyedBy(msgspec.Struct, frozen=True):
    """A column that a relation's rows are grouped by, and what of the events it holds: `$user_id`, or a field."""

    column: str
    of: str


class Relation(msgspec.Struct, frozen=True):
    """A stored relation: a continuous aggregate or a rollup table.

    Attributes:
        keyed_by: What its rows are grouped by beside the bucket; nothing in a snapshot of an earlier release.
    """

    name: str
    kind: str
    live: str
    rows_function: str
    index: str
    columns: list[Column]
    fingerprint: str
    keyed_by: list[KeyedBy] = []

    @property
    def keeps_rows(self) -> bool:
        """Whether its rows, and not only what views made of them, are kept when a new version means the same."""
        return self.kind in {"users", "people"}

    @property
    def names(self) -> Names:
        """Its names, to fill into statements."""
        return Names(self.name, self.live, self.rows_function, self.index)


class Aggregate(msgspec.Struct, frozen=True):
    """An aggregate, as the manifest describes it; in a snapshot also how it came to be.

    Attributes:
        rows: Fingerprint of which events are read and how they are grouped.
        measures: Each measure's fingerprint.
        counts: What is kept of its trailing counts; nothing in a snapshot of an earlier release.
        answers: What is kept of its answers, if it is a question about people; nothing in such a snapshot.
        history: Whether the public views add rows that an earlier version computed.
        history_unit: The span in seconds that belongs to one version as a whole: the bucket, or what holds the
            buckets of all versions when their widths differ.
        catalog_version: The catalog's version when the views over the relations were replaced, which keep theirs.
        comments: The comments on the public views and their columns.
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
    views: list[PublicView]
    relations: list[Relation]
    ddl: dict[str, StoredDdl]
    dimensions: list[str] = []
    counts: list[Counts] = []
    answers: Answers | None = None
    trailing: int = 0
    history: bool = False
    history_unit: int = 0
    catalog_version: int = 0
    kept_members: list[str] = []
    comments: list[Comment] = []

    @property
    def historic_views(self) -> list[PublicView]:
        """The public views with a row per bucket: an earlier version's rows can stand beside their own."""
        return [view for view in self.views if self.bucket.column in view.columns]

    @property
    def rollup(self) -> str:
        """The name under which the migrator knows it: that of its main relation."""
        return self.relations[0].name

    def stored(self, backend: str) -> Iterator[StoredStatement]:
        """Yield the statements that make its relations on *backend*."""
        return (filled(template, self._names()) for template in self.ddl[backend].create)

    def policies(self, backend: str) -> Iterator[Policy]:
        """Yield the statements of its policies on *backend*."""
        return (filled(template, self._names()) for template in self.ddl[backend].policies)

    def kept(self, counts: Counts | Answers) -> Iterator[Table | Index | Function]:
        """Yield the statements that make *counts*, some of its own, or its answers."""
        return (filled(template, self._names()) for template in counts.create)

    def public_view(self, view: PublicView) -> View:
        """Return the statement that makes *view*, one of its views."""
        return View(f"view {view.name}", view.name, view.columns, filled_sql(view.select, self._names()))

    def _names(self) -> Iterator[Names]:
        return (relation.names for relation in self.relations)


class Manifest(msgspec.Struct, frozen=True):
    """What of a catalog the database depends on.

    Attributes:
        comments: The comments on the events table, the table of dead letters and their columns.
        machinery: Snapshot only: what the migrator keeps in ``analytics_meta``, per backend.
        retired: Snapshot only: versions that were replaced and not dropped yet.
    """

    format: int
    catalog: str
    hash: str
    storage: Storage
    storage_ddl: dict[str, StorageDdl]
    aggregates: list[Aggregate]
    late_after: int | None = None
    comments: list[Comment] = []
    machinery: dict[str, list[MetaObject]] = {}
    retired: list[Aggregate] = []

    def aggregate(self, name: str) -> Aggregate | None:
        """Return the aggregate called *name*, or ``None``."""
        return next((entry for entry in self.aggregates if entry.name == name), None)


def load_manifest(path: Path) -> Manifest:
    """Read the manifest that the code generator wrote, with this library's machinery.

    Args:
        path: The file, or the folder that holds ``manifest.json``.

    Raises:
        UsageError: If there is none, or if it cannot be read.
    """
    found = path / "manifest.json" if path.is_dir() else path
    if not found.is_file():
        remedy = "Run `analytics-codegen generate` for a catalog with sql among its outputs, or pass --manifest."
        raise UsageError(f"no manifest at {found}", remedy, setting="manifest", value=found)
    again = "Run `analytics-codegen generate`."
    manifest = _decode(found, damaged=again, older=again)
    return msgspec.structs.replace(manifest, machinery={name: machinery(name) for name in BACKENDS}, retired=[])


def catalog_name(migrations: Path) -> str | None:
    """Return the name of the catalog that the migrations are of; ``None`` when there is no snapshot.

    Raises:
        UsageError: If the folder is not there.
        HistoryError: If the snapshot cannot be read.
    """
    require_folder(migrations)
    snapshot = load_snapshot(migrations)
    return None if snapshot is None else snapshot.catalog


def load_snapshot(migrations: Path) -> Manifest | None:
    """Read the snapshot beside the migrations; ``None`` when there is none yet.

    Raises:
        HistoryError: If it cannot be read.
    """
    path = migrations / SNAPSHOT_NAME
    if not path.is_file():
        return None
    try:
        return _decode(path, damaged="Restore the file from git.", older=_RENEW_SNAPSHOT)
    except UsageError as error:
        raise HistoryError(error.problem, error.remedy, path=path) from error


def require_snapshot(migrations: Path) -> Manifest:
    """Read the snapshot beside the migrations.

    Raises:
        UsageError: If the folder is not there.
        HistoryError: If there is no snapshot, or if it cannot be read.
    """
    require_folder(migrations)
    snapshot = load_snapshot(migrations)
    if snapshot is None:
        raise HistoryError(f"{migrations} has no {SNAPSHOT_NAME}", "Restore it from git.", path=migrations)
    return snapshot


_RENEW_SNAPSHOT: Final = (
    "Run `analytics-codegen generate` with the events.yaml that the migrations were written for, then "
    "`analytics-migrate new --migrations DIR` with an empty DIR, and copy DIR/catalog.snapshot.json here."
)


class _Format(msgspec.Struct):
    format: int


def _decode(path: Path, *, damaged: str, older: str) -> Manifest:
    data = path.read_bytes()
    try:
        found = msgspec.json.decode(data, type=_Format).format
        if found == FORMAT:
            return decode(data)
    except ValueError as error:  # those of msgspec, too
        raise UsageError(f"{path} is no manifest: {error}", damaged, setting="manifest", value=path) from error
    raise UsageError(
        f"{path} has format {found}; this library reads format {FORMAT}",
        older if found < FORMAT else "Upgrade adi-analytics.",
        setting="manifest",
        value=path,
    )


def decode(data: bytes) -> Manifest:
    """Return the manifest or snapshot with this text.

    Raises:
        ValueError: If it has another form, or a format string with a place that stands for no name.
    """
    return _readable(msgspec.json.decode(data, type=Manifest, dec_hook=decode_sql))


def _readable(manifest: Manifest) -> Manifest:
    """Return *manifest*, all of whose format strings can be filled."""
    for entry in [*manifest.aggregates, *manifest.retired]:
        place = f"aggregate {entry.name} (version {entry.version})"
        names = [relation.names for relation in entry.relations]
        for backend, ddl in entry.ddl.items():
            for template in [*ddl.create, *ddl.policies]:
                with _telling(f"{place}, backend {backend}, statement {template.step!r}"):
                    filled(template, names)
        for counts in entry.counts:
            with _telling(f"{place}, trailing counts"):
                list(entry.kept(counts))
        if entry.answers is not None:
            with _telling(f"{place}, answers"):
                list(entry.kept(entry.answers))
        for view in entry.views:
            with _telling(f"{place}, view {view.name}"):
                entry.public_view(view)
    return manifest


@contextlib.contextmanager
def _telling(place: str) -> Iterator[None]:
    """Put *place* before the words of what is wrong in the block."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def encode_snapshot(snapshot: Manifest) -> str:
    """Return the one text of *snapshot*."""
    builtins: Any = msgspec.to_builtins(snapshot, enc_hook=encode_sql)
    return msgspec.json.format(msgspec.json.encode(builtins, order="sorted"), indent=1).decode() + "\n"
