"""Runs Node.js, the TypeScript compiler and Ajv, and finds axe; npm installs them when they are missing."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from support.paths import TESTS

FOLDER = TESTS / "support" / "typescript"


def compile_typescript(*files: Path, into: Path | None = None, options: Iterable[str] = ()) -> str:
    """Check *files* as strictly as the compiler can, and return what it has against them.

    It writes JavaScript *into* a folder, if there is one. Skips the test where Node.js is missing.
    """
    node = _node()
    strict = ["--strict", "--noUnusedLocals", "--exactOptionalPropertyTypes", "--target", "es2022", *options]
    output = ["--noEmit"] if into is None else ["--outDir", into]
    tsc = FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([node, tsc, *strict, *output, *files], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def run_node(code: str, *arguments: Path | str) -> str:
    """Run JavaScript that may use the packages of tests/support/typescript, and return what it prints.

    Skips the test where Node.js is missing.
    """
    with started_node(code, *arguments) as process:
        printed, said = process.communicate()
    assert (process.returncode, said) == (0, ""), said
    return printed


def started_node(code: str, *arguments: Path | str) -> subprocess.Popen[str]:
    """Start JavaScript as `run_node` does; use it in a ``with`` statement."""
    environment = {**os.environ, "NODE_PATH": str(FOLDER / "node_modules")}
    command: list[str | Path] = [_node(), "-e", code, *arguments]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def npm_file(path: str) -> Path:
    """Return a file of the packages of tests/support/typescript.

    Skips the test where Node.js is missing.
    """
    _node()
    return FOLDER / "node_modules" / path


def _node() -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("this test needs Node.js and npm, which are not installed")
    _install(npm)
    return node


def _install(npm: str) -> None:
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        # npm writes this file last.
        written = FOLDER / "node_modules" / ".package-lock.json"
        if not written.is_file() or written.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"`{' '.join(command)}` failed in {FOLDER}:\n{done.stderr}"
