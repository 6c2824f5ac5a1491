"""The command ``analytics-codegen``: its options, its help, and what it does with errors.

``--version`` and ``--help`` import nothing but the parser; each command imports what it needs.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.cli import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

_EXAMPLES: Final = """\
examples:
  analytics-codegen init shop --name shop             make a project: a catalog, tests, a demo, a first migration
  analytics-codegen init --ci github                  the same in this folder, with a workflow for GitHub
  analytics-codegen lint                              check the catalog of this folder or of one above
  analytics-codegen upgrade --dry-run                 show what makes an old catalog one of the newest format
  analytics-codegen upgrade                           do it, in place, comments kept
  analytics-codegen generate                          write everything under generated/
  analytics-codegen check                             fail if generated/ is out of date
  analytics-codegen check --diff                      the same, with every line that differs
  analytics-codegen breaking --against git:main       fail if an edit breaks readers or senders
  analytics-codegen breaking --against git:main --forward    the same for strict readers with the old catalog
  analytics-codegen diff --against git:HEAD~1         show what an edit changes
  analytics-codegen explain order_placed              everything about an event, an aggregate or a rule
  analytics-codegen sample order_placed -n 5          valid random events, as JSON
  analytics-codegen sample --days 30 -n 5000          events of all kinds over 30 days, as people could send them
  analytics-codegen generate --project ../shop        the project in another folder
  analytics-codegen generate --catalog my/events.yaml --out my/generated
  eval "$(analytics-codegen completion bash)"         in ~/.bashrc; the same for zsh

exit codes: 0 fine, 1 findings or differences, 2 wrong usage
"""
_EXTRA: Final = frozenset({"yaml", "jinja2", "datamodel_code_generator", "argcomplete"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code. Without *argv* the process is the command's own."""
    if argv is None:
        gc.disable()  # it ends soon, and looking for cycles takes up to a quarter of its time
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a catalog may hold characters that the terminal cannot show
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks how the command line may go on
        from adi_analytics_codegen.cli.completion import answer

        return answer(parser, commands.names)
    return _run(parser.parse_args(argv))


def _run(arguments: argparse.Namespace) -> int:
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except commands.UsageError as error:
        return commands.fail(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        return commands.fail(f"this needs the package {error.name}: pip install 'adi-analytics[codegen]'")
    except BrokenPipeError:
        # The reader of the pipe is gone, as with `head`. Python would report it again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return commands.OK
    except OSError as error:
        return commands.fail(f"{error.filename or 'error'}: {error.strerror or error}")
    except KeyboardInterrupt:
        return 130


class _PrintVersion(argparse.Action):
    """Prints the version, which takes longer to look up than the help takes to print."""

    def __call__(self, parser: argparse.ArgumentParser, *_arguments: object, **_options: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("adi-analytics")
        except PackageNotFoundError:  # run from its source, never installed
            number = "of unknown version"
        print(f"{parser.prog} {number}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="analytics-codegen",
        description="Checks a catalog of analytics events and generates code, schemas, SQL and documents from it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version and exit")
    # With `prog`, argparse formats no usage to find it, for which it would ask the terminal's width of shutil.
    known = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, prog=parser.prog)
    _add_init(known)
    _command(known, "lint", commands.lint, "check the catalog", formats=("text", "json", "github"))
    upgrade = _command(known, "upgrade", commands.upgrade, "make an old catalog one of the newest format, in place")
    upgrade.add_argument("--dry-run", action="store_true", help="print what would change, and write nothing")
    generate = _command(known, "generate", commands.generate, "write the generated files")
    check = _command(known, "check", commands.check, "fail if the generated files are not up to date")
    check.add_argument("--diff", action="store_true", help="print every line that differs, not only the first ones")
    for command in (generate, check):
        command.add_argument("--out", type=Path, help="output directory (default: the project's, generated/)")
    annotated = ("text", "json", "github")
    breaking = _command(
        known, "breaking", commands.breaking, "fail if an edit breaks readers or senders", formats=annotated
    )
    breaking.add_argument(
        "--forward",
        action="store_true",
        help="report, too, what readers with the old catalog refuse when they are strict",
    )
    diff = _command(known, "diff", commands.diff, "show what an edit changes")
    for command in (breaking, diff):
        command.add_argument(
            "--against", required=True, metavar="git:REF|FILE", help="what to compare with, such as git:origin/main"
        )
    explain = _command(known, "explain", commands.explain, "show everything about an event, an aggregate or a rule")
    explain.add_argument("name", metavar="NAME", help="its name")
    _add_sample(known)
    rules = known.add_parser("rules", help="list every rule", description="List every rule.")
    rules.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="how to print")
    rules.set_defaults(run=commands.rules)
    schema = known.add_parser(
        "schema", help="print the JSON Schema of events.yaml", description="Print the JSON Schema of events.yaml."
    )
    schema.set_defaults(run=commands.schema)
    completion = _subparser(known, "completion", "print what a shell needs to complete this program's command lines")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    completion.set_defaults(run=commands.completion)
    return parser


def _add_init(known: Any) -> None:
    init = _subparser(known, "init", "make a project: a catalog, tests, a demo, generated code, a first migration")
    init.description = (
        "Make a project that works at once. It overwrites nothing: a file that is there stays as it is, so you can run "
        "it again. In a folder that is a project already, it refuses."
    )
    init.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="its folder (default: this one)"
    )
    init.add_argument("--name", help="the catalog's name, such as shop (default: the folder's name)")
    init.add_argument("--package", help="import name of the generated package (default: NAME_events)")
    init.add_argument("--table", help="the events table (default: NAME_events)")
    init.add_argument(
        "--ci", action="append", choices=("github", "gitlab"), default=[], help="add a pipeline; may be given twice"
    )
    init.add_argument("--format", choices=("text", "json"), default="text", help="how to print (default: text)")
    init.set_defaults(run=commands.init)


def _add_sample(known: Any) -> None:
    sample = _command(known, "sample", commands.sample, "print valid random events, one JSON object a line", formats=())
    sample.description = (
        "Print valid random events, one JSON object a line. Without EVENT: what people could send over some days, each "
        "with its time, in the form that `analytics-server` takes."
    )
    sample.add_argument("name", nargs="?", metavar="EVENT", help="the event's name (default: all events)")
    sample.add_argument(
        "-n", type=_count, metavar="NUMBER", help="how many (default: 1; without EVENT about this many, default: 1000)"
    )
    sample.add_argument(
        "--seed", type=int, help="the same seed gives the same events (default: different ones each time)"
    )
    sample.add_argument("--days", type=_count, metavar="N", help="without EVENT: how far they go back (default: 30)")
    sample.add_argument(
        "--until", type=_moment, metavar="TIME", help="without EVENT: when they end, in ISO 8601 (default: now)"
    )


def _command(
    known: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    *,
    formats: tuple[str, ...] = ("text", "json"),
) -> argparse.ArgumentParser:
    command = _subparser(known, name, summary)
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--catalog", type=Path, metavar="FILE", help="main file (default: the project's, in this folder or above)"
    )
    where.add_argument("--project", type=Path, metavar="DIR", help="folder of the project (or ADI_ANALYTICS_PROJECT)")
    if formats:
        command.add_argument("--format", choices=formats, default="text", help="how to print (default: text)")
    command.set_defaults(run=run, out=None)
    return command


def _subparser(known: Any, name: str, summary: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = known.add_parser(
        name,
        help=summary,
        description=f"{summary.capitalize()}.",
        epilog=_examples(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return made


def _examples(command: str) -> str:
    lines = (line for line in _EXAMPLES.splitlines() if f"analytics-codegen {command} " in f"{line} ")
    return "\n".join(["examples:", *lines])


def _moment(text: str) -> datetime:
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-01-31T12:00:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
