"""Starts the TimescaleDB WASM server of ``timescale_wasm/`` under Node.js."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import IO, Any, Final

_FOLDER: Final = Path(__file__).parent / "timescale_wasm"
_NODE: Final = 20  # oldest major version that works
_START_TIMEOUT: Final = 120.0  # seconds; usually 3


class WasmUnavailableError(Exception):
    """The server cannot run here; the message says why, and what to do about it."""


class WasmServer:
    """A running server; its one database goes back to a snapshot on demand.

    Attributes:
        dsn: The URL of the database as superuser.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.dsn = f"postgresql://postgres@127.0.0.1:{self._answer()['port']}/postgres?sslmode=disable"

    def open(self, snapshot: str) -> None:
        """Replace the database by a snapshot: ``empty``, or one that `save` made. Cuts all connections."""
        self._command("open", snapshot=snapshot)

    def save(self, snapshot: str) -> None:
        """Remember the present state of the database. Cuts all connections."""
        self._command("save", snapshot=snapshot)

    def has(self, snapshot: str) -> bool:
        """Tell whether the snapshot exists."""
        return bool(self._command("has", snapshot=snapshot)["has"])

    def set_patience(self, seconds: float) -> None:
        """Let a connection wait this long while another is in a transaction, before it gets an error; 60 at first."""
        self._command("patience", seconds=seconds)

    def close(self) -> None:
        """Stop the server."""
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _command(self, action: str, **arguments: object) -> dict[str, Any]:
        pipe = _pipe(self._process.stdin)
        pipe.write(json.dumps({"do": action, **arguments}) + "\n")
        pipe.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        # A server that hangs is killed, so that its end of file ends the wait.
        timer = threading.Timer(_START_TIMEOUT, self._process.kill)
        timer.start()
        try:
            line = _pipe(self._process.stdout).readline()
        finally:
            timer.cancel()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "it ended; see its messages above"}
        if "error" in answer:
            raise AssertionError(f"the TimescaleDB WASM server failed: {answer['error']}")
        return answer


def start_wasm() -> WasmServer:
    """Start the server, and install its npm package first if that is missing.

    Raises:
        WasmUnavailableError: If there is no Node.js, or the package cannot be installed.
    """
    node = _find("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.findall(r"\d+", version)[0]) < _NODE:
        raise WasmUnavailableError(f"{node} is version {version.strip()}; install Node.js {_NODE} or newer")
    _install()
    command = [node, str(_FOLDER / "bridge.mjs")]
    return WasmServer(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))


def _install() -> None:
    """Run ``npm ci`` unless node_modules is there; several test processes may come here at once."""
    with (_FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # npm writes this file last.
        if (_FOLDER / "node_modules" / ".package-lock.json").is_file():
            return
        command = [_find("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=_FOLDER, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise WasmUnavailableError(f"`{' '.join(command)}` failed in {_FOLDER}:\n{done.stderr}")


def _find(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise WasmUnavailableError(f"there is no `{program}`; install Node.js {_NODE} or newer")
    return path


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
