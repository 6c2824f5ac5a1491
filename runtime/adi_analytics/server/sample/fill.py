"""Brings made-up events into the database, by the same client as real ones."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.client import AnalyticsClient
from adi_analytics.server.sample.errors import SampleModeError
from adi_analytics.server.sample.workspace import CODEGEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from adi_analytics._shared.catalog import Catalog
    from adi_analytics.server.sample.workspace import Workspace

_PATIENCE: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What to make up.

    Attributes:
        catalog: The main file of the catalog.
        days: How far the events go back.
        events: About how many.
        seed: The same seed gives the same events on the same day.
    """

    catalog: Path
    days: int
    events: int
    seed: int


def fill(workspace: Workspace, catalog: Catalog, dsn: str, samples: Samples) -> int:
    """Make the events up and store them, and return how many.

    Raises:
        SampleModeError: If they can't be made, or not all of them could be stored.
    """
    decode = import_module(catalog.package).from_dict
    sent = 0
    with AnalyticsClient.connect(
        dsn, service="sample", environment="sample", catalog=catalog, hash_key="sample", when_full="block",
        block_timeout=_PATIENCE,
    ) as client:  # fmt: skip
        for item in _made(workspace, samples):
            client.track(decode(item["event"]), timestamp=datetime.fromisoformat(item["timestamp"]))
            sent += 1
        client.flush(timeout=_PATIENCE)
        stats = client.stats()
    if stats.delivered != sent:
        raise SampleModeError(f"of {sent} made-up events {stats.delivered} could be stored: {stats}")
    return sent


def _made(workspace: Workspace, samples: Samples) -> Iterator[dict[str, Any]]:
    """Yield what ``analytics-codegen sample`` prints."""
    arguments = ["--catalog", str(samples.catalog), "--days", str(samples.days)]
    arguments += ["-n", str(samples.events), "--seed", str(samples.seed)]
    with _program(workspace, CODEGEN, "sample", *arguments) as process:
        for line in process.stdout or ():
            yield json.loads(line)


@contextmanager
def _program(workspace: Workspace, module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with (workspace.folder / "errors").open("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", module, *arguments],
            cwd=workspace.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
            encoding="utf-8",
        )  # fmt: skip
        try:
            yield process
            _check(process.wait(), errors)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _check(code: int, errors: IO[str]) -> None:
    if code != 0:
        errors.seek(0)
        raise SampleModeError(errors.read().strip() or "analytics-codegen failed")
