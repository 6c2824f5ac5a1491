"""How values of the model show themselves."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


class Shown:
    """Shows its fields as a dataclass does.

    A ``__repr__`` that ``dataclass`` makes costs half of what the class costs at start-up, and each command makes
    dozens of classes. So they say ``repr=False`` and have this one.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        this: Any = self
        shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(this) if one.repr)
        return f"{type(self).__qualname__}({shown})"
