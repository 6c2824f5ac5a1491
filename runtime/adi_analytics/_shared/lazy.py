"""Public names that are imported when they are first used, so that a command imports only what it needs (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType


class _Surface(ModuleType):
    """A package whose public names win over its rooms.

    The import system binds a room to its package once it is loaded: after ``migrate.drift.findings`` was imported,
    ``migrate.drift`` would be the room and no longer the function.
    """

    _public: frozenset[str] = frozenset()

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._public and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


def lazy_names(
    package: str, origins: Mapping[str, str], *, modules: tuple[str, ...] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of *package*.

    Args:
        package: Its ``__name__``.
        origins: Public name -> the module that defines it.
        modules: Public modules of the package.

    A name that needs psycopg raises `LibpqMissingError` if psycopg finds no libpq.
    """
    module = sys.modules[package]
    module.__dict__["_public"] = frozenset(origins)
    module.__class__ = _Surface

    def find(name: str) -> object:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in origins:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(_import(origins[name]), name)
        module.__dict__[name] = value  # the next use costs nothing
        return value

    def names() -> list[str]:
        return sorted({*module.__dict__, *origins, *modules})

    return find, names


def _import(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError:
        from adi_analytics._shared.libpq import require_libpq

        require_libpq()  # says what to install, if that is the reason
        raise
