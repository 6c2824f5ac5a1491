"""What each command of ``analytics-codegen`` does and prints; each returns an exit code."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sized

    from adi_analytics_codegen.backends.writer import Difference
    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.load.source.target import Target
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.findings import Finding

OK: Final = 0
FOUND: Final = 1
USAGE: Final = 2

_FILES_SHOWN: Final = 10
_LINES_SHOWN: Final = 8
"""How many files, and how many lines of each, `check` shows without ``--diff``."""


class UsageError(Exception):
    """A command can't do what it was asked to. The message says why, and what to do."""


def fail(message: str) -> int:
    """Print *message* as an error of usage and return the exit code for one."""
    print(f"analytics-codegen: {message}", file=sys.stderr)
    return USAGE


def _target(arguments: argparse.Namespace) -> Target:
    """Return what to work on; ``arguments.catalog`` and ``.out`` say it from here on."""
    from adi_analytics_codegen.load.source.project import ProjectError
    from adi_analytics_codegen.load.source.target import find_target

    try:
        target = find_target(catalog=arguments.catalog, project=arguments.project, out=arguments.out)
    except ProjectError as error:
        raise UsageError(str(error)) from error
    arguments.catalog, arguments.out = target.catalog, target.out
    return target


def init(arguments: argparse.Namespace) -> int:
    """Make a project."""
    from adi_analytics_codegen.scaffold import ScaffoldError, make_project

    try:
        made = make_project(
            arguments.folder,
            name=arguments.name,
            package=arguments.package,
            table=arguments.table,
            pipelines=arguments.ci,
        )
    except ScaffoldError as error:
        raise UsageError(str(error)) from error
    if arguments.format == "json":
        print(json.dumps({"folder": str(made.folder), "written": made.written, "kept": made.kept, "next": made.steps}))
        return OK
    for verb, paths in (("wrote", made.written), ("kept", made.kept)):
        for path in paths:
            print(f"{verb} {arguments.folder / path}")
    print("\nNext:", *(f"  {step}" for step in made.steps), sep="\n")
    return OK


def _load(arguments: argparse.Namespace) -> Catalog | None:
    """Return the catalog, or print its errors to stderr and return ``None``."""
    from adi_analytics_codegen.check.catalog import load
    from adi_analytics_codegen.check.report import FORMATS

    target = _target(arguments)
    loaded = load(target.catalog)
    if loaded.findings:
        print(FORMATS["text"](loaded.findings), file=sys.stderr)
    _refuse_other_package(target, loaded)
    return loaded.catalog


def _refuse_other_package(target: Target, loaded: Loaded) -> None:
    from adi_analytics_codegen.load.source.target import OtherPackageError

    catalog = loaded.catalog
    if catalog is not None and target.package not in {None, catalog.python_package}:
        raise UsageError(str(OtherPackageError(target.root, str(target.package), catalog.python_package)))


def _report(arguments: argparse.Namespace, findings: list[Finding], fine: str) -> None:
    from adi_analytics_codegen.check.report import FORMATS

    text = FORMATS[arguments.format](findings)
    if text:
        print(text)
    elif arguments.format == "text":
        print(fine)


def lint(arguments: argparse.Namespace) -> int:
    """Check the catalog."""
    from adi_analytics_codegen.check import lint as rules_of_style
    from adi_analytics_codegen.check.catalog import load

    target = _target(arguments)
    loaded = load(target.catalog)
    _refuse_other_package(target, loaded)
    findings = loaded.findings if loaded.catalog is None else rules_of_style.lint(loaded)
    _report(arguments, findings, f"{arguments.catalog} is fine{_size(loaded)}")
    return FOUND if findings else OK


def _size(loaded: Loaded) -> str:
    from adi_analytics_codegen.model.readers import questions

    catalog = loaded.catalog
    if catalog is None:
        return ""
    asked = questions(catalog)
    people = f", {_count(asked, 'question')} about people" if asked else ""
    return f": {_count(catalog.events, 'event')}, {_count(catalog.aggregates, 'aggregate')}{people}"


def _count(things: Sized, word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def upgrade(arguments: argparse.Namespace) -> int:
    """Rewrite the catalog's file in the newest format."""
    from adi_analytics_codegen.check.report import FORMATS as REPORTS
    from adi_analytics_codegen.model.catalog import FORMATS
    from adi_analytics_codegen.model.findings import has_errors
    from adi_analytics_codegen.upgrade import UpgradeError, upgraded

    try:
        made = upgraded(_target(arguments).catalog)
    except UpgradeError as error:
        raise UsageError(str(error)) from error
    if has_errors(made.findings):
        print(REPORTS["text"](made.findings), file=sys.stderr)
        print(f"analytics-codegen: {made.file} was not changed: it has the errors above", file=sys.stderr)
        return FOUND
    changes, newest = made.new != made.old, FORMATS[-1]
    if changes and not arguments.dry_run:
        made.write()
    if arguments.format == "json":
        written = changes and not arguments.dry_run
        print(json.dumps({"file": str(made.file), "was": made.was, "is": newest, "written": written}))
    elif not changes:
        print(f"{made.file} is of format {newest}, the newest")
    elif arguments.dry_run:
        print(made.diff)
    else:
        print(f"{made.file} is of format {newest} now, and was of format {made.was}; run `analytics-codegen generate`")
    return OK


def breaking(arguments: argparse.Namespace) -> int:
    """Compare two versions of the catalog by the rules of change."""
    from datetime import UTC, datetime

    from adi_analytics_codegen.check import breaking as rules_of_change
    from adi_analytics_codegen.check.catalog import load
    from adi_analytics_codegen.model.fields import Location
    from adi_analytics_codegen.model.findings import has_errors

    new = load(_target(arguments).catalog)
    if new.catalog is None:
        _report(arguments, new.findings, "")
        return FOUND
    old = _against(arguments)
    if isinstance(old, int):
        return old
    start = Location(str(arguments.catalog), 1, 1)
    forward: bool = arguments.forward
    found = rules_of_change.compare(old, new.catalog, start, forward=forward) if old else []
    findings = rules_of_change.accepted(found, new.exceptions, datetime.now(UTC).date(), forward=forward)
    _report(arguments, findings, f"{arguments.catalog} makes no breaking change to {arguments.against}")
    return FOUND if has_errors(findings) else OK


def _against(arguments: argparse.Namespace) -> Catalog | int | None:
    """Return the catalog to compare with, ``None`` when there was none, or an exit code after a message."""
    from adi_analytics_codegen.check.against import AgainstError, load_against

    try:
        old = load_against(arguments.against, arguments.catalog)
    except AgainstError as error:
        return fail(str(error))
    if old is None:
        print(f"{arguments.catalog} did not exist at {arguments.against}: everything is new", file=sys.stderr)
        return None
    if old.catalog is None:
        print(*old.findings, sep="\n", file=sys.stderr)
        return fail(f"the catalog at {arguments.against} cannot be compared: it has the errors above")
    return old.catalog


def generate(arguments: argparse.Namespace) -> int:
    """Write the generated files."""
    catalog = _load(arguments)
    if catalog is None:
        return FOUND
    from adi_analytics_codegen.backends import BACKENDS, render
    from adi_analytics_codegen.backends.writer import ForeignFilesError, write

    try:
        result = write(arguments.out, render(catalog), BACKENDS)
    except ForeignFilesError as error:
        return fail(str(error))
    if arguments.format == "json":
        print(json.dumps({"written": result.written, "deleted": result.deleted, "unchanged": result.unchanged}))
        return OK
    for path in result.written:
        print(f"wrote {arguments.out / path}")
    for path in result.deleted:
        print(f"deleted {arguments.out / path}")
    print(f"{len(result.written)} written, {len(result.deleted)} deleted, {result.unchanged} unchanged")
    return OK


def check(arguments: argparse.Namespace) -> int:
    """Compare the generated files with what would be generated."""
    catalog = _load(arguments)
    if catalog is None:
        return FOUND
    from adi_analytics_codegen.backends import BACKENDS, render
    from adi_analytics_codegen.backends.writer import compare

    differences = compare(arguments.out, render(catalog), BACKENDS)
    if arguments.format == "json":
        print(json.dumps([{"path": d.path, "kind": d.kind, "diff": d.diff} for d in differences]))
        return FOUND if differences else OK
    if not differences:
        print(f"{arguments.out} is up to date with {arguments.catalog}")
        return OK
    shown = differences if arguments.diff else differences[:_FILES_SHOWN]
    for difference in shown:
        print(f"{difference.kind}: {arguments.out / difference.path}")
        if difference.diff:
            print(difference.diff if arguments.diff else _first_lines(difference))
    if len(shown) < len(differences):
        print(f"... and {len(differences) - len(shown)} more files; `--diff` shows them all")
    print(f"out of date with {arguments.catalog}: {_count(differences, 'file')}; run `analytics-codegen generate`")
    return FOUND


def _first_lines(difference: Difference) -> str:
    """Return the first lines that differ, without the lines around them."""
    changed = [line for line in difference.diff.splitlines()[2:] if line[:1] in {"+", "-"}]
    lines = [f"  {line}" for line in changed[:_LINES_SHOWN]]
    if len(changed) > _LINES_SHOWN:
        lines.append(f"  ... and {len(changed) - _LINES_SHOWN} more lines; `--diff` shows them all")
    return "\n".join(lines)


def diff(arguments: argparse.Namespace) -> int:
    """Show what an edit changes."""
    new = _load(arguments)
    if new is None:
        return FOUND
    old = _against(arguments)
    if isinstance(old, int):
        return old
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.show.difference import difference

    changes = difference(old or Catalog(new.name, (), python_package=new.python_package), new)
    if arguments.format == "json":
        records = [{"kind": c.kind, "subject": c.subject, "old": c.old, "new": c.new} for c in changes]
        print(json.dumps(records, indent=2))
    else:
        print("\n".join(map(str, changes)) or f"{arguments.catalog} and {arguments.against} have the same content")
    return OK


def explain(arguments: argparse.Namespace) -> int:
    """Show everything about one name."""
    catalog = _load(arguments)
    if catalog is None:
        return FOUND
    from adi_analytics_codegen.show import explain as explanations

    facts = explanations.explain(catalog, arguments.name)
    if facts is None:
        return _unknown(arguments, "event, aggregate, question, view or rule", explanations.known(catalog))
    print(json.dumps(facts, indent=2) if arguments.format == "json" else explanations.as_text(facts))
    return OK


def _unknown(arguments: argparse.Namespace, what: str, names: list[str]) -> int:
    from adi_analytics_codegen.model.text.naming import did_you_mean

    return fail(
        f"{arguments.catalog} has no {what} {arguments.name!r}; {did_you_mean(arguments.name, names)}".rstrip("; ")
    )


def sample(arguments: argparse.Namespace) -> int:
    """Print random events."""
    if arguments.name is not None and (arguments.days or arguments.until):
        return fail("--days and --until are for all events together: leave out the event's name")
    catalog = _load(arguments)
    if catalog is None:
        return FOUND
    from random import Random

    from adi_analytics_codegen.show import sample as samples

    if arguments.name is None:
        return _history(arguments, catalog)
    event = catalog.event(arguments.name)
    if event is None:
        return _unknown(arguments, "event", [one.name for one in catalog.events])
    rng = Random(arguments.seed)  # noqa: S311 - samples, not secrets
    try:
        for _ in range(arguments.n or 1):
            print(json.dumps(samples.sample(catalog, event, rng)))
    except samples.SampleError as error:
        return fail(str(error))
    return OK


def _history(arguments: argparse.Namespace, catalog: Catalog) -> int:
    """Print events of all kinds, each with its time."""
    from datetime import UTC, datetime
    from random import SystemRandom

    from adi_analytics_codegen.show.sample import SampleError
    from adi_analytics_codegen.show.stream.history import History

    seed = SystemRandom().getrandbits(32) if arguments.seed is None else arguments.seed
    until = arguments.until or datetime.now(UTC)
    try:
        made = History(catalog, days=arguments.days or 30, until=until, seed=seed).events(arguments.n or 1000)
    except SampleError as error:
        return fail(str(error))
    for at, event in made:
        time = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        print(json.dumps({"timestamp": time, "event": event}))
    return OK


def names(arguments: argparse.Namespace) -> list[str]:
    """Return what `explain` and `sample` know by name; nothing without a catalog, or if it can't be read."""
    from adi_analytics_codegen.check.catalog import load
    from adi_analytics_codegen.show.explain import known

    try:
        catalog = load(_target(arguments).catalog).catalog
    except (UsageError, OSError):
        return []
    if catalog is None:
        return []
    return [one.name for one in catalog.events] if arguments.run is sample else known(catalog)


def completion(arguments: argparse.Namespace) -> int:
    """Print what a shell evaluates."""
    from adi_analytics_codegen.cli.completion import shell_code

    print(shell_code("analytics-codegen", arguments.shell), end="")
    return OK


def rules(arguments: argparse.Namespace) -> int:
    """List every rule."""
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


def schema(_arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of the catalog."""
    from adi_analytics_codegen.load.source.shape import catalog_schema

    print(json.dumps(catalog_schema(), indent=2))
    return OK
