"""Checks the JSON of an event as it is stored, after the store policy, against its class."""

from __future__ import annotations

import dataclasses
import operator
import types
from collections.abc import Callable, Mapping
from functools import cache, reduce
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from adi_analytics._engine.rows.extras import EXTRA
from adi_analytics._engine.rows.store_policy import part_of_path
from adi_analytics._engine.rows.validate import decoder_of, wire_names

_HASHED: Final[Any] = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


@cache
def stored_decoder_of(cls: Any) -> Callable[[bytes], object]:
    """Return what checks the JSON of stored events of *cls*.

    A field that the policy drops must not be there, and one that it hashes must be a hash, or be left out for want of a
    key. What such a field held can't be checked any more; all others must be what the class says.
    """
    return decoder_of(_as_stored(cls, cls.STORE) if cls.STORE else cls)


def unchecked_fields(cls: Any) -> tuple[str, ...]:
    """Return the paths of the fields that `stored_decoder_of` can't check, in order."""
    return tuple(sorted(cls.STORE))


def _as_stored(cls: Any, store: Mapping[str, str]) -> type:
    hints = get_type_hints(cls, include_extras=True)
    fields: list[Any] = []
    keys = wire_names(cls)
    for field in dataclasses.fields(cls):
        name, part = field.name, part_of_path(keys[field.name])
        rule = store.get(part)
        inner = {path.removeprefix(f"{part}."): to for path, to in store.items() if path.startswith(f"{part}.")}
        kind = _replaced(hints[name], inner) if inner else hints[name]
        if rule == "hash":
            fields.append((name, _HASHED | None, None))
        elif keys[name] == EXTRA:  # what an open object may have besides
            continue
        elif rule is None:
            fields.append((name, kind) if field.default is dataclasses.MISSING else (name, kind, field.default))
    tag = getattr(cls, "EVENT_TYPE", None)
    tag_field = None if tag is None else "type"
    return msgspec.defstruct(
        cls.__name__,
        fields,
        kw_only=True,
        forbid_unknown_fields=EXTRA not in keys.values(),
        tag=tag,
        tag_field=tag_field,
        rename=keys,
    )


def _replaced(hint: Any, store: Mapping[str, str]) -> Any:
    """Return the type *hint* with its class as it is stored."""
    if dataclasses.is_dataclass(hint):
        return _as_stored(hint, store)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[_replaced(args[0], store), *hint.__metadata__]
    if origin is Mapping:
        store = {path.removeprefix("*."): to for path, to in store.items()}
    inner = [_replaced(one, store) for one in args]
    if origin in {Union, types.UnionType}:
        return reduce(operator.or_, inner)
    generic: Any = origin
    return hint if generic is None else generic[tuple(inner)]
