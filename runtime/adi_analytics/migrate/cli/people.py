"""The commands about one person: what is stored, and its end."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from adi_analytics.migrate.anywhere import erase_user, export_user
from adi_analytics.migrate.cli.output import Output, Table
from adi_analytics.migrate.errors import EXIT_ERROR, EXIT_OK
from adi_analytics.migrate.options import Options


def _identity(arguments: argparse.Namespace) -> str:
    """Return the id; from standard input it is seen neither in the list of processes nor in the shell's history."""
    given: str = arguments.id
    return sys.stdin.readline().rstrip("\r\n") if given == "-" else given


def _export_user(arguments: argparse.Namespace, options: Options) -> Output:
    def write(record: dict[str, Any]) -> None:
        print(json.dumps(record, default=str, ensure_ascii=False))

    result = export_user(_identity(arguments), write, options, fields=dict(arguments.field))
    for note in result.notes:
        options.progress.step(f"note: {note}")
    total = sum(result.records.values())
    options.progress.step(
        f"{total} records: " + (", ".join(f"{count} {kind}" for kind, count in result.records.items()) or "none")
    )
    return Output(None, [])


def _erase_user(arguments: argparse.Namespace, options: Options) -> Output:
    fields = dict(arguments.field)
    result = erase_user(_identity(arguments), options, fields=fields, dry_run=arguments.dry_run)
    rows = [("events", result.events), ("dead letters", result.dead_letters)]
    rows += [*result.aggregates.items(), *((f"texts in {name}", count) for name, count in result.texts.items())]
    rows += [("spooled rows", result.spooled), ("dead letters in the file", result.dead_letter_file)]
    table = Table(("of", "would be erased" if result.dry_run else "erased"), [(of, str(count)) for of, count in rows])
    shown: list[str | Table] = [table]
    shown += [f"held by a running process: {path}; run again when it has delivered" for path in result.busy]
    shown += [f"note: {note}" for note in result.notes]
    return Output(
        {**asdict(result), "busy": [str(path) for path in result.busy]}, shown, EXIT_ERROR if result.busy else EXIT_OK
    )


COMMANDS: Final[dict[str, Callable[[argparse.Namespace, Options], Output]]] = {
    "export-user": _export_user,
    "erase-user": _erase_user,
}
