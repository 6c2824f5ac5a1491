"""What a command shows, and how it gets to standard output."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from adi_analytics.migrate.errors import EXIT_OK

_ENDLESS: Final = 1_000_000  # columns; rich makes no line longer than its table


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under the names of their columns."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """What a command shows.

    Attributes:
        data: The result as JSON.
        shown: The result for a person: text to print as it is, or lines and tables.
    """

    data: Any
    shown: str | Sequence[str | Table]
    exit_code: int = EXIT_OK


def minute(at: datetime | None) -> str:
    """Return *at* as tables show it: in UTC, to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else ""


def show(output: Output, *, as_json: bool) -> None:
    """Print *output* to standard output.

    Raises:
        OSError: If that is closed or full.
    """
    if sys.stdout is None:  # as with `>&-`
        raise OSError(errno.EBADF, "it is closed")
    if as_json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(output.data), indent=2).decode())
    elif isinstance(output.shown, str):
        print(output.shown, end="" if output.shown.endswith("\n") else "\n")
    else:
        for part in output.shown:
            if isinstance(part, str):
                print(part)
            else:
                _show_table(part)
    sys.stdout.flush()


def _show_table(table: Table) -> None:
    """Print *table*: on a terminal as wide as that is, elsewhere each row on one line, however long it is."""
    from rich import table as rich_table
    from rich.console import Console
    from rich.text import Text

    terminal = sys.stdout.isatty()
    shown = rich_table.Table(title=table.title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns:
        shown.add_column(column, overflow="fold")  # a cell is continued below, never cut
    for row in table.rows:
        # As Text, or rich takes [brackets] for markup.
        shown.add_row(*(Text(cell if terminal else " ".join(cell.splitlines())) for cell in row))
    Console(highlight=False, width=None if terminal else _ENDLESS).print(shown)
