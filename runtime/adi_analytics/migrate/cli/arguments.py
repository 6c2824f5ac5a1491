"""The command line of ``analytics-migrate``: its commands, their options and their help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from adi_analytics.migrate.cli.values import amount, days, field, moment, seconds, timeout, whole_number
from adi_analytics.migrate.errors import EXIT_USAGE
from adi_analytics.migrate.options import EVERY_BACKEND

_DESCRIPTION: Final = "Brings a database to the state that the event catalog describes, and proves that it is there."

_EPILOG: Final = """\
examples:
  analytics-migrate status                          what is applied, what is pending
  analytics-migrate pre                             before the new code is deployed
  analytics-migrate post                            after it runs everywhere
  analytics-migrate all --database-url postgresql://user@host/db
  analytics-migrate dry-run | psql "$DATABASE_URL"  the same, by hand
  analytics-migrate new -m "count refunds"          write a migration for an edit of events.yaml
  analytics-migrate drift                           does the live database match the catalog?

The catalog is that of --project or --catalog, else of ADI_ANALYTICS_CATALOG or ADI_ANALYTICS_PROJECT, else of the
nearest folder upwards with [tool.adi-analytics] in its pyproject.toml or with an events.yaml, else the only installed
one. `doctor` says which was taken, and why.

The database is --database-url, else DATABASE_URL, else PLATFORM_DATABASE_URL, else one of the two in ./.env.

exit codes: 0 ok, 1 SQL or connection error, 2 usage, 3 pending, 4 another run holds the lock, 5 history mismatch,
6 drift, 7 catalog changed without a migration, 8 destructive migration refused
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n  -> see `{self.prog} --help`\n")


class _Version(argparse.Action):
    """Prints the version, which is read only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from adi_analytics._shared.version import __version__

        print(f"{parser.prog} {__version__}")
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    root = _Parser(
        prog="analytics-migrate",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    _add_apply(commands)
    _add_inspect(commands)
    _add_write(commands)
    _add_upkeep(commands)
    _add_care(commands)
    _add_people(commands)
    _add_copy(commands)
    _add_completion(commands)
    return root


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"  # noqa: SLF001 - argparse gives it no public name


def _command(commands: _Commands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("-v", "--verbose", action="store_true", help="log what is done")
    command.add_argument(
        "--project", type=Path, metavar="DIR", help="folder of the catalog's project (default: this one, or one above)"
    )
    command.add_argument(
        "--catalog", metavar="PACKAGE", help="the generated package of the catalog (default: the project's)"
    )
    command.add_argument("--migrations", type=Path, metavar="DIR", help="folder of the migrations, for scripts")
    command.add_argument("--manifest", type=Path, metavar="FILE", help="the generated manifest.json, for scripts")
    return command


def _database_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--database-url", metavar="URL", help="where to connect to (default: see --help of the program)"
    )
    command.add_argument(
        "--backend", choices=EVERY_BACKEND, help="set a new database up for this backend (default: detected)"
    )


def _format_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=("table", "json"), default="table", help="what stdout gets")


def _run_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--lock-wait", type=seconds, default=60.0, metavar="SECONDS", help="wait for another run (default: 60)"
    )
    command.add_argument(
        "--lock-timeout", type=timeout, metavar="TIME", help="wait for a table lock (default: the file's, else 5s)"
    )
    command.add_argument(
        "--statement-timeout", type=timeout, metavar="TIME", help="longest statement (default: the file's, else none)"
    )
    command.add_argument(
        "--retries", type=whole_number, default=10, help="tries after a lock timeout or deadlock (default: 10)"
    )
    command.add_argument(
        "--allow-destructive", action="store_true", help="run migrations that destroy data (otherwise exit 8)"
    )


def _grant_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--grant-writer", metavar="ROLE", help="let this role insert events")
    command.add_argument("--grant-reader", metavar="ROLE", help="let this role read the aggregates")


_PHASES: Final = {
    "all": "apply all pending migrations",
    "pre": "apply the pending migrations that come before new code is deployed",
    "post": "apply the pending migrations that come after new code is deployed",
}


def _add_apply(commands: _Commands) -> None:
    for phase, summary in _PHASES.items():
        command = _command(
            commands, phase, summary, f"analytics-migrate {phase} --database-url postgresql://localhost/app"
        )
        _database_options(command)
        _format_option(command)
        _run_options(command)
        command.add_argument("--no-backfill", action="store_true", help="leave new aggregates to `backfill`")
        _grant_options(command)


def _add_inspect(commands: _Commands) -> None:
    status = _command(
        commands, "status", "show what is applied and what is pending", "analytics-migrate status --check --format json"
    )
    _database_options(status)
    _format_option(status)
    status.add_argument("--check", action="store_true", help="exit 3 when something is pending")

    drift = _command(
        commands, "drift", "compare the live database with the catalog", "analytics-migrate drift --format json"
    )
    _database_options(drift)
    _format_option(drift)
    drift.add_argument(
        "--recount", action="store_true", help="also compute stored buckets again and compare: reads the events"
    )
    drift.add_argument("--since", type=moment, metavar="TIME", help="--recount: start (default: the oldest event)")
    drift.add_argument("--until", type=moment, metavar="TIME", help="--recount: end (default: now)")

    dry_run = _command(
        commands, "dry-run", "print the SQL that would run", 'analytics-migrate dry-run pre | psql "$DATABASE_URL"'
    )
    dry_run.add_argument("phase", nargs="?", choices=tuple(_PHASES), default="all", help="which phase (default: all)")
    _database_options(dry_run)
    _run_options(dry_run)
    _grant_options(dry_run)
    dry_run.add_argument(
        "--format", choices=("sql", "table", "json"), default="sql", help="what stdout gets (default: sql, for psql)"
    )
    dry_run.add_argument("--offline", action="store_true", help="for an empty database of --backend; connects to none")
    dry_run.add_argument("--schema", default="public", help="with --offline: schema of the tables (default: public)")


def _add_write(commands: _Commands) -> None:
    new = _command(
        commands,
        "new",
        "write the migrations for an edit of the catalog",
        'analytics-migrate new -m "count refunds"',
    )
    _format_option(new)
    new.add_argument("-m", "--message", help="words for the names of the directories (default: what changes)")
    new.add_argument(
        "--drop-retired", action="store_true", help="also drop the versions that earlier migrations replaced"
    )

    new.add_argument("--lock", action="store_true", help="only lock files written by hand")

    check = _command(
        commands, "check", "find a forgotten or damaged migration, without a database", "analytics-migrate check"
    )
    _format_option(check)


def _add_upkeep(commands: _Commands) -> None:
    refresh = _command(
        commands, "refresh", "compute aggregates again from the raw events",
        "analytics-migrate refresh --since 2026-11-01",
    )  # fmt: skip
    _database_options(refresh)
    _format_option(refresh)
    refresh.add_argument("aggregate", nargs="*", help="names of public views (default: all)")
    refresh.add_argument("--since", type=moment, metavar="TIME", help="start of the range (default: the oldest event)")
    refresh.add_argument("--until", type=moment, metavar="TIME", help="end of the range (default: now)")
    refresh.add_argument("--rebuild", action="store_true", help="compute also what looks up to date: a repair")

    backfill = _command(
        commands, "backfill", "fill new aggregates; resumes where it stopped", "analytics-migrate backfill"
    )
    _database_options(backfill)
    _format_option(backfill)

    maintain = _command(
        commands, "maintain", "do the housekeeping that is due", "analytics-migrate maintain --loop --every 60"
    )
    _database_options(maintain)
    _format_option(maintain)
    maintain.add_argument("--loop", action="store_true", help="again and again, until interrupted")
    maintain.add_argument("--every", type=seconds, default=60.0, metavar="SECONDS", help="with --loop (default: 60)")
    maintain.add_argument("--force", action="store_true", help="refresh aggregates that are not due yet, too")
    maintain.add_argument(
        "--install-pg-cron", metavar="SCHEDULE", nargs="?", const="* * * * *",
        help="let pg_cron do it (default: each minute); the extension must be in this database",
    )  # fmt: skip


def _add_care(commands: _Commands) -> None:
    baseline = _command(
        commands, "baseline", "adopt a database that was set up by other means", "analytics-migrate baseline --adopt"
    )
    _database_options(baseline)
    _format_option(baseline)
    baseline.add_argument("--through", type=int, metavar="NUMBER", help="last migration to record (default: all)")
    baseline.add_argument("--unchecked", action="store_true", help="record without comparing the objects")
    baseline.add_argument(
        "--adopt", action="store_true", help="a database of the predecessor: migrate it and keep its rows"
    )

    doctor = _command(commands, "doctor", "explain what is wrong and how to repair it", "analytics-migrate doctor")
    _database_options(doctor)
    _format_option(doctor)

    audit = _command(
        commands, "audit", "show each event: when it was last seen, how often, and what the catalog does not say of it",
        "analytics-migrate audit --days 7",
    )  # fmt: skip
    _database_options(audit)
    _format_option(audit)
    audit.add_argument("--days", type=days, default=1, help="how far back rows are counted and compared (default: 1)")
    audit.add_argument("--sample", type=whole_number, default=200, help="rows of each event to compare (default: 200)")

    _add_plan(commands)

    letters = _command(
        commands,
        "dead-letters",
        "list events that could not be stored, try them again, or import them from a file",
        "analytics-migrate dead-letters replay",
    )
    _database_options(letters)
    _format_option(letters)
    letters.add_argument(
        "action", nargs="?", choices=("list", "replay", "import"), default="list", help="(default: list)"
    )
    letters.add_argument(
        "file", nargs="?", type=Path, metavar="FILE",
        help="import: the file to empty (default: where a worker with this environment writes)",
    )  # fmt: skip
    letters.add_argument("--limit", type=whole_number, default=20, help="how many to list (default: 20)")
    letters.add_argument("--id", type=int, action="append", metavar="ID", help="replay this one (default: all)")
    letters.add_argument("--repair", action="store_true", help="replay: replace characters that cannot be stored")
    letters.add_argument("--force", action="store_true", help="replay: also what breaks the catalog's present rules")
    letters.add_argument(
        "--payload", action="store_true", help="list: also what they hold, without values of secret fields"
    )
    letters.add_argument("--replayed", action="store_true", help="list those that were stored later, too")


def _add_plan(commands: _Commands) -> None:
    plan = _command(
        commands, "plan", "say what a number of events a day needs: processors, disk and a backend",
        "analytics-migrate plan --events-per-day 1e9",
    )  # fmt: skip
    _format_option(plan)
    plan.add_argument("--events-per-day", type=amount, required=True, metavar="N", help="such as 50000 or 1e9")
    plan.add_argument("--peak", type=amount, default=3.0, help="the busiest second to the average one (default: 3)")
    plan.add_argument("--days", type=days, help="how long events are kept (default: the catalog's retention, or 365)")
    plan.add_argument("--cores", type=amount, default=8.0, help="processors of one server (default: 8)")
    plan.add_argument("--disk-gb", type=amount, default=2000.0, help="its disk for the database (default: 2000)")


def _add_people(commands: _Commands) -> None:
    export = _command(
        commands, "export-user", "print all that is stored of a user, as JSON lines",
        "analytics-migrate export-user 0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01 > user.jsonl",
    )  # fmt: skip
    erase = _command(
        commands, "erase-user", "erase all that is stored of a user",
        "analytics-migrate erase-user 0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01 --field email=ada@example.org --dry-run",
    )  # fmt: skip
    for command in (export, erase):
        _database_options(command)
        command.add_argument("id", metavar="ID", help="the user's id, as the events have it; - reads it from stdin")
        command.add_argument(
            "--field", type=field, action="append", default=[], metavar="NAME=VALUE",
            help="also events whose field has this value, plain or hashed",
        )  # fmt: skip
    _format_option(erase)
    erase.add_argument("--dry-run", action="store_true", help="count only, change nothing")


def _add_copy(commands: _Commands) -> None:
    copy = _command(
        commands, "copy", "copy the events that are missing from PostgreSQL to ClickHouse, or back, and compare both",
        "analytics-migrate copy --from postgresql://localhost/app --to clickhouse://ada@db:8123/app",
    )  # fmt: skip
    _format_option(copy)
    copy.add_argument("--from", dest="source", metavar="URL", required=True, help="the database that has the events")
    copy.add_argument("--to", dest="target", metavar="URL", required=True, help="the one that is to have them")
    copy.add_argument("--since", type=moment, metavar="TIME", help="start of the time (default: the oldest event)")
    copy.add_argument("--until", type=moment, metavar="TIME", help="end of the time (default: the newest event)")
    copy.add_argument("--verify-only", action="store_true", help="compare and copy nothing; exit 6 when the two differ")
    copy.add_argument(
        "--compare-documents", action="store_true", help="also read and compare the documents of all events"
    )


def _add_completion(commands: _Commands) -> None:
    completion = commands.add_parser(
        "completion",
        help="print what a shell needs to complete this program's commands and options",
        description="print what a shell needs to complete this program's commands and options",
        epilog='examples:\n  eval "$(analytics-migrate completion bash)"      in ~/.bashrc; the same for zsh\n'
        "  analytics-migrate completion fish | source       in ~/.config/fish/config.fish",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
