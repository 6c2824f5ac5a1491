"""``analytics-migrate``: parses the command line, calls the library, prints, and picks the exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

import msgspec
import psycopg
from rich.console import Console

from adi_analytics.errors import AnalyticsError
from adi_analytics.migrate.cli import arguments as cli_arguments
from adi_analytics.migrate.cli import commands as cli_commands
from adi_analytics.migrate.errors import EXIT_ERROR, EXIT_USAGE, MigrateError
from adi_analytics.migrate.server.connection import library_version

_INTERRUPTED: Final = 130
_LACKS_RIGHT: Final = (
    "The role of this connection lacks the right: connect as the role that ran the migrations, which owns the objects. "
    "As that role, `analytics-migrate all --grant-writer ROLE` or `--grant-reader ROLE` gives rights to others."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``analytics-migrate`` with *argv* and return its exit code. No traceback reaches the user."""
    parser = cli_arguments.parser(library_version())
    if sys.stderr is None:  # closed by the caller, as with `2>&-`
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - lives as long as the process
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as leaving:  # argparse has printed help or what is wrong
        return leaving.code if isinstance(leaving.code, int) else EXIT_USAGE
    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING, format="%(message)s")
    return _run(arguments, Console(stderr=True, highlight=False))


def _run(arguments: argparse.Namespace, errors: Console) -> int:
    try:
        output = cli_commands.run(arguments, errors)
    except KeyboardInterrupt:
        errors.print("interrupted; what was done is recorded, run the same command again to go on", markup=False)
        return _INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except (AnalyticsError, psycopg.Error, OSError) as error:
        return _tell(error, errors)
    try:
        return _print(output, arguments)
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:
        return _unshown(error.strerror or str(error), errors)


def _print(output: cli_commands.Output, arguments: argparse.Namespace) -> int:
    if sys.stdout is None:  # as with `>&-`
        raise OSError(errno.EBADF, "it is closed")
    if getattr(arguments, "format", "table") == "json":
        print(msgspec.json.format(msgspec.json.encode(output.data), indent=2).decode())
    elif isinstance(output.shown, str):
        print(output.shown, end="" if output.shown.endswith("\n") else "\n")
    else:
        console = Console(highlight=False)
        for part in output.shown:
            console.print(part, soft_wrap=isinstance(part, str), markup=False)
    sys.stdout.flush()
    return output.exit_code


def _unshown(reason: str, errors: Console) -> int:
    _drop_stdout()
    errors.print(
        f"analytics-migrate: cannot write to standard output: {reason}\n  -> The command itself was carried out.",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    return EXIT_ERROR


def _tell(error: Exception, errors: Console) -> int:
    if isinstance(error, AnalyticsError):
        errors.print(f"analytics-migrate: {error}", markup=False, soft_wrap=True)
        return error.exit_code if isinstance(error, MigrateError) else EXIT_ERROR
    if isinstance(error, psycopg.Error):
        state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        remedy = f"\n  -> {_LACKS_RIGHT}" if isinstance(error, psycopg.errors.InsufficientPrivilege) else ""
        told = f"analytics-migrate: {' '.join(str(error).split())}{state}{remedy}"
        errors.print(told, markup=False, soft_wrap=True)
        return EXIT_ERROR
    errors.print(f"analytics-migrate: {error}", markup=False, soft_wrap=True)
    return EXIT_ERROR


def _closed_pipe() -> int:
    """Leave quietly when the reader of our output has gone, as in ``analytics-migrate dry-run | head``."""
    _drop_stdout()
    return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else EXIT_ERROR


def _drop_stdout() -> None:
    """Send what is still buffered nowhere, or the interpreter fails on it when it leaves."""
    with contextlib.suppress(OSError):
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
