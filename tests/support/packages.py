"""Wheels, and environments that have nothing but them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel, and an empty folder to work in."""

    bin: Path
    site_packages: Path
    folder: Path

    def run(self, program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        # Without the variables of this checkout's environment, which would lead back into it.
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        command = [str(self.bin / program), *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=kept | environment, capture_output=True, text=True, check=False, timeout=300
        )

    def python(self, code: str, **environment: str) -> str:
        done = self.run("python", "-c", code, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout


def build(source, target):
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = target.glob("*.whl")
    (sdist,) = target.glob("*.tar.gz")
    return wheel, sdist


def install(wheel, extras, folder, *more):
    """Install the wheel in an environment of its own, outside of the checkout; its dependencies come from the index."""
    venv = folder / "venv"
    uv = _uv()
    subprocess.run(
        [uv, "venv", "-q", "-p", sys.executable, str(venv)] if uv else [sys.executable, "-m", "venv", str(venv)],
        check=True,
    )
    (site_packages,) = venv.glob("lib/python3*/site-packages")
    (folder / "elsewhere").mkdir()
    made = Installed(venv / "bin", site_packages, folder / "elsewhere")
    add(made, f"{wheel}{extras}", *more, "-c", str(ROOT / ".ci" / "constraints.txt"))
    return made


def add(made, *arguments):
    """Install something more with these arguments of pip."""
    python = str(made.bin / "python")
    command = [uv, "pip", "install", "--python", python] if (uv := _uv()) else [python, "-m", "pip", "install"]
    # As in noxfile.py: behind a company's proxy only the system's certificates are right.
    environment = {"UV_SYSTEM_CERTS": "1"} | os.environ
    done = subprocess.run([*command, "-q", *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _uv():
    """Return uv, which is quicker, or where it is missing nothing: pip does the same."""
    return shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


@contextlib.contextmanager
def forgotten(package: str) -> Iterator[None]:
    """Forget a generated *package* before the block and after it: a program with one imported catalog has that one."""
    _forget(package)
    try:
        yield
    finally:
        _forget(package)


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
