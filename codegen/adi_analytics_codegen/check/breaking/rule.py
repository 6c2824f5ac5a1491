"""What a rule of evolution is, and what it sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.fingerprint import meaning
from adi_analytics_codegen.model.rows.wire import part_of_path
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field, Location
    from adi_analytics_codegen.model.questions.aggregates import Aggregate

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Found:
    """A change that a rule objects to."""

    at: Location
    subject: str
    message: str
    fix: str = ""


Check: TypeAlias = Callable[[Seen], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Rule(Generic[Seen]):
    """A rule: how it checks, how much it matters, and what it says, for docs/reference/rules.md."""

    check: Check[Seen]
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Catalogs:
    """Two versions of a catalog. ``at`` is where findings go that have no place of their own."""

    old: Catalog
    new: Catalog
    at: Location


@dataclass(frozen=True, slots=True)
class Events:
    """Two versions of an event."""

    catalogs: Catalogs
    old: Event
    new: Event

    @property
    def subject(self) -> str:
        """The event's path."""
        return f"events.{self.new.name}"

    @property
    def bumped(self) -> bool:
        """Whether the event's version was raised."""
        return self.new.version > self.old.version


@dataclass(frozen=True, slots=True)
class Path:
    """What leads from an event to an object inside it, with a dot after each name; empty for the event itself.

    Attributes:
        old: The names before.
        new: The names now.
        keys: The keys in JSON, which are the same in both, as parts of a path.
    """

    old: str = ""
    new: str = ""
    keys: str = ""

    def to(self, old: str, new: str, key: str) -> Path:
        """Return what leads into the field called *new*, which was called *old*, and is *key* in JSON."""
        return Path(f"{self.old}{old}.", f"{self.new}{new}.", f"{self.keys}{part_of_path(key)}.")


@dataclass(frozen=True, slots=True)
class Members:
    """Two versions of the fields of an event, or of an object inside one.

    Attributes:
        path: Where they are.
    """

    events: Events
    old: tuple[Field, ...]
    new: tuple[Field, ...]
    path: Path
    at: Location


@dataclass(frozen=True, slots=True)
class Fields:
    """Two versions of a field. The items of a list are seen as a field with the list's path.

    Attributes:
        owner: Where the object is that has it.
        name: Its name now, or the list's.
        old_name: Its name before.
        key: Its key in JSON.
    """

    events: Events
    old: Field
    new: Field
    owner: Path
    name: str
    old_name: str
    key: str

    @property
    def path(self) -> str:
        """The names that lead to it now."""
        return self.owner.new + self.name

    @property
    def subject(self) -> str:
        """The field's path."""
        return f"{self.events.subject}.{self.path}"

    def found(self, message: str, fix: str = "") -> Found:
        """Return a finding about the field."""
        return Found(self.new.at, self.subject, f"{self.subject}: {message}", fix)


@dataclass(frozen=True, slots=True)
class Aggregates:
    """Two versions of an aggregate."""

    catalogs: Catalogs
    old: Aggregate
    new: Aggregate

    @property
    def subject(self) -> str:
        """The aggregate's path."""
        return f"aggregates.{self.new.name}"


def data_of(catalog: Catalog, *names: str) -> list[Any]:
    """Return what *catalog* says of the data of the events *names*: their fields and columns, and the enums in them."""
    events = [event for event in catalog.events if event.name in names]
    used = {field.enum for event in events for field in every_field(event.fields)}
    return [*map(meaning, events), *(meaning(enum) for enum in catalog.enums if enum.name in used)]
