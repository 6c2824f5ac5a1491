"""Migration files on disk: names, header comments, steps, checksums and ``migrations.lock``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adi_analytics.migrate.errors import HistoryError, MigrationChecksumError, UsageError
from adi_analytics.migrate.options import Phase

COMMON: Final = "common"
LOCK_NAME: Final = "migrations.lock"
SNAPSHOT_NAME: Final = "catalog.snapshot.json"
CLICKHOUSE: Final = "clickhouse"
"""The folder of the migrations for ClickHouse, beside the others."""

_DIRECTORY: Final = re.compile(r"(?P<number>\d{4})_(?P<phase>pre|post)_(?P<slug>[a-z0-9_]+)")
_HEADER: Final = re.compile(r"--\s*(?P<key>[a-z-]+):\s*(?P<value>.*)")
_STEP: Final = re.compile(r"--\s*step:\s*(?P<name>\S.*)")
_SWITCH: Final = {"on": True, "off": False, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a file that runs outside a transaction, and the name under which it is recorded."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Header:
    """What the leading comments of a file say.

    Attributes:
        transaction: Whether the file runs in one transaction; otherwise step by step.
        lock_timeout: Longest wait for a table lock, for example ``5s``; ``None`` for the runner's default.
        statement_timeout: Longest run of a statement; ``None`` for the runner's default.
        destructive: Whether data is lost that cannot be computed again.
        catalog: Hash of the catalog that the file belongs to.
        backfill: Relations that must be filled before the file runs.
        why: What it does, in words.
    """

    transaction: bool = True
    lock_timeout: str | None = None
    statement_timeout: str | None = None
    destructive: bool = False
    catalog: str = ""
    backfill: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One migration as it runs on one backend.

    Attributes:
        number: Its place in the order, from 1.
        phase: ``pre`` before the new code is deployed, ``post`` after it.
        slug: The words of the directory's name.
        variant: The backend that the file is for, or ``common``.
        text: The normalised text: LF, no BOM, no trailing space.
        checksum: SHA-256 of ``text``, in hexadecimal.
        steps: The statements of a file with ``transaction: off``; empty otherwise.
    """

    number: int
    phase: Phase
    slug: str
    variant: str
    path: Path
    text: str
    checksum: str
    header: Header
    steps: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        """The name of the directory, for example ``0001_pre_create_analytics_events``."""
        return f"{self.number:04d}_{self.phase}_{self.slug}"

    @property
    def label(self) -> str:
        """The place to name in messages: directory and file."""
        return f"{self.name}/{self.path.name}"


def normalise(raw: bytes) -> str:
    """Return the text that the checksum is taken of, so that editors and git settings cannot change it."""
    text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n") + "\n"


def checksum(text: str) -> str:
    """Return the SHA-256 of a normalised text."""
    return hashlib.sha256(text.encode()).hexdigest()


def load_migrations(directory: Path, backend: str, *, locked: bool = True) -> list[MigrationFile]:
    """Read the migrations of *backend*, in order.

    Args:
        directory: The folder of the migrations.
        backend: Which files to read.
        locked: Whether to compare them with ``migrations.lock``. Defaults to true.

    Raises:
        UsageError: If *directory* is not there.
        HistoryError: If a name, a header or a number is wrong.
        MigrationChecksumError: If a file differs from its line in the lock.
    """
    found = [_read(path, backend) for path in _directories(directory)]
    for position, file in enumerate(found, start=1):
        if file.number != position:
            problem = (
                f"{directory}: migration {position:04d} is missing before {file.name} (numbers have no gaps or twins)"
            )
            remedy = "Restore the missing directory from git, or renumber the new one."
            raise HistoryError(problem, remedy, path=directory, number=position)
    if locked:
        _compare_with_lock(directory, found)
    return found


def require_folder(directory: Path) -> None:
    """Make sure that the folder of the migrations is there.

    Raises:
        UsageError: If not.
    """
    if not directory.is_dir():
        raise UsageError(
            f"the migrations folder {directory} does not exist",
            "Name the right one with --project or --migrations, or write the first migration with "
            "`analytics-migrate new`.",
            setting="migrations",
            value=directory,
        )


def _directories(directory: Path) -> list[Path]:
    require_folder(directory)
    others = (entry for entry in directory.iterdir() if entry.is_dir() and entry.name != CLICKHOUSE)
    entries = sorted(entry for entry in others if not entry.name.startswith((".", "_")))
    for entry in entries:
        if not _DIRECTORY.fullmatch(entry.name):
            raise HistoryError(
                f"{entry}: not the name of a migration; expected NNNN_pre_words or NNNN_post_words in a-z, 0-9 and _",
                "Rename or remove the directory; `analytics-migrate new` makes right names. If the folder is another "
                "tool's, such as Alembic's, give ours another place: migrations = \"analytics/migrations\" under "
                "[tool.adi-analytics] in pyproject.toml.",
                path=entry,
            )
    return entries


def _read(directory: Path, backend: str) -> MigrationFile:
    match = _DIRECTORY.fullmatch(directory.name)
    if match is None:  # checked by _directories
        raise HistoryError(f"{directory}: not the name of a migration", path=directory)
    variants = [name for name in (backend, COMMON) if (directory / f"{name}.sql").is_file()]
    if len(variants) != 1:
        have = ", ".join(sorted(path.name for path in directory.iterdir())) or "nothing"
        raise HistoryError(
            f"{directory}: expected either {backend}.sql or common.sql, found {have}",
            "Restore the directory from git.",
            path=directory,
            number=int(match["number"]),
        )
    path = directory / f"{variants[0]}.sql"
    text = _text(path)
    header = _header(path, text, match["phase"])
    return MigrationFile(
        number=int(match["number"]),
        phase="pre" if match["phase"] == "pre" else "post",
        slug=match["slug"],
        variant=variants[0],
        path=path,
        text=text,
        checksum=checksum(text),
        header=header,
        steps=() if header.transaction else _steps(path, text),
    )


def _text(path: Path) -> str:
    try:
        return normalise(path.read_bytes())
    except UnicodeDecodeError as error:
        problem = f"{path}: not UTF-8 (byte {error.start})"
        raise HistoryError(problem, "Restore the file from git.", path=path) from error


def _header(path: Path, text: str, phase: str) -> Header:
    values: dict[str, str] = {}
    why: list[str] = []
    for line in text.split("\n"):
        if not line.startswith("--"):
            break
        if match := _HEADER.fullmatch(line):
            values.setdefault(match["key"], match["value"].strip())
            why += [match["value"].strip()] if match["key"] == "why" else []
    if values.get("phase") != phase:
        raise HistoryError(
            f"{path}:1: the header says phase {values.get('phase')!r}, the directory's name says {phase!r}",
            f"Put `-- phase: {phase}` into the leading comments.",
            path=path,
        )
    return Header(
        transaction=_switch(path, values, "transaction", default=True),
        lock_timeout=values.get("lock-timeout"),
        statement_timeout=values.get("statement-timeout"),
        destructive=_switch(path, values, "destructive", default=False),
        catalog=values.get("catalog", ""),
        backfill=tuple(values.get("backfill", "").replace(",", " ").split()),
        why=tuple(why),
    )


def _switch(path: Path, values: Mapping[str, str], key: str, *, default: bool) -> bool:
    value = values.get(key)
    if value is None:
        return default
    if value not in _SWITCH:
        problem = f"{path}: `-- {key}: {value}` is neither on/off nor yes/no"
        raise HistoryError(problem, "Correct the header comment.", path=path)
    return _SWITCH[value]


def _steps(path: Path, text: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    name, lines = "", list[str]()
    for line in [*text.split("\n"), "-- step: end"]:
        if match := _STEP.fullmatch(line):
            if name:
                steps.append(Step(name, "\n".join(lines).strip()))
            name, lines = match["name"], []
        else:
            lines.append(line)
    names = [step.name for step in steps]
    if not steps or len(set(names)) != len(names):
        raise HistoryError(
            f"{path}: a file with `transaction: off` needs `-- step: name` lines, each with a name of its own",
            "Cut the file at such lines, one statement each.",
            path=path,
        )
    return tuple(steps)


def read_lock(directory: Path) -> dict[tuple[int, str, str], str]:
    """Return what ``migrations.lock`` says: (number, phase, variant) -> checksum."""
    path = directory / LOCK_NAME
    if not path.is_file():
        return {}
    locked: dict[tuple[int, str, str], str] = {}
    for line_number, line in enumerate(normalise(path.read_bytes()).splitlines(), start=1):
        parts = line.split()
        if not parts or line.startswith("#"):
            continue
        if len(parts) != 4 or not parts[0].isdigit():  # noqa: PLR2004 - number phase backend sha256
            raise HistoryError(
                f"{path}:{line_number}: expected `number phase backend sha256`, found {line!r}",
                "Restore the file from git; it is append-only.",
                path=path,
            )
        locked[int(parts[0]), parts[1], parts[2]] = parts[3]
    return locked


def lock_line(file: MigrationFile) -> str:
    """Return the line of ``migrations.lock`` for *file*."""
    return f"{file.number:04d} {file.phase} {file.variant} {file.checksum}"


def _compare_with_lock(directory: Path, files: Iterable[MigrationFile]) -> None:
    locked = read_lock(directory)
    for file in files:
        expected = locked.get((file.number, file.phase, file.variant))
        if expected != file.checksum:
            raise MigrationChecksumError(
                path=file.path,
                number=file.number,
                file=file.label,
                actual=file.checksum,
                expected=expected,
                lock=directory / LOCK_NAME,
            )
    last = max((file.number for file in files), default=0)
    for number, phase, variant in locked:
        if number > last:
            raise HistoryError(
                f"{directory / LOCK_NAME} lists {number:04d} {phase} {variant}, but its directory is missing",
                "Restore the directory from git.",
                path=directory / LOCK_NAME,
                number=number,
            )
