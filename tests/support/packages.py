"""Wheels, and environments that have nothing but them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.paths import ROOT


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
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = str(venv / "bin" / "python")
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    command = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    constraints = ["-c", str(ROOT / ".ci" / "constraints.txt")]
    done = subprocess.run(
        [*command, "-q", f"{wheel}{extras}", *more, *constraints], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (site_packages,) = venv.glob("lib/python3*/site-packages")
    (folder / "elsewhere").mkdir()
    return Installed(venv / "bin", site_packages, folder / "elsewhere")
