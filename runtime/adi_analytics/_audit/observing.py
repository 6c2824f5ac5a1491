"""What is observed of the events of a catalog, whatever database they are in."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from adi_analytics._audit.findings import Audit, Misfit, ObservedEvent, UnknownEvent, WaitingLetters
from adi_analytics._engine.rows.stored import stored_decoder_of
from adi_analytics._engine.rows.validate import InvalidValueError

if TYPE_CHECKING:
    from adi_analytics._shared.catalog import Catalog

LARGEST: Final = 65_536
"""Bytes of a row that is compared."""
_PROBLEMS: Final = 5  # kinds of faults that are named for each event


class Look(Protocol):
    """What is asked of a database."""

    def may_read(self, kind: str) -> bool:
        """Whether this role may read the ``events``, or the ``letters``."""
        ...

    def counts(self) -> dict[str, tuple[int, datetime]]:
        """Return the number of rows and the newest time of each type that there is within the days."""
        ...

    def last_seen(self, names: Iterable[str]) -> Mapping[str, datetime | None]:
        """Return the newest time of each of the types."""
        ...

    def sample(self, names: Iterable[str]) -> Iterable[tuple[str, str | None]]:
        """Return type and JSON of the newest rows of each of the types; no JSON of one that is too large."""
        ...

    def letters(self) -> Iterable[WaitingLetters]:
        """Yield the dead letters that wait."""
        ...


def audit_by(look: Look, catalog: Catalog, tables: Mapping[str, str], *, at: datetime, days: int) -> Audit:
    """Return what *look* finds of the events of *catalog*.

    Args:
        look: Asks the database.
        catalog: Whose events.
        tables: What the tables of ``events`` and of ``letters`` are called in messages.
        at: The moment that the days are counted back from.
        days: How many there are.
    """
    found = look.counts() if look.may_read("events") else {}
    return Audit(
        catalog=catalog.name,
        at=at,
        days=days,
        events=tuple(_observed(look, catalog, found, days)),
        unknown=tuple(
            UnknownEvent(name=name[:200], rows=rows, last_seen=last)
            for name, (rows, last) in sorted(found.items())
            if name not in catalog.events
        ),
        dead_letters=tuple(look.letters()) if look.may_read("letters") else (),
        notes=tuple(_note(tables[kind]) for kind in tables if not look.may_read(kind)),
    )


def _note(table: str) -> str:
    return f"This role may not read {table}: grant select on it to see more."


def _observed(
    look: Look, catalog: Catalog, found: Mapping[str, tuple[int, datetime]], days: int
) -> Iterable[ObservedEvent]:
    there = [name for name in catalog.events if name in found]
    silent = [name for name in catalog.events if name not in found]
    before = look.last_seen(silent) if look.may_read("events") else {}
    checked, faults = _compared(catalog, look.sample(there) if there else ())
    for name, cls in catalog.events.items():
        rows, last = found.get(name, (0, before.get(name)))
        own = faults.get(name, Counter())
        yield ObservedEvent(
            name=name,
            description=_description(cls),
            owner=_owner(cls),
            version=getattr(cls, "EVENT_VERSION", 1),
            last_seen=last,
            rows=rows,
            rows_a_day=rows / days,
            checked=checked[name],
            misfits=own.total(),
            problems=tuple(Misfit(problem=text, rows=count) for text, count in own.most_common(_PROBLEMS)),
        )


def _compared(
    catalog: Catalog, sample: Iterable[tuple[str, str | None]]
) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """Return how many rows of each type were compared, and what is wrong with them."""
    checked: Counter[str] = Counter()
    faults: dict[str, Counter[str]] = {}
    checks: dict[str, Callable[[bytes], object]] = {}
    for name, data in sample:
        if data is None:
            continue
        cls: Any = catalog.events[name]
        check = checks.setdefault(name, stored_decoder_of(cls))
        checked[name] += 1
        try:
            check(data.encode())
        except InvalidValueError as error:
            faults.setdefault(name, Counter())[str(error)] += 1
    return checked, faults


def _owner(cls: type) -> str:
    """Return the owner that the last paragraph of the class's text names, if it does."""
    last = " ".join(inspect.cleandoc(cls.__doc__ or "").rpartition("\n\n")[2].split())
    return last.removeprefix("Owner: ").removesuffix(".") if last.startswith("Owner: ") else ""


def _description(cls: type) -> str:
    """Return the first paragraph of the class's text, on one line."""
    return " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].split())
