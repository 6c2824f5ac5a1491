"""A project of one's own: `analytics-codegen init`."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.load.project import TABLE, VARIABLE, ProjectError, nearest_project
from adi_analytics_codegen.model.naming import default_package

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIBRARY: Final = "adi-analytics"
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,32}")
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
        notes: What must be done by hand, because a file was there.
        steps: The commands that come next.
    """

    folder: Path
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)


def make_project(folder: Path, *, name: str | None = None, pipelines: Iterable[str] = ()) -> Made:
    """Make a project in *folder*: its files, what is generated from its catalog, and the first migration.

    Nothing is overwritten. A run that was stopped can be run again, and goes on.

    Args:
        folder: The project's folder; it is made if it is not there.
        name: The catalog's name; the folder's by default.
        pipelines: ``github``, ``gitlab``, or both.

    Raises:
        ScaffoldError: If the name can't be one, or if what is in the folder already is in the way.
        OSError: If a file can't be written.
    """
    name = _checked(name or _name_of(folder), folder)
    made = Made(folder)
    texts = _texts(name, dict(_FILES) | dict(_PIPELINES[one] for one in pipelines))
    _refuse_other_catalog(folder / "events.yaml", texts["events.yaml"])
    for path, text in texts.items():
        _write_new(made, path, text)
    if "pyproject.toml" in made.kept:
        _note_pyproject(made, texts["pyproject.toml"])
    _generate(made)
    _write_migration(made)
    made.steps = [*([f"cd {folder}"] if folder != Path() else []), "pip install 'nox[uv]'", "nox"]
    return made


def _name_of(folder: Path) -> str:
    """Return a catalog's name made of the folder's."""
    return re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")


def _refuse_other_catalog(file: Path, text: str) -> None:
    """The tests and the demo are about the events of our own text; beside other events they would only fail."""
    if file.exists() and file.read_text(encoding="utf-8", errors="replace") != text:
        raise ScaffoldError(
            f"{file} is there already, so this folder is a project. Run `analytics-codegen generate` and "
            "`analytics-migrate new` in it, or make another project in an empty folder and move your events.yaml there."
        )


def _checked(name: str, folder: Path) -> str:
    if not _NAME.fullmatch(name):
        raise ScaffoldError(
            f"{name!r} can't be the name of a catalog: expected lower-case letters, digits, hyphens and underscores, a "
            "letter first, at most 33 in all. Give one with --name, such as --name shop."
        )
    package = default_package(name)
    spec = importlib.util.find_spec(package)
    if spec is not None and folder.resolve() not in Path(spec.origin or "").resolve().parents:
        raise ScaffoldError(f"the package {package} is installed already. Give another name with --name.")
    return name


def _texts(name: str, wanted: dict[str, str]) -> dict[str, str]:
    from adi_analytics_codegen.backends.text import environment

    templates = environment("init")
    installed = metadata.distribution(_LIBRARY)
    prefix = name.replace("-", "_")
    known = {
        "name": name,
        "prefix": prefix,
        "package": default_package(name),
        "distribution": default_package(name).replace("_", "-"),
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


def _write_new(made: Made, path: str, text: str) -> None:
    target = made.folder / path
    if target.exists() or target.is_symlink():
        made.kept.append(path)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    made.written.append(path)


def _note_pyproject(made: Made, text: str) -> None:
    """Say what the file that was there lacks."""
    present = (made.folder / "pyproject.toml").read_text(encoding="utf-8", errors="replace")
    if f"[{TABLE}]" in present:
        return
    lacking = text[text.index("# A program that has installed") : text.index("[tool.pytest")].strip()
    made.notes.append(f"pyproject.toml was there already. Add to it what you need of this:\n\n{lacking}")


def _generate(made: Made) -> None:
    from adi_analytics_codegen.backends import BACKENDS, render
    from adi_analytics_codegen.backends.writer import ForeignFilesError, write
    from adi_analytics_codegen.check.catalog import load

    try:
        project = nearest_project(made.folder)
    except ProjectError as error:
        raise ScaffoldError(str(error)) from error
    assert project is not None  # noqa: S101 - events.yaml is there by now
    loaded = load(project.catalog)
    if loaded.catalog is None:  # [tool.adi-analytics] of a pyproject.toml that was there names another file
        raise ScaffoldError("\n".join(["the catalog has errors:", *map(str, loaded.findings)]))
    try:
        result = write(project.generated, render(loaded.catalog), BACKENDS)
    except ForeignFilesError as error:
        raise ScaffoldError(str(error)) from error
    if result.written:
        made.written.append(f"{project.generated.relative_to(made.folder.absolute())}/")


def _write_migration(made: Made) -> None:
    """Let ``analytics-migrate new`` write what the catalog needs; it is a program of its own, which we don't import."""
    command = "from adi_analytics.migrate.cli.main import main; import sys; sys.exit(main(sys.argv[1:]))"
    kept = {name: value for name, value in os.environ.items() if name not in {VARIABLE, "ADI_ANALYTICS_CATALOG"}}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", command, "new", "--project", str(made.folder), "--format", "json"],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ScaffoldError(f"the first migration could not be written: {done.stderr.strip()}")
    if json.loads(done.stdout)["written"]:
        made.written.append("migrations/")
