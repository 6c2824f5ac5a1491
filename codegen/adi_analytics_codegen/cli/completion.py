"""Completion of the command line in a shell, by argcomplete: the shell's code, and what the program answers to it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator


def shell_code(program: str, shell: str) -> str:
    """Return what *shell* (``bash``, ``zsh`` or ``fish``) evaluates to complete the program's command line."""
    from argcomplete.shell_integration import shellcode

    return shellcode([program], shell=shell).lstrip("\n")


def answer(parser: argparse.ArgumentParser, names: Callable[[argparse.Namespace], list[str]]) -> int:
    """Tell the shell how the command line in the environment may go on, and leave; nothing else is run.

    Args:
        parser: The parser of the program.
        names: Returns the names that a command knows.

    Returns:
        An exit code, if argcomplete is not installed; a shell has no place for a message.
    """
    with contextlib.suppress(ModuleNotFoundError):
        import argcomplete

        for action in _arguments(parser):
            if action.dest == "name" and not action.option_strings:
                action.completer = lambda parsed_args, **_: names(parsed_args)  # type: ignore[attr-defined]  # where argcomplete looks for it
            elif action.choices is None and action.type is not Path:
                action.completer = _nothing  # type: ignore[attr-defined]  # a text or a number, where files would mislead
        argcomplete.autocomplete(parser, always_complete_options=False)
    return 1


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of them
        yield action
        if isinstance(action.choices, dict):
            for command in action.choices.values():
                yield from _arguments(command)


def _nothing(**_: Any) -> list[str]:
    return []
