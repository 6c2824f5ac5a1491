"""Which catalog a command works on, and where what is generated from it goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adi_analytics_codegen.load.source.project import TABLE, ProjectError, find_project, nearest_project

if TYPE_CHECKING:
    from adi_analytics_codegen.load.source.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A catalog and its output folder, as paths to print.

    Attributes:
        catalog: The main file.
        out: The folder of the generated files.
        package: The import name of the generated package, where the project says one.
        root: The folder of the project; that of the catalog's file without one.
    """

    catalog: Path
    out: Path
    package: str | None
    root: Path


class NoProjectError(ProjectError):
    """No folder from here upwards holds a catalog."""

    def __init__(self, place: Path) -> None:
        super().__init__(
            place,
            f"there is no events.yaml here or in a folder above, and no pyproject.toml with [{TABLE}]",
            "Name the file with --catalog or the folder with --project, or make a project: `analytics-codegen init`.",
        )


class OtherPackageError(ProjectError):
    """The project and its catalog call the generated package differently."""

    def __init__(self, root: Path, said: str, generated: str) -> None:
        super().__init__(
            root / "pyproject.toml",
            f'package in [{TABLE}] is "{said}", but the catalog generates "{generated}"',
            f"Write the same name in both: set python_package: {said} under `catalog`, or change pyproject.toml.",
        )


def find_target(*, catalog: Path | None, project: Path | None, out: Path | None) -> Target:
    """Return what to work on.

    Args:
        catalog: A catalog's file. If it is the one of a project, the project says where the output goes.
        project: A project's folder. Without both, ``ADI_ANALYTICS_PROJECT`` or the nearest project upwards is taken.
        out: The output folder; wins over the project's.

    Raises:
        NoProjectError: If nothing says which catalog is meant.
        ProjectError: If the folder is no project, or if its ``pyproject.toml`` is wrong.
    """
    found = _project_of(catalog) if catalog is not None else find_project(project)
    if found is None and catalog is None:
        raise NoProjectError(Path(os.environ.get("PWD", ".")))
    if found is None:
        assert catalog is not None  # noqa: S101 - for the type checker; the line above says so
        return Target(catalog=catalog, out=out or catalog.parent / "generated", package=None, root=catalog.parent)
    return Target(
        catalog=catalog or _shown(found.catalog),
        out=out or _shown(found.generated),
        package=found.package,
        root=found.root,
    )


def _project_of(catalog: Path) -> Project | None:
    found = nearest_project(catalog.absolute().parent)
    return found if found is not None and found.catalog.resolve() == catalog.resolve() else None


def _shown(path: Path) -> Path:
    """Return *path* as seen from the working directory, where that is shorter."""
    try:
        near = os.path.relpath(path)
    except (ValueError, OSError):  # another drive of Windows; a working directory that was deleted
        return path
    return Path(near) if len(near) < len(str(path)) else path
