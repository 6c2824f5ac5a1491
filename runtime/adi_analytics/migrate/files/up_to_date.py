"""Is the manifest what the catalog says? Asked of the code generator, where it is installed, as another process."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from adi_analytics._shared.project import Project
from adi_analytics.migrate.errors import ForgottenMigrationError, UsageError

_CATALOG: Final = "events.yaml"
_OUTPUT: Final = ("generated", "sql", "manifest.json")
_OF_DATABASES: Final = ("sql/", "clickhouse/")
_SHOWN: Final = 5  # files
_DASHBOARD: Final = "sql/dashboard.json"
_PROGRAM: Final = "import sys; from adi_analytics_codegen.cli.main import main; sys.exit(main(sys.argv[1:]))"
_NEEDED: Final = ("adi_analytics_codegen", "yaml", "jinja2", "datamodel_code_generator")


def check_generated(manifest: Path, project: Project | None) -> None:
    """Make sure that the generated files are those of the catalog beside them.

    For a manifest of *project*, its catalog is asked. For another one, at ``<root>/generated/sql/manifest.json``, it is
    ``<root>/events.yaml``. Without that, or without the code generator (the extra ``[codegen]``), there is nothing to
    ask.

    Raises:
        ForgottenMigrationError: If the catalog was edited and not generated again.
        UsageError: If the catalog has errors.
    """
    catalog, generated = _catalog(manifest.resolve(), project)
    if catalog is None or any(importlib.util.find_spec(name) is None for name in _NEEDED):
        return
    command = [
        sys.executable,
        "-P",  # what lies in the working directory is not ours to run
        "-c",
        _PROGRAM,
        "check",
        "--catalog",
        str(catalog),
        "--out",
        str(generated),
        "--format",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own program and a path
    if done.returncode == 0:
        return
    try:
        differences = msgspec.json.decode(done.stdout, type=list[_Difference])
    except msgspec.MsgspecError:
        said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines() or ["no answer"]
        problem = f"{catalog} cannot be checked: {said[0]}"
        raise UsageError(problem, "Run `analytics-codegen lint`.", setting="catalog", value=catalog) from None
    # Other outputs (Python, TypeScript, documents, what the dashboard shows) do not change the database.
    stale = [entry.path for entry in differences if entry.path.startswith(_OF_DATABASES) and entry.path != _DASHBOARD]
    if not stale:
        return
    more = f" and {len(stale) - _SHOWN} more" if len(stale) > _SHOWN else ""
    raise ForgottenMigrationError(
        f"{catalog} was edited and not generated again: {', '.join(stale[:_SHOWN])}{more}",
        "Run `analytics-codegen generate`, then `analytics-migrate new`.",
        changes=tuple(stale),
    )


class _Difference(msgspec.Struct):
    path: str


def _catalog(manifest: Path, project: Project | None) -> tuple[Path | None, Path]:
    if project is not None and manifest.is_relative_to(project.generated.resolve()):
        return (project.catalog if project.catalog.is_file() else None), project.generated
    if manifest.parts[-len(_OUTPUT) :] != _OUTPUT:
        return None, manifest.parent
    catalog = manifest.parents[2] / _CATALOG
    return (catalog if catalog.is_file() else None), manifest.parents[1]
