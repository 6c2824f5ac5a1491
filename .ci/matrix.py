"""Run the old and the new library beside the old and the new schema, as a deployment does: `nox -s matrix`.

The old library is a git revision: by default the newest release before HEAD. The new one is this checkout. If both have
the same migrations (or there is no release yet), a copy of the checkout gets an edit of the catalog: an event, a column
and an aggregate more. Each is installed in an environment of its own. Then, in one database:

  before pre    old code writes
  after pre     old code writes, new code writes
  after post    old code writes, new code writes

Every event must arrive and be counted by the aggregates, and `drift` must say what is pending, in the end nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
import yaml
from adi_analytics.embedded import start_server

ROOT: Final = Path(__file__).parents[1]
EVENTS: Final = 500  # of each writer at each step
PENDING: Final = 6  # what `drift` exits with while migrations are pending
UNKNOWN: Final = 5  # what old code's `drift` exits with when it finds migrations of a newer library

WRITE: Final = """
import sys, uuid
from adi_analytics import AnalyticsClient, events
dsn, service, count, extra = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
made = [lambda: events.ProjectDeleted(user_id=uuid.uuid4(), project_id=uuid.uuid4())]
made += [lambda: getattr(events, name)(user_id=uuid.uuid4(), note="x") for name in extra]
with AnalyticsClient.connect(dsn, service=service) as client:
    for number in range(count):
        client.track(made[number % len(made)]())
    left = client.close(timeout=60).pending
stats = client.stats()
sys.exit(0 if stats.delivered == count and not left else f"{stats}")
"""


class MatrixError(Exception):
    """Old and new do not get on."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a program and return what it printed; its failure is ours."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MatrixError(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass
class Library:
    """A version of the library, its sources and its environment."""

    name: str
    source: Path
    venv: Path
    events: tuple[str, ...] = ()
    writes: list[str] = field(default_factory=list)

    def install(self) -> None:
        """Make the environment and install what a deployment has."""
        run("uv", "venv", "--quiet", self.venv)
        constraints = ROOT / ".ci" / "constraints.txt"
        python = self.venv / "bin" / "python"
        run("uv", "pip", "install", "-q", "-p", python, f"{self.source}[binary,cli]", "-c", constraints)

    def migrate(self, dsn: str, *arguments: str, expected: int = 0) -> None:
        """Run this version's analytics-migrate; it must exit with *expected*."""
        command = [str(self.venv / "bin" / "analytics-migrate"), *arguments, "--database-url", dsn]
        done = subprocess.run(command, cwd=self.venv, capture_output=True, text=True, check=False)
        if done.returncode != expected:
            what = f"{self.name}: analytics-migrate {' '.join(arguments)} ended with {done.returncode}"
            raise MatrixError(f"{what}, expected {expected}:\n{done.stdout}{done.stderr}")
        print(f"  {self.name:3} analytics-migrate {' '.join(arguments)}: exit code {expected}, as expected")

    def write(self, dsn: str, step: str, *extra: str) -> None:
        """Deliver events with this version's client and worker."""
        service = f"{self.name} {step}"
        run(self.venv / "bin" / "python", "-c", WRITE, dsn, service, str(EVENTS), *extra, cwd=self.venv)
        self.writes.append(service)
        print(f"  {self.name:3} code delivered {EVENTS} events")


def newest_release() -> str | None:
    """Return the tag of the newest release before HEAD, or None."""
    command = ["git", "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def export(revision: str, target: Path) -> None:
    """Write the files of a revision to *target*."""
    target.mkdir()
    archive = target.with_suffix(".tar")
    run("git", "archive", "--output", archive, revision)
    run("tar", "-xf", archive, "-C", target)


def copy_checkout(target: Path) -> None:
    """Copy what git knows or would add, as it is on the disk."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())


def edit_catalog(source: Path) -> None:
    """Give the catalog of *source* an event, a column and an aggregate more; write code, SQL and migrations for it."""
    path = source / "events.yaml"
    catalog: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    catalog["events"]["matrix_tried"] = {
        "domain": next(iter(catalog["domains"])),
        "description": "The new code wrote this.",
        "include": ["user"],
        "fields": {"note": {"type": "string", "description": "Anything."}},
    }
    aggregates = catalog["aggregates"]
    daily = aggregates["analytics_task_stats_daily"]
    daily["measures"]["tasks"] = {"count": True}
    aggregates["analytics_matrix_daily"] = {
        "description": "Events of the new code, by day.",
        "from": ["matrix_tried"],
        "bucket": {"as": "day", "width": "1 day"},
        "measures": {"tried": {"count": True}},
        "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
    }
    path.write_text(yaml.safe_dump(catalog, sort_keys=False), "utf-8")
    run("analytics-codegen", "generate", "--catalog", path, "--out", source / "generated")
    manifest = source / "generated" / "sql" / "manifest.json"
    run("analytics-migrate", "new", "-m", "matrix", "--migrations", source / "migrations", "--manifest", manifest)


def lock_of(source: Path) -> str:
    """Return what tells one set of migrations from another."""
    return (source / "migrations" / "migrations.lock").read_text("utf-8")


def new_phases(old: Path, new: Path) -> set[str]:
    """Return the phases of the migrations that only *new* has."""
    names = {path.name for path in (new / "migrations").iterdir() if path.is_dir()}
    known = {path.name for path in (old / "migrations").iterdir() if path.is_dir()}
    return {name.split("_")[1] for name in names - known}


def deploy(dsn: str, old: Library, new: Library) -> None:
    """Go through a deployment step by step, both versions writing."""
    phases = new_phases(old.source, new.source)
    print("before pre")
    old.migrate(dsn, "all")
    old.migrate(dsn, "drift")
    old.write(dsn, "before pre")
    new.migrate(dsn, "drift", expected=PENDING)
    print("after pre")
    new.migrate(dsn, "pre")
    new.migrate(dsn, "drift", expected=PENDING if "post" in phases else 0)
    old.write(dsn, "after pre")
    new.write(dsn, "after pre", *new.events)
    print("after post")
    new.migrate(dsn, "post")
    old.write(dsn, "after post")
    new.write(dsn, "after post", *new.events)
    new.migrate(dsn, "drift")
    new.migrate(dsn, "status", "--check")
    old.migrate(dsn, "drift", expected=UNKNOWN)


def check_rows(dsn: str, old: Library, new: Library) -> None:
    """Compare what is stored, and what the aggregates count, with what was written."""
    expected = dict.fromkeys([*old.writes, *new.writes], EVENTS)
    with psycopg.connect(dsn) as connection:
        stored: dict[str, int] = dict(
            connection.execute("select service, count(*) from analytics_events group by 1").fetchall()
        )
        counted = connection.execute("select sum(total_events) from analytics_daily_active_users").fetchone()
        refused = connection.execute("select count(*) from analytics_dead_letters").fetchone()
        tried = connection.execute("select sum(tried) from analytics_matrix_daily").fetchone() if new.events else None
    if stored != expected or refused != (0,):
        raise MatrixError(f"stored {stored}, refused {refused}; expected {expected}")
    if counted != (sum(expected.values()),):
        raise MatrixError(f"the aggregate counts {counted}; expected {sum(expected.values())}")
    if tried is not None and tried != (len(new.writes) * EVENTS // 2,):
        raise MatrixError(f"the new aggregate counts {tried}; expected {len(new.writes) * EVENTS // 2}")
    print(f"all {sum(expected.values())} events are stored and counted")


def prepare(folder: Path, revision: str | None) -> tuple[Library, Library]:
    """Make and install both libraries in *folder*."""
    revision = revision or newest_release() or "HEAD"
    old = Library("old", folder / "old", folder / "old-venv")
    new = Library("new", folder / "new", folder / "new-venv")
    export(revision, old.source)
    copy_checkout(new.source)
    changed = lock_of(old.source) != lock_of(new.source)
    if not changed:
        edit_catalog(new.source)
        new.events = ("MatrixTried",)
    with_edit = "" if changed else ", its catalog with an event, a column and an aggregate more"
    print(f"old: {revision}; new: this checkout{with_edit}")
    old.install()
    new.install()
    return old, new


def main() -> int:
    """Run the matrix; 1 if old and new do not get on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", nargs="?", help="git revision of the old library (default: the newest release)")
    parser.add_argument("--database-url", help="an empty database to use (default: an embedded PostgreSQL)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        try:
            old, new = prepare(Path(name), options.revision)
            if options.database_url:
                deploy(options.database_url, old, new)
                check_rows(options.database_url, old, new)
            else:
                with start_server() as server:
                    deploy(server.dsn, old, new)
                    check_rows(server.dsn, old, new)
        except MatrixError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
