"""Where a catalog's manifest and migrations lie: in a project, or in an installed package.

The rule is that of `find_project` and `resolve_catalog`: an argument, the environment, the project in the working
directory or above, the one installed package that declares a catalog.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.catalog import (
    VARIABLE,
    CatalogInvalidError,
    catalog_of,
    check_format,
    installed_package,
    package_of,
)
from adi_analytics._shared.project import Project, find_project, nearest_project

if TYPE_CHECKING:
    from adi_analytics._shared.catalog import Catalog

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A catalog, as commands use it.

    Attributes:
        why: Why this one was taken, for people.
        manifest: The generated manifest.
        migrations: The folder of the migrations.
        package: The import name of the generated package; ``None`` for a project that generates no Python.
        project: The project, or ``None`` for an installed package.
    """

    why: str
    manifest: Path
    migrations: Path
    package: str | None
    project: Project | None = None

    def catalog(self) -> Catalog:
        """Import the generated package and return its catalog. A project's own package wins over an installed one.

        Raises:
            CatalogInvalidError: If there is no package, or if it can't be used.
        """
        if self.package is None:
            raise CatalogInvalidError("of this catalog", "was not found", "Run `analytics-codegen generate`.")
        if self.project is not None:
            folder = str(self.project.generated / "python")
            if Path(folder, self.package).is_dir() and folder not in sys.path:
                sys.path.insert(0, folder)
        return catalog_of(self.package)


def find_source(*, catalog: str | None = None, project: str | os.PathLike[str] | None = None) -> Source:
    """Return the catalog to work for.

    Args:
        catalog: The import name of a generated package.
        project: The folder of a project.

    Raises:
        CatalogError: If none is found, or several are, if the package has no data, or if a newer generator made it.
        ProjectError: If the folder is no project, or if its ``pyproject.toml`` is wrong.
    """
    found = _found(catalog, project)
    if found.package is not None:
        _check_format(found)
    return found


def _found(catalog: str | None, project: str | os.PathLike[str] | None) -> Source:
    if catalog:
        return _of_package(catalog, "--catalog")
    if not project and (name := os.environ.get(VARIABLE)):
        return _of_package(name, VARIABLE)
    found = find_project(project)
    if found is not None:
        return _of_project(found)
    return _of_package(installed_package(), "the only installed catalog")


def _check_format(source: Source) -> None:
    """Check the format that the generated package says, without importing it: that would load all of its events."""
    package = source.package or ""
    home = _folder(package) if source.project is None else source.project.generated / "python" / package
    path = home / "_catalog.py"
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # no package is generated, or whoever imports it says what is wrong
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "format" and isinstance(node.value, ast.Constant):
            found = node.value.value
            check_format(package, found if isinstance(found, int) else 0)


def _of_project(project: Project) -> Source:
    """Return what *project* holds; its files need not be there yet."""
    return Source(
        why=project.why,
        manifest=project.generated / "sql" / MANIFEST,
        migrations=project.migrations,
        package=package_of(project),
        project=project,
    )


def _of_package(package: str, why: str) -> Source:
    folder = _folder(package)
    data = folder / "_data"
    reason = f"{why}: the package {package} in {folder}"
    if (data / "sql" / MANIFEST).is_file():
        return Source(why=reason, manifest=data / "sql" / MANIFEST, migrations=data / "migrations", package=package)
    project = _project_around(folder)
    if project is not None:
        return replace(_of_project(project), why=reason, package=package)
    raise CatalogInvalidError(
        package,
        f"has no data: expected {data / 'sql' / MANIFEST}",
        "Build its wheel as `analytics-codegen init` sets it up, with sql, json_schema and migrations under _data.",
    )


def _project_around(folder: Path) -> Project | None:
    """Return the project that generated the package in *folder*, if it lies in one's ``generated/python``."""
    project = nearest_project(folder)
    return project if project is not None and folder.parent == project.generated / "python" else None


def _folder(package: str) -> Path:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise CatalogInvalidError(package, "can't be imported", "Install it, or give the project with --project.")
    return Path(next(iter(spec.submodule_search_locations)))
