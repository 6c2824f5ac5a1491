"""The command ``analytics-codegen``. The only module of the generator that prints."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adi_analytics_codegen.model import Catalog

OK: Final = 0
FOUND: Final = 1
USAGE: Final = 2

_EXAMPLES: Final = """\
examples:
  analytics-codegen generate                          write everything under generated/
  analytics-codegen check                             fail if generated/ is not what events.yaml says
  analytics-codegen generate --catalog my/events.yaml --out my/generated

exit codes: 0 fine, 1 findings or differences, 2 wrong usage
"""
_EXTRA: Final = frozenset({"yaml", "jinja2", "jsonschema", "datamodel_code_generator"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(
            f"analytics-codegen needs the package {error.name}: pip install 'adi-analytics[codegen]'", file=sys.stderr
        )
        return USAGE
    except BrokenPipeError:
        # The reader of a pipe left, as `head` does. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        print(f"{error.filename or 'error'}: {error.strerror}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="analytics-codegen",
        description="Checks a catalog of analytics events and generates code, schemas, SQL and documents from it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    generate = _command(commands, "generate", _generate, "write the generated files")
    check = _command(commands, "check", _check, "fail if the generated files are not up to date")
    for command in (generate, check):
        command.add_argument("--out", type=Path, help="output directory (default: generated/ beside the catalog)")
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    command.add_argument("--catalog", type=Path, default=Path("events.yaml"), help="main file (default: events.yaml)")
    command.add_argument("--format", choices=("text", "json"), default="text", help="how to print (default: text)")
    command.set_defaults(run=run)
    return command


def _load(arguments: argparse.Namespace) -> Catalog | None:
    """Return the catalog, or ``None`` after its findings went to stderr."""
    from adi_analytics_codegen.loader import load

    loaded = load(arguments.catalog)
    for finding in loaded.findings:
        print(finding, file=sys.stderr)
    return loaded.catalog


def _out(arguments: argparse.Namespace) -> Path:
    out: Path | None = arguments.out
    return arguments.catalog.parent / "generated" if out is None else out


def _generate(arguments: argparse.Namespace) -> int:
    catalog = _load(arguments)
    if catalog is None:
        return FOUND
    from adi_analytics_codegen.backends import BACKENDS, render
    from adi_analytics_codegen.writer import write

    result = write(_out(arguments), render(catalog), [backend.folder for backend in BACKENDS.values()])
    if arguments.format == "json":
        print(json.dumps({"written": result.written, "deleted": result.deleted, "unchanged": result.unchanged}))
    else:
        for path in result.written:
            print(f"wrote {_out(arguments) / path}")
        for path in result.deleted:
            print(f"deleted {_out(arguments) / path}")
        print(f"{len(result.written)} written, {len(result.deleted)} deleted, {result.unchanged} unchanged")
    return OK


def _check(arguments: argparse.Namespace) -> int:
    catalog = _load(arguments)
    if catalog is None:
        return FOUND
    from adi_analytics_codegen.backends import BACKENDS, render
    from adi_analytics_codegen.writer import compare

    differences = compare(_out(arguments), render(catalog), [backend.folder for backend in BACKENDS.values()])
    if arguments.format == "json":
        print(json.dumps([{"path": d.path, "kind": d.kind, "diff": d.diff} for d in differences]))
        return FOUND if differences else OK
    for difference in differences:
        print(f"{difference.kind}: {_out(arguments) / difference.path}")
        if difference.diff:
            print(difference.diff)
    if differences:
        print(f"{len(differences)} files are not as {arguments.catalog} says; run `analytics-codegen generate`")
        return FOUND
    print(f"{_out(arguments)} is what {arguments.catalog} says")
    return OK
