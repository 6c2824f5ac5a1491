"""``analytics-migrate``: parses the command line, calls the library, prints, and picks the exit code.

``--version`` and ``--help`` import nothing but the parser; each command imports what it needs.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.streams import forget
from adi_analytics.errors import AnalyticsError
from adi_analytics.migrate.cli.arguments import make_parser
from adi_analytics.migrate.errors import EXIT_ERROR, EXIT_USAGE, MigrateError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from adi_analytics.migrate.cli.output import Output

_INTERRUPTED: Final = 130
_LACKS_RIGHT: Final = (
    "The role of this connection lacks the right: connect as the role that ran the migrations, which owns the objects. "
    "As that role, `analytics-migrate all --grant-writer ROLE` or `--grant-reader ROLE` gives rights to others."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``analytics-migrate`` with *argv* and return its exit code. No traceback reaches the user."""
    if sys.stderr is None:  # closed by the caller, as with `2>&-`
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - lives as long as the process
    parser = make_parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks how the command line may go on
        from adi_analytics.migrate.cli.completion import answer

        return answer(parser)
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as leaving:  # argparse has printed help or what is wrong
        return leaving.code if isinstance(leaving.code, int) else EXIT_USAGE
    return _completion(arguments) if arguments.command == "completion" else _run(arguments)


def _completion(arguments: argparse.Namespace) -> int:
    """Print the shell's code. It runs whenever a shell starts, so nothing but the parser is imported."""
    from adi_analytics.migrate.cli.completion import shell_code
    from adi_analytics.migrate.cli.output import Output

    try:
        code = shell_code(arguments.shell)
    except MigrateError as error:
        _complain(str(error))
        return error.exit_code
    return _print(Output(code, code), arguments)


def _run(arguments: argparse.Namespace) -> int:
    from adi_analytics.migrate.cli.extras import missing_extras

    if missing := missing_extras():
        return _complain(missing)
    import logging

    import psycopg

    from adi_analytics.migrate.cli.commands import run

    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING, format="%(message)s")
    try:
        output = run(arguments)
    except KeyboardInterrupt:
        _say("interrupted; what was done is recorded, run the same command again to continue")
        return _INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except psycopg.Error as error:
        return _complain(_server_error(error))
    except (AnalyticsError, OSError) as error:
        _complain(str(error))
        return error.exit_code if isinstance(error, MigrateError) else EXIT_ERROR
    return _print(output, arguments)


def _print(output: Output, arguments: argparse.Namespace) -> int:
    from adi_analytics.migrate.cli.output import show

    try:
        show(output, as_json=getattr(arguments, "format", "table") == "json")
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:
        forget(sys.stdout)
        reason = error.strerror or str(error)
        return _complain(f"cannot write to standard output: {reason}\n  -> The command itself was carried out.")
    return output.exit_code


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _complain(text: str) -> int:
    _say(f"analytics-migrate: {text}")
    return EXIT_ERROR


def _server_error(error: Exception) -> str:
    import psycopg

    code = error.sqlstate if isinstance(error, psycopg.Error) else None
    state = f" (SQLSTATE {code})" if code else ""
    remedy = f"\n  -> {_LACKS_RIGHT}" if isinstance(error, psycopg.errors.InsufficientPrivilege) else ""
    return f"{' '.join(str(error).split())}{state}{remedy}"


def _closed_pipe() -> int:
    """Leave quietly when the reader of our output has gone, as in ``analytics-migrate dry-run | head``."""
    forget(sys.stdout)
    return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())
