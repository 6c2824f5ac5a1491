"""Every error of the library is a value: it can be pickled and copied, with its attributes and its message."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import adi_analytics
import pytest
from adi_analytics import AnalyticsError, ClickhouseExtraMissingError, InvalidEventError, LibpqMissingError
from adi_analytics._engine.process.at_exit import SignalThreadError
from adi_analytics._engine.spool.spool import SpoolUnavailableError
from adi_analytics._shared.catalog import (
    CatalogAmbiguousError,
    CatalogError,
    CatalogInvalidError,
    CatalogMissingError,
)
from adi_analytics._shared.conninfo import ConninfoInvalidError, ConninfoMissingError
from adi_analytics._shared.dotenv import DotenvError
from adi_analytics._shared.options import OptionError
from adi_analytics.contrib import ExtraMissingError
from adi_analytics.embedded.programs import EmbeddedMissingError, EmbeddedServerError
from adi_analytics.migrate import errors
from adi_analytics.migrate.upkeep.replay import DeadLetterFileError
from adi_analytics.query import (
    FrameMissingError,
    MeasureRefusedError,
    QueryArgumentError,
    QueryDatabaseError,
    QueryError,
)
from adi_analytics.server.sample.errors import SampleModeError
from adi_analytics.server.tokens import UnknownTokenError
from adi_analytics.worker import WorkerRunningError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = Path("migrations/migrations.lock")
SQL = Path("migrations/0002_pre_add/common.sql")
EDITED: dict[str, Any] = {"path": SQL, "number": 2, "file": "0002_pre_add/common.sql", "actual": "b" * 64}
APPLIED: dict[str, Any] = {
    "name": "0003_post_drop",
    "number": 3,
    "applied_by": "2.0",
    "applied_at": "12:00",
    "version": "1.0",
}

EXAMPLES = [
    (AnalyticsError("broken"), "broken"),
    (InvalidEventError("task_completed", "no field x"), "event task_completed: no field x"),
    (LibpqMissingError("no module"), "psycopg finds no libpq"),
    (ClickhouseExtraMissingError("no module"), "pip install 'adi-analytics[clickhouse]'"),
    (SignalThreadError(), "main thread only"),
    (SpoolUnavailableError("/spool", "read-only"), "spool_dir /spool: read-only"),
    (ConninfoInvalidError(".env:3", "no host"), "(from .env:3): no host"),
    (ConninfoMissingError(), "no database given"),
    (DotenvError(Path(".env"), 3, "a name"), ".env:3: expected a name"),
    (OptionError("batch_size", "1 or more"), "option batch_size: expected 1 or more"),
    (CatalogError(), "."),
    (CatalogMissingError(), "no catalog was found"),
    (CatalogAmbiguousError(("a", "b")), "several catalogs are installed: a, b."),
    (CatalogInvalidError("a", "has no CATALOG", "Generate it."), "the package a has no CATALOG. Generate it."),
    (UnknownTokenError("0a1b2c3d4e5f"), "has the id '0a1b2c3d4e5f'"),
    (ExtraMissingError("prometheus", "no module"), "pip install 'adi-analytics[prometheus]'"),
    (EmbeddedMissingError(), "adi-analytics[embedded]"),
    (EmbeddedServerError(Path("data"), "no port", "FATAL"), "in data: no port\nFATAL"),
    (SampleModeError("no catalog was found"), "no catalog was found"),
    (DeadLetterFileError(Path("letters"), 7), "letters:7: expected a JSON object"),
    (WorkerRunningError(), "has a running worker already"),
    (QueryError("it failed", "Ask again."), "it failed. Ask again."),
    (QueryArgumentError("limit", "0 is none", "Expected 1."), "limit: 0 is none. Expected 1."),
    (MeasureRefusedError("users", "they overlap", "Ask by day."), "users: they overlap. Ask by day."),
    (QueryDatabaseError("57014", "it took long", "Wait."), "it took long (SQLSTATE 57014). Wait."),
    (QueryDatabaseError(None, "it is gone", "Wait."), "it is gone. Wait."),
    (FrameMissingError("polars", "no module"), "pip install polars"),
    (errors.MigrateError("problem", "remedy"), "problem\n  -> remedy"),
    (errors.DatabaseUnreachableError(reason="refused", database="h/d"), "cannot connect to h/d: refused"),
    (errors.DatabaseUnreachableError(reason="gone", database="h/d", lost=True), "connection to h/d was lost: gone"),
    (errors.DatabaseUnreachableError(reason="gone", file="0001"), "was lost while 0001 ran: gone"),
    (errors.UnsuitableDatabaseError("is too old", database="h/d", server_version=140001, role="r"), "is too old"),
    (errors.ClickhouseFailedError("h/d: memory is short", "Give more."), "memory is short"),
    (errors.MigrationFailedError(file="f", reason="no", remedy="do", line=3, sqlstate="42P01"), "f:3: no (SQLSTATE"),
    (errors.MigrationFailedError(file="f", reason="invalid index i", remedy="do"), "f: invalid index i\n  -> do"),
    (errors.UsageError("no aggregate x", setting="aggregates", value="x"), "no aggregate x"),
    (errors.PendingError(wanted="pre", file="0002_post_x", phase="post"), "but 0002_post_x comes before them"),
    (errors.LockedError(holder="pid 1"), "another run holds the migrator's lock: pid 1"),
    (errors.LockedError(holder="pid 1", kept=True), "that this one was to release: pid 1"),
    (errors.LockedError(holder=None), "was lost between two statements"),
    (errors.HistoryError("no header", "write one", path=SQL, number=2), "no header\n  -> write one"),
    (errors.OtherCatalogError(found="adi", expected="shop"), "belongs to the catalog 'adi'"),
    (errors.MigrationChecksumError(**EDITED, expected=None, lock=LOCK), f"has no line in {LOCK}"),
    (errors.MigrationChecksumError(**EDITED, expected="a" * 64, lock=LOCK), "migrations.lock says aaaaaaaaaaaa, the"),
    (errors.MigrationChecksumError(**EDITED, expected="a" * 64, applied_at="12:00"), "after it was applied at 12:00:"),
    (errors.MigrationMissingError(**APPLIED, known=2), "applied by adi-analytics 2.0 at 12:00; this is 1.0 with 2"),
    (errors.MigrationMissingError(**APPLIED, known=3), "0003_post_drop was applied, but its directory is missing"),
    (errors.MigrationOrderError(path=SQL, number=2, name="0002_pre_add", last=4), "is not applied, but 0004 is"),
    (errors.BackendChangedError(backend="oracle"), "names an unknown backend 'oracle'"),
    (errors.BackendChangedError(backend="postgres", wanted="timescaledb"), "--backend asks for timescaledb"),
    (errors.BackendChangedError(backend="timescaledb", offered="postgres"), "the server offers only postgres"),
    (errors.ForgottenMigrationError("changed", "write it", changes=("a is new",)), "changed\n  -> write it"),
    (errors.DestructiveError(file="0002_pre_add/common.sql"), "0002_pre_add/common.sql destroys data"),
]  # fmt: skip

E = TypeVar("E", bound=AnalyticsError)


def error_classes(root: type[E]) -> Iterator[type[E]]:
    yield root
    for cls in root.__subclasses__():
        yield from error_classes(cls)


def test_every_error_of_the_library_has_an_example() -> None:
    for module in pkgutil.walk_packages(adi_analytics.__path__, "adi_analytics."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    ours = {cls for cls in error_classes(AnalyticsError) if cls.__module__.startswith("adi_analytics.")}
    assert {type(error) for error, _ in EXAMPLES} == ours


@pytest.mark.parametrize(("error", "words"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_an_error_is_pickled_and_copied_as_it_is(error: AnalyticsError, words: str) -> None:
    assert words in str(error)
    error.add_note("while testing")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert vars(again) == vars(error)
        assert (str(again), again.args) == (str(error), error.args)


def test_an_error_of_the_migrator_has_an_exit_code_of_its_own() -> None:
    codes = {cls: cls.exit_code for cls in error_classes(errors.MigrateError)}
    assert codes[errors.HistoryError] == codes[errors.MigrationOrderError] == errors.EXIT_HISTORY
    assert {cls.__name__ for cls, code in codes.items() if code == errors.EXIT_ERROR} == {
        "ClickhouseFailedError",
        "DatabaseUnreachableError",
        "MigrateError",
        "MigrationFailedError",
        "UnsuitableDatabaseError",
    }
