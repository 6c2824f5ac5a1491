"""Runs the TypeScript compiler, installed from the npm registry when it is missing."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

from support.paths import TESTS

FOLDER = TESTS / "support" / "typescript"


def compile_typescript(*files: Path) -> str:
    """Check *files* as strictly as the compiler can, and return what it has against them.

    Skips the test where Node.js is missing.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the TypeScript check needs Node.js and npm, which are not installed")
    _install(npm)
    options = ["--strict", "--noEmit", "--noUnusedLocals", "--exactOptionalPropertyTypes", "--target", "es2022"]
    tsc = FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([node, tsc, *options, *files], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _install(npm: str) -> None:
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        # npm writes this file last.
        if not (FOLDER / "node_modules" / ".package-lock.json").is_file():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"`{' '.join(command)}` failed in {FOLDER}:\n{done.stderr}"
