"""A project of its own for a catalog, below a temporary folder: what is generated from it, and fresh migrations.

The catalog's own project is only read. Generator and migrator run as programs: the service imports neither.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.project import ProjectError, find_project
from adi_analytics._shared.source import find_source
from adi_analytics.server.sample.errors import SampleModeError

if TYPE_CHECKING:
    from adi_analytics._shared.catalog import Catalog

CODEGEN: Final = "adi_analytics_codegen"
MIGRATE: Final = "adi_analytics.migrate.cli.main"
INSTALL: Final = "pip install 'adi-analytics[codegen,embedded,server]'"
_NEEDED: Final = ("yaml", "jinja2", "datamodel_code_generator")
_KEPT: Final = frozenset({"ADI_ANALYTICS_EMBEDDED_USER"})
_DATABASES: Final = frozenset({"DATABASE_URL", "PLATFORM_DATABASE_URL"})


def find_catalog(given: Path | None) -> Path:
    """Return the main file of the catalog: *given*, that of the project in the folder *given*, or in this one or above.

    Raises:
        SampleModeError: If there is none.
    """
    if given is not None and not given.is_dir():
        if not given.is_file():
            raise SampleModeError(
                f"there is no such file or folder: {given}\n  -> Name an events.yaml, or the folder of a project."
            )
        return given.absolute()
    try:
        project = find_project(given)
    except ProjectError as error:
        raise SampleModeError(str(error)) from None
    if project is None or not project.catalog.is_file():
        raise SampleModeError(
            "no catalog was found: there is no events.yaml in this folder or above\n"
            "  -> Name the file: analytics-server sample path/to/events.yaml; or make a project: analytics-codegen init"
        )
    return project.catalog.absolute()


def require_generator() -> None:
    """Check that the generator can run.

    Raises:
        SampleModeError: If it, or something that it needs, is not installed.
    """
    missing = [name for name in (CODEGEN, *_NEEDED) if find_spec(name) is None]
    if missing:
        raise SampleModeError(f"samples are made by analytics-codegen, which lacks {missing[0]}\n  -> {INSTALL}")


def forget_databases() -> None:
    """Take out of the environment all that could lead to a database of somebody's, or change how events are sent."""
    for name in list(os.environ):
        ours = name.startswith("ADI_ANALYTICS_") and name not in _KEPT
        if name.startswith("PG") or name in _DATABASES or ours:
            del os.environ[name]


@dataclass(frozen=True)
class Workspace:
    """The folder.

    Attributes:
        folder: Where it is.
        catalog: The main file of the catalog.
    """

    folder: Path
    catalog: Path

    def generate(self) -> Catalog:
        """Generate, write the migrations, and return the catalog.

        Raises:
            SampleModeError: If the catalog has errors, or is not made into Python and SQL.
        """
        self.folder.mkdir()
        (self.folder / "pyproject.toml").write_text(f"[tool.adi-analytics]\ncatalog = {_toml(self.catalog)}\n", "utf-8")
        self.run(CODEGEN, "generate", "--catalog", str(self.catalog), "--out", str(self.folder / "generated"))
        source = find_source(project=self.folder)
        if source.package is None or not source.manifest.is_file():
            raise SampleModeError(
                f"{self.catalog} is not made into Python and SQL, so it has no dashboard\n"
                "  -> Add python and sql to `outputs` under `catalog`."
            )
        self.run(MIGRATE, "new", "--project", str(self.folder))
        return source.catalog()

    def migrate(self, dsn: str, command: str) -> None:
        """Run a command of the migrator on the database.

        Raises:
            SampleModeError: If it fails.
        """
        self.run(MIGRATE, command, "--project", str(self.folder), DATABASE_URL=dsn)

    def run(self, module: str, *arguments: str, **environment: str) -> None:
        """Run a program to its end.

        Raises:
            SampleModeError: If it fails, with what it said.
        """
        done = subprocess.run(  # noqa: S603 - our own programs
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,  # not that of the catalog, which may have an .env
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise SampleModeError((done.stderr.strip() or done.stdout.strip()) or f"{module} failed")


def _toml(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
