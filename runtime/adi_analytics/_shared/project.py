"""The project that a command or a client works for: found by an argument, the environment, or the folders upwards.

The library and the generator import nothing of each other, so both have this module; a test holds the two equal.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "ADI_ANALYTICS_PROJECT"
TABLE: Final = "tool.adi-analytics"
KEYS: Final = ("catalog", "generated", "migrations", "package")
_NAME_IT: Final = f"Give the right to read it, or say which project is meant: --project or {VARIABLE}."


class ProjectError(ValueError):
    """A project can't be used as it is.

    Attributes:
        place: The file or folder that is meant.
        problem: What is wrong with it.
        remedy: How to mend it.
    """

    def __init__(self, place: Path, problem: str, remedy: str) -> None:
        super().__init__(place, problem, remedy)
        self.place = place
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}. {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder with a catalog.

    Attributes:
        root: The folder.
        why: Why this one was taken, for people.
        catalog: The main file of the catalog.
        generated: The folder of the generated files.
        migrations: The folder of the migrations.
        package: The import name of the generated package; ``None`` where the project does not say it.
    """

    root: Path
    why: str
    catalog: Path
    generated: Path
    migrations: Path
    package: str | None = None


def find_project(given: str | os.PathLike[str] | None = None, *, start: Path | None = None) -> Project | None:
    """Return the project, or ``None`` when no folder upwards is one.

    A folder is a project when its ``pyproject.toml`` has a table ``[tool.adi-analytics]``, or when it holds an
    ``events.yaml``. The nearest one wins.

    Args:
        given: Its folder; wins over ``ADI_ANALYTICS_PROJECT``, which wins over the search.
        start: Where the search begins. Defaults to the working directory.

    Raises:
        ProjectError: If the folder that is given is no project, or if a ``pyproject.toml`` is wrong or can't be read.
    """
    for folder, why in ((given, "--project"), (os.environ.get(VARIABLE), VARIABLE)):
        if folder:
            root = Path(folder).absolute()
            found = _project_in(root, why)
            if found is None:
                raise ProjectError(
                    root,
                    f"{why} names this folder, but it is no project",
                    f"Expected an events.yaml in it, or a pyproject.toml with [{TABLE}]; `analytics-codegen init` "
                    "makes one.",
                )
            return found
    try:
        here = start or Path.cwd()
    except FileNotFoundError:  # the working directory was deleted
        return None
    return nearest_project(here)


def nearest_project(start: Path) -> Project | None:
    """Return the project in *start* or above it, whatever the environment says; ``None`` when there is none.

    Raises:
        ProjectError: If a ``pyproject.toml`` on the way is wrong or can't be read.
    """
    here = start.absolute()
    return next((found for folder in (here, *here.parents) if (found := _project_in(folder)) is not None), None)


def _project_in(root: Path, why: str = "") -> Project | None:
    file = root / "pyproject.toml"
    try:
        table = _table(file) if file.is_file() else None
        if table is None and not (root / "events.yaml").is_file():
            return None
    except PermissionError as error:
        raise ProjectError(root, "the folder can't be searched", _NAME_IT) from error
    reason = f"[{TABLE}] of {file}" if table is not None else f"events.yaml in {root}"
    table = table or {}
    return Project(
        root=root,
        why=f"{why} ({reason})" if why else reason,
        catalog=root / table.get("catalog", "events.yaml"),
        generated=root / table.get("generated", "generated"),
        migrations=root / table.get("migrations", "migrations"),
        package=table.get("package"),
    )


def _table(file: Path) -> dict[str, str] | None:
    try:
        text = file.read_text(encoding="utf-8-sig")
        if not _may_have_table(text):
            return None
        import tomllib  # takes as long as reading the catalog

        document = tomllib.loads(text)
    except ValueError as error:  # of TOML, or of UTF-8
        raise ProjectError(file, f"it can't be read as TOML: {error}", "Mend it.") from error
    except OSError as error:
        raise ProjectError(file, f"it can't be read: {error.strerror}", _NAME_IT) from error
    tools = document.get("tool")
    table: Any = tools.get("adi-analytics") if isinstance(tools, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ProjectError(file, f"[{TABLE}] is not a table", f"Write it as `[{TABLE}]` with keys below it.")
    known = ", ".join(KEYS)
    for key, value in table.items():
        if key not in KEYS:
            raise ProjectError(file, f"[{TABLE}] has the unknown key {key!r}", f"The keys are {known}.")
        if not isinstance(value, str) or not value:
            raise ProjectError(
                file, f"{key} in [{TABLE}] is {value!r}", "Expected a text: a path from that folder, or a package name."
            )
    return table


def _may_have_table(text: str) -> bool:
    """Return whether a header or a key of *text* holds the name of the table: dependencies alone do not count."""
    name = TABLE.partition(".")[2]
    lines = (line.strip() for line in text.splitlines() if name in line)
    return any(line.startswith("[") or ("=" in line and name in line.partition("=")[0]) for line in lines)
