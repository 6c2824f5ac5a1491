"""Names of stored relations in statements: written as places to fill, because the migrator may choose other names.

A second version of an aggregate stands beside the first until its rows are copied, so the names depend on what the
database holds. The manifest's statements are format strings of Python: ``{0.live}`` is the live view of the first
relation of the aggregate, and braces that mean themselves are doubled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.relations.plan import KEPT
from adi_analytics_codegen.backends.sql.text.names import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics_codegen.backends.sql.relations.plan import Plan, Relation

_MARK: Final = "\0"
"""Stands on both sides of a place until the text is finished. Neither a catalog nor PostgreSQL lets it into a text."""

_FORMS: Final[dict[str, Callable[[str], str]]] = {
    "": identifier,
    "plain": str,
    "literal": literal,
    "regclass": lambda name: literal(identifier(name)),
}
"""How a name is written: as an identifier, as it is, as a literal, or as a literal to be cast to ``regclass``."""


class Place:
    """One name of one relation; as text it is the identifier."""

    def __init__(self, number: int, attribute: str) -> None:
        self._number, self._attribute = number, attribute

    def __str__(self) -> str:
        return self._in("")

    @property
    def plain(self) -> str:
        """The name without quotes, for descriptions."""
        return self._in(":plain")

    @property
    def literal(self) -> str:
        """The name as a string literal."""
        return self._in(":literal")

    @property
    def regclass(self) -> str:
        """The identifier as a string literal, which PostgreSQL casts to ``regclass``."""
        return self._in(":regclass")

    def _in(self, form: str) -> str:
        return f"{_MARK}{self._number}.{self._attribute}{form}{_MARK}"


class Places:
    """The names of one relation of a plan."""

    def __init__(self, plan: Plan, relation: Relation) -> None:
        number = plan.relations.index(relation)
        self.name = Place(number, "name")
        self.live = Place(number, "live")
        self.rows_function = Place(number, "rows_function")
        self.index = Place(number, "index")
        self._number = number

    def kept(self, part: str) -> Place:
        """Return the name of a *part* of what is kept beside the relation: a key of ``KEPT``."""
        return Place(self._number, part)


def template(value: Any) -> Any:
    """Return *value*, a text or a list or mapping that holds texts, with format strings in place of texts."""
    return _each(value, _format_string)


def filled(value: Any, plan: Plan) -> Any:
    """Return *value* with the names of *plan* in the places of its texts, as the migrator does for a new aggregate."""
    names = [_Names(relation) for relation in plan.relations]
    return _each(value, lambda text: _format_string(text).format(*names))


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each(entry, change) for key, entry in value.items()}
    return [_each(entry, change) for entry in value] if isinstance(value, list) else value


def _format_string(text: str) -> str:
    parts = text.split(_MARK)
    parts[::2] = [part.replace("{", "{{").replace("}", "}}") for part in parts[::2]]
    parts[1::2] = [f"{{{place}}}" for place in parts[1::2]]
    return "".join(parts)


class _Name(str):
    __slots__ = ()

    def __format__(self, form: str) -> str:
        return _FORMS[form](str(self))


class _Names:
    def __init__(self, relation: Relation) -> None:
        self.name, self.live = _Name(relation.name), _Name(relation.live)
        self.rows_function, self.index = _Name(relation.rows_function), _Name(relation.index)
        for part in KEPT:
            setattr(self, part, _Name(relation.kept(part)))
