"""Finds the data that ships with the package: migrations, generated SQL and JSON Schemas.

In a checkout they are the folders beside ``events.yaml``; in an installation they are under ``adi_analytics/_data``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from adi_analytics.errors import AnalyticsError

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_IN_CHECKOUT: Final = {"migrations": "migrations", "sql": "generated/sql", "json_schema": "generated/json_schema"}


class ResourceMissingError(AnalyticsError):
    """A data folder of the package is in neither of the two places where it can be.

    Attributes:
        name: The folder, for example ``migrations``.
        looked_in: The paths that were tried.
    """

    def __init__(self, name: str, looked_in: tuple[Path, ...]) -> None:
        super().__init__(name, looked_in)
        self.name = name
        self.looked_in = looked_in

    def __str__(self) -> str:
        tried = " or ".join(str(path) for path in self.looked_in)
        return (
            f"the data folder {self.name!r} of adi-analytics is missing: expected it at {tried}. "
            "Reinstall the package, or run `nox -s codegen` in a checkout."
        )


def checkout_root() -> Path | None:
    """Return the checkout that this module runs from, or ``None`` for an installed package."""
    root = _PACKAGE.parent.parent
    return root if (root / "events.yaml").is_file() else None


def is_installed(path: Path) -> bool:
    """Whether *path* is among the data of the installed package, which an upgrade replaces."""
    return path.resolve().is_relative_to(_PACKAGE)


def data_dir(name: str) -> Path:
    """Return the folder called *name*: ``migrations``, ``sql`` or ``json_schema``.

    The migrations of a checkout need not be there yet: a catalog's first ``analytics-migrate new`` makes the folder.

    Raises:
        ResourceMissingError: If it is neither beside ``events.yaml`` nor under ``adi_analytics/_data``.
    """
    installed = _PACKAGE / "_data" / name
    root = checkout_root()
    candidates = (installed,) if root is None else (root / _IN_CHECKOUT[name], installed)
    for path in candidates:
        if path.is_dir() or (root is not None and name == "migrations"):
            return path
    raise ResourceMissingError(name, candidates)
