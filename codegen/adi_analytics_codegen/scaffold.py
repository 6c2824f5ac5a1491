"""A project of one's own: `analytics-codegen init`."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import keyword
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends import BACKENDS, render
from adi_analytics_codegen.backends.text import environment
from adi_analytics_codegen.backends.writer import ForeignFilesError, refuse_foreign, replace_file, write
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.load.source.project import TABLE, VARIABLE, Project, ProjectError, nearest_project
from adi_analytics_codegen.model.text.naming import default_package

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIBRARY: Final = "adi-analytics"
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,32}")
_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FILES: Final = {
    "events.yaml": "events.yaml",
    "pyproject.toml": "pyproject.toml",
    "noxfile.py": "noxfile.py",
    "demo.py": "demo.py",
    "tests/test_events.py": "test_events.py",
    "README.md": "README.md",
    ".gitattributes": "gitattributes",
    ".gitignore": "gitignore",
}
"""Path in the project to template."""
_PIPELINES: Final = {
    "github": (".github/workflows/analytics.yml", "github.yml"),
    "gitlab": (".gitlab-ci.yml", "gitlab.yml"),
}


class ScaffoldError(Exception):
    """The project can't be made. The message says why, and what to do."""


@dataclass(slots=True)
class Made:
    """What was done.

    Attributes:
        folder: The project's folder.
        written: The new files; a folder of generated files is one entry.
        kept: The files that were there already, and stay as they are.
        steps: The commands that come next.
    """

    folder: Path
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a project calls its things.

    Attributes:
        name: The catalog's name.
        package: The import name of the generated package.
        table: The events table.
    """

    name: str
    package: str
    table: str


def make_project(
    folder: Path,
    *,
    name: str | None = None,
    package: str | None = None,
    table: str | None = None,
    pipelines: Iterable[str] = (),
) -> Made:
    """Make a project in *folder*: its files, what is generated from its catalog, and the first migration.

    Nothing is overwritten. A run that was stopped can be run again, and goes on.

    Args:
        folder: The project's folder; it is made if it is not there.
        name: The catalog's name; the folder's by default.
        package: The import name of the generated package; the name and ``_events`` by default.
        table: The events table; the name and ``_events`` by default.
        pipelines: ``github``, ``gitlab``, or both.

    Raises:
        ScaffoldError: If a name can't be one, or if what is in the folder already is in the way.
        OSError: If a file can't be written.
    """
    names = _names(folder, name, package, table)
    made = Made(folder)
    texts = _texts(names, dict(_FILES) | dict(_PIPELINES[one] for one in pipelines))
    _refuse_other_project(folder, texts)
    project = _project(folder, names)
    generated = _generated(project, texts["events.yaml"])
    for path, text in texts.items():
        _write_new(made, path, text)
    if write(project.generated, generated, BACKENDS).written:
        made.written.append(f"{os.path.relpath(project.generated, folder)}/")
    _write_migration(made, project)
    made.steps = [*([f"cd {shlex.quote(str(folder))}"] if folder != Path() else []), "pip install 'nox[uv]'", "nox"]
    return made


def _names(folder: Path, name: str | None, package: str | None, table: str | None) -> Names:
    """Return what the project calls its things, as far as it is not said.

    Raises:
        ScaffoldError: If one of the names can't be one.
    """
    name = _name_of(folder) if name is None else name
    if not _NAME.fullmatch(name):
        raise ScaffoldError(
            f"{name!r} can't be the name of a catalog: expected lower-case letters, digits, hyphens and underscores, a "
            "letter first, at most 33 in all. Give one with --name, such as --name shop."
        )
    names = Names(name=name, package=package or default_package(name), table=table or default_package(name))
    for option, value in (("--package", names.package), ("--table", names.table)):
        if not _IDENTIFIER.fullmatch(value) or keyword.iskeyword(value):
            raise ScaffoldError(
                f"{value!r} can't be used: expected lower-case letters, digits and underscores, a letter first, at "
                f"most 40 in all, and no keyword of Python. Give another with {option}, such as {option} shop_events."
            )
    spec = importlib.util.find_spec(names.package)
    if spec is not None and folder.resolve() not in Path(spec.origin or "").resolve().parents:
        raise ScaffoldError(
            f"the package {names.package} is installed already. Give another name with --name or --package."
        )
    return names


def _name_of(folder: Path) -> str:
    """Return the name of the catalog that is there already, else a name made of the folder's."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        found = re.search(
            r"^catalog: .*\bname: ([a-z0-9_-]+)", (folder / "events.yaml").read_text("utf-8"), re.MULTILINE
        )
        if found:
            return found.group(1)
    called = folder.resolve().name
    return re.sub(r"[ ._-]+", "-", called.lower()).strip("-") if called.isascii() else called


def _refuse_other_project(folder: Path, texts: dict[str, str]) -> None:
    """Refuse a folder that is another project already.

    The tests and the demo are about the events of our own catalog; beside other events they would only fail. The
    build of another Python project would take `generated` and `migrations` for packages of its own.
    """
    catalog, project = folder / "events.yaml", folder / "pyproject.toml"
    if catalog.exists() and _text(catalog) != texts["events.yaml"]:
        raise ScaffoldError(
            f"{catalog} is there already, so this folder is a project. Run `analytics-codegen generate` and "
            "`analytics-migrate new` in it, or make another project in an empty folder and move your events.yaml there."
        )
    if project.exists() and f"[{TABLE}]" not in _text(project):
        inner = folder / "analytics"
        raise ScaffoldError(
            f"{project} is there already, so this folder is a Python project of its own. Make the catalog's project in "
            f"a folder below it: `analytics-codegen init {shlex.quote(str(inner))} --name NAME`. Or add a table "
            f"[{TABLE}] to it, and run this again; then how it is built, and what it depends on, is yours to say."
        )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")


def _texts(names: Names, wanted: dict[str, str]) -> dict[str, str]:
    templates = environment("init")
    installed = metadata.distribution(_LIBRARY)
    known = {
        "name": names.name,
        "prefix": names.name.replace("-", "_"),
        "package": names.package,
        "table": names.table,
        "distribution": names.package.replace("_", "-"),
        "version": installed.version,
        "library": _installed_from(installed),
    }
    return {path: templates.get_template(f"{template}.jinja").render(**known) for path, template in wanted.items()}


def _installed_from(installed: metadata.Distribution) -> str:
    """Return the requirement by which this library was installed, if it was not from an index; else nothing.

    The place is in ``direct_url.json`` (https://packaging.python.org/en/latest/specifications/direct-url/).
    """
    text = installed.read_text("direct_url.json")
    if not text:
        return ""
    origin = json.loads(text)
    url, control = str(origin["url"]), origin.get("vcs_info")
    if control:
        url = f"{control['vcs']}+{url}@{control['commit_id']}"
    return f"{_LIBRARY} @ {url}"


def _project(folder: Path, names: Names) -> Project:
    """Return the project that the folder will be: that of its ``pyproject.toml``, if there is one already."""
    try:
        found = nearest_project(folder) if (folder / "pyproject.toml").exists() else None
    except ProjectError as error:
        raise ScaffoldError(str(error)) from error
    if found is None:
        return Project(
            root=folder,
            why="",
            catalog=folder / "events.yaml",
            generated=folder / "generated",
            migrations=folder / "migrations",
            package=names.package,
        )
    if found.catalog != (folder / "events.yaml").absolute() or found.package not in {None, names.package}:
        raise ScaffoldError(
            f"{folder / 'pyproject.toml'} is there already, and its [{TABLE}] names {found.catalog} and the package "
            f"{found.package}; `init` would make {folder / 'events.yaml'} and {names.package}. Change the table, or "
            "give --package."
        )
    return found


def _generated(project: Project, catalog: str) -> dict[str, str]:
    """Return the generated files.

    Raises:
        ScaffoldError: If files of others are where they go, or where the migrations go.
    """
    loaded = load(project.catalog, lambda _path: catalog.encode())
    assert loaded.catalog is not None, loaded.findings  # noqa: S101 - our own text, which the tests load
    files = render(loaded.catalog)
    try:
        refuse_foreign(project.generated, files, BACKENDS)
    except ForeignFilesError as error:
        raise ScaffoldError(str(error)) from error
    found = project.migrations
    if found.is_dir() and any(found.iterdir()) and not (found / "migrations.lock").is_file():
        raise ScaffoldError(
            f"{found} holds migrations of another tool. Make the project in a folder of its own, such as "
            f"`analytics-codegen init {shlex.quote(str(project.root / 'analytics'))}`."
        )
    return files


def _write_new(made: Made, path: str, text: str) -> None:
    target = made.folder / path
    if target.exists() or target.is_symlink():
        made.kept.append(path)
        return
    replace_file(target, text.encode())
    made.written.append(path)


def _write_migration(made: Made, project: Project) -> None:
    """Let ``analytics-migrate new`` write what the catalog needs; it is a program of its own, which we don't import."""
    command = "from adi_analytics.migrate.cli.main import main; import sys; sys.exit(main(sys.argv[1:]))"
    kept = {name: value for name, value in os.environ.items() if name not in {VARIABLE, "ADI_ANALYTICS_CATALOG"}}
    done = subprocess.run(  # noqa: S603 - our own program; -P: what lies in the working directory is not ours to run
        [sys.executable, "-P", "-c", command, "new", f"--project={made.folder}", "--format", "json"],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.partition("analytics-migrate: ")[2] or done.stderr
        raise ScaffoldError(f"the first migration could not be written: {said.strip()}")
    if json.loads(done.stdout)["written"]:
        made.written.append(f"{os.path.relpath(project.migrations, made.folder)}/")
