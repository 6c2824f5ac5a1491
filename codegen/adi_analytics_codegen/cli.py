"""The command ``analytics-codegen``. The only module of the generator that prints."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.model.findings import Finding
    from adi_analytics_codegen.model.model import Catalog

OK: Final = 0
FOUND: Final = 1
USAGE: Final = 2

_EXAMPLES: Final = """\
examples:
  analytics-codegen lint                              check events.yaml
  analytics-codegen generate                          write everything under generated/
  analytics-codegen check                             fail if generated/ is out of date
  analytics-codegen breaking --against git:main       fail if an edit breaks readers or senders
  analytics-codegen diff --against git:HEAD~1         show what an edit changes
  analytics-codegen explain task_completed            everything about an event, an aggregate or a rule
  analytics-codegen sample task_completed -n 5        valid random events, as JSON
  analytics-codegen generate --catalog my/events.yaml --out my/generated

exit codes: 0 fine, 1 findings or differences, 2 wrong usage
"""
_EXTRA: Final = frozenset({"yaml", "jinja2", "datamodel_code_generator"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a catalog may hold characters that the terminal cannot show
    arguments = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        return _fail(f"this needs the package {error.name}: pip install 'adi-analytics[codegen]'")
    except BrokenPipeError:
        # The reader of the pipe is gone, as with `head`. Python would report it again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        return _fail(f"{error.filename or 'error'}: {error.strerror or error}")
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


def _fail(message: str) -> int:
    print(f"analytics-codegen: {message}", file=sys.stderr)
    return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="analytics-codegen",
        description="Checks a catalog of analytics events and generates code, schemas, SQL and documents from it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _command(commands, "lint", _lint, "check the catalog", formats=("text", "json", "github"))
    generate = _command(commands, "generate", _generate, "write the generated files")
    check = _command(commands, "check", _check, "fail if the generated files are not up to date")
    for command in (generate, check):
        command.add_argument(
            "--out", type=Path, help="output directory (default: generated/ in the folder of the catalog)"
        )
    annotated = ("text", "json", "github")
    breaking = _command(commands, "breaking", _breaking, "fail if an edit breaks readers or senders", formats=annotated)
    diff = _command(commands, "diff", _diff, "show what an edit changes")
    for command in (breaking, diff):
        command.add_argument(
            "--against", required=True, metavar="git:REF|FILE", help="what to compare with, such as git:origin/main"
        )
    explain = _command(commands, "explain", _explain, "show everything about an event, an aggregate or a rule")
    explain.add_argument("name", metavar="NAME", help="its name")
    sample = _command(commands, "sample", _sample, "print valid random events, one JSON object per line", formats=())
    sample.add_argument("name", metavar="EVENT", help="the event's name")
    sample.add_argument("-n", type=_count, default=1, metavar="NUMBER", help="how many (default: 1)")
    sample.add_argument(
        "--seed", type=int, help="the same seed gives the same events (default: different ones each time)"
    )
    rules = commands.add_parser("rules", help="list every rule", description="List every rule.")
    rules.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="how to print")
    rules.set_defaults(run=_rules)
    schema = commands.add_parser(
        "schema", help="print the JSON Schema of events.yaml", description="Print the JSON Schema of events.yaml."
    )
    schema.set_defaults(run=_schema)
    return parser


def _command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    *,
    formats: tuple[str, ...] = ("text", "json"),
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary.capitalize()}.",
        epilog=_examples(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--catalog", type=Path, default=Path("events.yaml"), help="main file (default: events.yaml)")
    if formats:
        command.add_argument("--format", choices=formats, default="text", help="how to print (default: text)")
    command.set_defaults(run=run)
    return command


def _examples(command: str) -> str:
    return "\n".join(
        ["examples:", *(line for line in _EXAMPLES.splitlines() if f"analytics-codegen {command} " in line)]
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _load(arguments: argparse.Namespace) -> Catalog | None:
    """Return the catalog, or print its errors to stderr and return ``None``."""
    from adi_analytics_codegen.check.catalog import load
    from adi_analytics_codegen.check.report import FORMATS

    loaded = load(arguments.catalog)
    if loaded.findings:
        print(FORMATS["text"](loaded.findings), file=sys.stderr)
    return loaded.catalog


def _report(arguments: argparse.Namespace, findings: list[Finding], fine: str) -> None:
    from adi_analytics_codegen.check.report import FORMATS

    text = FORMATS[arguments.format](findings)
    if text:
        print(text)
    elif arguments.format == "text":
        print(fine)


def _lint(arguments: argparse.Namespace) -> int:
    from adi_analytics_codegen.check.catalog import load
    from adi_analytics_codegen.check.lint import lint

    loaded = load(arguments.catalog)
    findings = loaded.findings if loaded.catalog is None else lint(loaded)
    _report(arguments, findings, f"{arguments.catalog} is fine{_size(loaded)}")
    return FOUND if findings else OK


def _size(loaded: Loaded) -> str:
    catalog = loaded.catalog
    return "" if catalog is None else f": {len(catalog.events)} events, {len(catalog.aggregates)} aggregates"


def _breaking(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from adi_analytics_codegen.check import breaking
    from adi_analytics_codegen.check.catalog import load
    from adi_analytics_codegen.model.findings import has_errors
    from adi_analytics_codegen.model.model import Location

    new = load(arguments.catalog)
    if new.catalog is None:
        _report(arguments, new.findings, "")
        return FOUND
    old = _against(arguments)
    if isinstance(old, int):
        return old
    start = Location(str(arguments.catalog), 1, 1)
    found = breaking.compare(old, new.catalog, start) if old else []
    findings = breaking.accepted(found, new.exceptions, datetime.now(UTC).date())
    _report(arguments, findings, f"{arguments.catalog} makes no breaking change to {arguments.against}")
    return FOUND if has_errors(findings) else OK


def _against(arguments: argparse.Namespace) -> Catalog | int | None:
    """Return the catalog to compare with, ``None`` when there was none, or an exit code after a message."""
    from adi_analytics_codegen.check.against import AgainstError, load_against

    try:
        old = load_against(arguments.against, arguments.catalog)
    except AgainstError as error:
        return _fail(str(error))
    if old is None:
        print(f"{arguments.catalog} did not exist at {arguments.against}: everything is new", file=sys.stderr)
        return None
    if old.catalog is None:
        print(*old.findings, sep="\n", file=sys.stderr)
        return _fail(f"the catalog at {arguments.against} cannot be compared: it has the errors above")
    return old.catalog


def _out(arguments: argparse.Namespace) -> Path:
    out: Path | None = arguments.out
    return arguments.catalog.parent / "generated" if out is None else out


def _generate(arguments: argparse.Namespace) -> int:
    catalog = _load(arguments)
    if catalog is None:
        return FOUND
    from adi_analytics_codegen.backends import BACKENDS, render
    from adi_analytics_codegen.backends.writer import ForeignFilesError, write

    try:
        result = write(_out(arguments), render(catalog), BACKENDS)
    except ForeignFilesError as error:
        return _fail(str(error))
    if arguments.format == "json":
        print(json.dumps({"written": result.written, "deleted": result.deleted, "unchanged": result.unchanged}))
        return OK
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
    from adi_analytics_codegen.backends.writer import compare

    differences = compare(_out(arguments), render(catalog), BACKENDS)
    if arguments.format == "json":
        print(json.dumps([{"path": d.path, "kind": d.kind, "diff": d.diff} for d in differences]))
        return FOUND if differences else OK
    for difference in differences:
        print(f"{difference.kind}: {_out(arguments) / difference.path}")
        if difference.diff:
            print(difference.diff)
    if differences:
        print(f"{len(differences)} files are out of date with {arguments.catalog}; run `analytics-codegen generate`")
        return FOUND
    print(f"{_out(arguments)} is up to date with {arguments.catalog}")
    return OK


def _diff(arguments: argparse.Namespace) -> int:
    new = _load(arguments)
    if new is None:
        return FOUND
    old = _against(arguments)
    if isinstance(old, int):
        return old
    from adi_analytics_codegen.model.model import Catalog
    from adi_analytics_codegen.show.difference import difference

    changes = difference(old or Catalog(new.name, ()), new)
    if arguments.format == "json":
        records = [{"kind": c.kind, "subject": c.subject, "old": c.old, "new": c.new} for c in changes]
        print(json.dumps(records, indent=2))
    else:
        print("\n".join(map(str, changes)) or f"{arguments.catalog} and {arguments.against} have the same content")
    return OK


def _explain(arguments: argparse.Namespace) -> int:
    catalog = _load(arguments)
    if catalog is None:
        return FOUND
    from adi_analytics_codegen.show.explain import as_text, explain, known

    facts = explain(catalog, arguments.name)
    if facts is None:
        return _unknown(arguments, "event, aggregate or rule", known(catalog))
    print(json.dumps(facts, indent=2) if arguments.format == "json" else as_text(facts))
    return OK


def _unknown(arguments: argparse.Namespace, what: str, names: list[str]) -> int:
    from adi_analytics_codegen.model.naming import did_you_mean

    return _fail(
        f"{arguments.catalog} has no {what} {arguments.name!r}; {did_you_mean(arguments.name, names)}".rstrip("; ")
    )


def _sample(arguments: argparse.Namespace) -> int:
    catalog = _load(arguments)
    if catalog is None:
        return FOUND
    from random import Random

    from adi_analytics_codegen.show.sample import SampleError, sample

    event = catalog.event(arguments.name)
    if event is None:
        return _unknown(arguments, "event", [one.name for one in catalog.events])
    rng = Random(arguments.seed)  # noqa: S311 - samples, not secrets
    try:
        for _ in range(arguments.n):
            print(json.dumps(sample(catalog, event, rng)))
    except SampleError as error:
        return _fail(str(error))
    return OK


def _rules(arguments: argparse.Namespace) -> int:
    from adi_analytics_codegen.check.rules import RULES, markdown

    if arguments.format == "markdown":
        print(markdown(), end="")
    elif arguments.format == "json":
        print(
            json.dumps([{"rule": n, "kind": r.kind, "severity": r.severity, "text": r.text} for n, r in RULES.items()])
        )
    else:
        print("\n".join(f"{name} ({rule.kind} {rule.severity}): {rule.text}" for name, rule in RULES.items()))
    return OK


def _schema(_arguments: argparse.Namespace) -> int:
    from adi_analytics_codegen.load.shape import catalog_schema

    print(json.dumps(catalog_schema(), indent=2))
    return OK
