"""The built sdist and wheels, and an environment that has nothing but the wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
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
            command, cwd=self.folder, env=kept | environment, capture_output=True, text=True, check=False, timeout=120
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


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The wheel and the sdist of this checkout."""
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def wheel(built):
    return built[0]


@pytest.fixture(scope="session")
def sdist(built):
    return built[1]


@pytest.fixture(scope="session")
def wheel_from_sdist(sdist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return build(source, tmp_path_factory.mktemp("dist-from-sdist"))[0]


def install(wheel, extras, folder):
    """Install the wheel in an environment of its own, outside of the checkout; its dependencies come from the index."""
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = str(venv / "bin" / "python")
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    command = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    constraints = ["-c", str(ROOT / ".ci" / "constraints.txt")]
    done = subprocess.run(
        [*command, "-q", f"{wheel}{extras}", *constraints], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (site_packages,) = venv.glob("lib/python3*/site-packages")
    (folder / "elsewhere").mkdir()
    return Installed(venv / "bin", site_packages, folder / "elsewhere")


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """What `pip install 'adi-analytics[binary,cli]'` brings: all that a deployment needs."""
    return install(wheel, "[binary,cli]", tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def bare(wheel, tmp_path_factory):
    """What `pip install adi-analytics` brings."""
    return install(wheel, "", tmp_path_factory.mktemp("bare"))
