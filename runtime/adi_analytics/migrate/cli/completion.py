"""Completion of the command line in a shell, by argcomplete: the shell's code, and what the program answers to it."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from adi_analytics.errors import AnalyticsError
from adi_analytics.migrate.errors import EXIT_ERROR, UsageError

PROGRAM: Final = "analytics-migrate"
_REMEDY: Final = "Install it with `pip install 'adi-analytics[cli]'`."


def shell_code(shell: str) -> str:
    """Return what *shell* (``bash``, ``zsh`` or ``fish``) evaluates to complete the program's command line.

    Raises:
        UsageError: If argcomplete is not installed.
    """
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError as error:
        raise UsageError("completion needs the package argcomplete", _REMEDY) from error
    return shellcode([PROGRAM], shell=shell).lstrip("\n")


def answer(parser: argparse.ArgumentParser) -> int:
    """Tell the shell how the command line in the environment may go on, and leave; nothing else is run.

    Returns:
        An exit code, if argcomplete is not installed; a shell has no place for a message.
    """
    try:
        import argcomplete
    except ImportError:
        return EXIT_ERROR
    for action in _arguments(parser):
        if action.dest == "aggregate":
            action.completer = _aggregates  # type: ignore[attr-defined]  # where argcomplete looks for it
        elif action.choices is None and action.type is not Path:
            action.completer = _nothing  # type: ignore[attr-defined]  # a URL or a number, where files would mislead
    argcomplete.autocomplete(parser, always_complete_options=False)
    return EXIT_ERROR


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of them
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            for command in action.choices.values():
                yield from _arguments(command)


def _nothing(**_: object) -> list[str]:
    return []


def _aggregates(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """Return the aggregates of the catalog at hand; none if there is none, or if it can't be read."""
    from adi_analytics.migrate.author.new import used
    from adi_analytics.migrate.files.manifest import load_manifest

    with contextlib.suppress(AnalyticsError, OSError):
        files = used(parsed_args.migrations, parsed_args.manifest, parsed_args.catalog, parsed_args.project)
        return [entry.name for entry in load_manifest(files.manifest).aggregates]
    return []
