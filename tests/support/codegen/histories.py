"""Random edits of a catalog, legal or not: `analytics-codegen breaking` is who says which."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from support.codegen.catalogs import NAMES, fields

Draw = Callable[[st.SearchStrategy[Any]], Any]
Members = dict[str, Any]


@st.composite
def edits(draw: Any, catalog: dict[str, Any]) -> dict[str, Any]:
    """Return *catalog* with one change to one of its events or enums."""
    changed: dict[str, Any] = copy.deepcopy(catalog)
    event = changed["events"][draw(st.sampled_from(sorted(changed["events"])))]
    if draw(st.booleans()):
        event["version"] += 1
    path, members = draw(st.sampled_from(list(_members(event["fields"]))))
    if not members or draw(st.integers(0, 3)) == 0:
        name = draw(NAMES.filter(lambda name: path + name not in event.get("reserved", ()) and name not in members))
        members[name] = draw(fields(list(changed["enums"]), 1, name))
        return changed
    name = draw(st.sampled_from(sorted(members)))
    draw(st.sampled_from([_remove, _rename, _switch_optional, _loosen, _protect, _widen, _grow]))(
        draw, changed, event, path, members, name
    )
    return changed


def _members(fields: Members, path: str = "") -> Iterator[tuple[str, Members]]:
    """Yield the path of keys and the fields of an event, and of every object inside it."""
    yield path, fields
    for name, field in fields.items():
        inner = field
        while inside := inner.get("items", inner.get("values")):
            inner = inside
        if "fields" in inner:
            yield from _members(inner["fields"], f"{path}{_part(name, field)}.")


def _part(name: str, field: dict[str, Any]) -> str:
    """Return the field's key as it stands in a path."""
    key: str = field.get("wire", name)
    return key.replace("~", "~0").replace(".", "~1")


def _remove(_draw: Draw, _catalog: Any, event: Any, path: str, members: Members, name: str) -> None:
    event.setdefault("reserved", []).append(path + _part(name, members.pop(name)))


def _rename(draw: Draw, _catalog: Any, _event: Any, _path: str, members: Members, name: str) -> None:
    """Call a field another name in code; in JSON it stays as it is."""
    other = draw(NAMES.filter(lambda other: other not in members))
    members[other] = {"wire": name, **members.pop(name)}


def _switch_optional(_draw: Draw, _catalog: Any, _event: Any, _path: str, members: Members, name: str) -> None:
    members[name]["optional"] = not members[name].get("optional", False)
    for key in ("items", "values"):
        if key in members[name]:
            members[name][key]["nullable"] = not members[name][key].get("nullable", False)


def _loosen(_draw: Draw, _catalog: Any, _event: Any, _path: str, members: Members, name: str) -> None:
    for key in (
        "min",
        "max",
        "min_length",
        "max_length",
        "pattern",
        "format",
        "min_items",
        "max_items",
        "const",
        "default",
    ):
        members[name].pop(key, None)
    if "precision" in members[name]:
        members[name]["precision"] = min(38, members[name]["precision"] + 2)


def _protect(draw: Draw, _catalog: Any, _event: Any, _path: str, members: Members, name: str) -> None:
    members[name]["store"] = draw(st.sampled_from(["hash", "drop"]))


def _widen(_draw: Draw, catalog: Any, _event: Any, _path: str, members: Members, name: str) -> None:
    field = members[name]
    if field["type"] == "int":
        field["type"] = "float"
    elif field["type"] == "enum":
        enum = catalog["enums"][field.pop("enum")]
        field["type"] = enum.get("type", "string")


def _grow(draw: Draw, catalog: Any, _event: Any, _path: str, members: Members, name: str) -> None:
    if members[name]["type"] == "object" and "of" not in members[name]:
        members[name]["open"] = not members[name].get("open", False)
    enum = catalog["enums"].get(members[name].get("enum"))
    if enum is not None:
        enum["values"]["77" if "type" in enum else "ONE_MORE"] = "New"
        enum["open"] = enum.get("open", False) or draw(st.booleans())
