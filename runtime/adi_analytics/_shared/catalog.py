"""The catalog of a program: the value ``CATALOG`` of a generated package, and how it is found."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

from adi_analytics._shared.project import find_project
from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from adi_analytics._shared.project import Project

VARIABLE: Final = "ADI_ANALYTICS_CATALOG"
ENTRY_POINTS: Final = "adi_analytics.catalogs"
OWN: Final = "adi_analytics_events"
"""The package of the catalog that the library's wheel holds beside the library."""
FORMAT: Final = 2
"""The newest format of ``CATALOG`` that this library knows."""


@runtime_checkable
class Catalog(Protocol):
    """What a client, a worker and the migrator must know of a catalog; ``CATALOG`` of a generated package fits it.

    Attributes:
        name: The catalog's name, which its database carries, too.
        format: The version of this description.
        fingerprint: The hash of the catalog: equal for catalogs that mean the same.
        package: The import name of the generated package.
        table: The events table.
        dead_letters_table: The table of events that could not be stored.
        late_after: Age in seconds from which a new row is marked as late; ``None`` without aggregates.
        events: Event name to class.
        decoders: Event name to an object whose ``decode`` takes the event's JSON.
        data: The folder of ``sql``, ``json_schema`` and ``migrations`` in a built wheel; it need not be there.
    """

    @property
    def name(self) -> str: ...
    @property
    def format(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def package(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def dead_letters_table(self) -> str: ...
    @property
    def late_after(self) -> int | None: ...
    @property
    def events(self) -> Mapping[str, type[Any]]: ...
    @property
    def decoders(self) -> Mapping[str, Any]: ...
    @property
    def data(self) -> Path: ...


def has_text_ids(catalog: object) -> bool:
    """Return whether the column ``user_id`` of *catalog* is a text. A package of an older generator has uuids."""
    return getattr(catalog, "user_id", "uuid") == "string"


CatalogLike: TypeAlias = Catalog | ModuleType | str
"""A catalog, the generated package that holds it, or that package's import name."""


class CatalogError(AnalyticsError, ValueError):
    """The catalog can't be told, or can't be used.

    Attributes:
        problem: What is wrong.
        remedy: How to mend it.
    """

    problem = ""
    remedy = ""

    def __str__(self) -> str:
        return f"{self.problem}. {self.remedy}"


class CatalogMissingError(CatalogError):
    """Nothing says which catalog to use."""

    problem = (
        "no catalog was found: there is no project in this folder or above, and no installed package declares the "
        f"entry point group {ENTRY_POINTS}"
    )
    remedy = (
        f"Pass catalog= (a command takes --catalog or --project), set {VARIABLE} to the import name of your generated "
        "package, or make a project with `analytics-codegen init`."
    )


class CatalogAmbiguousError(CatalogError):
    """Several installed packages hold a catalog, and nothing says which one to use.

    Attributes:
        packages: Their import names.
    """

    remedy = f"Pass catalog= (a command takes --catalog), or set {VARIABLE} to the one that you mean."

    def __init__(self, packages: tuple[str, ...]) -> None:
        super().__init__(packages)
        self.packages = packages
        self.problem = f"several catalogs are installed: {', '.join(packages)}"


class CatalogInvalidError(CatalogError):
    """A package holds no catalog that this library can use.

    Attributes:
        package: Its import name.
        fault: What is wrong with it.
    """

    def __init__(self, package: str, fault: str, remedy: str) -> None:
        super().__init__(package, fault, remedy)
        self.package = package
        self.fault = fault
        self.problem = f"the package {package} {fault}"
        self.remedy = remedy


def resolve_catalog(given: CatalogLike | None = None) -> Catalog:
    """Return the catalog to use.

    The first of these that says one: the argument; ``ADI_ANALYTICS_CATALOG``; the one generated package that the
    program has imported; the project in the working directory or above; the one installed package with an entry point
    in the group ``adi_analytics.catalogs``. The catalog that this library ships counts as imported only if nothing else
    says one.

    Raises:
        CatalogMissingError: If none does.
        CatalogAmbiguousError: If several packages are installed, and nothing else says which one.
        CatalogInvalidError: If the package is not generated, or by a newer generator.
        ProjectError: If the project's ``[tool.adi-analytics]`` is wrong.
    """
    given = given or os.environ.get(VARIABLE)
    if given:
        return catalog_of(given)
    imported = {catalog.package: catalog for catalog in _imported()}
    own = imported.pop(OWN, None)
    if len(imported) == 1:
        return checked(next(iter(imported.values())))
    project = find_project()
    if project is not None and (package := package_of(project)):
        return catalog_of(package)
    try:
        return catalog_of(installed_package())
    except CatalogMissingError:
        if own is None or imported:
            raise
        return own


def catalog_of(given: CatalogLike) -> Catalog:
    """Return the catalog that *given* is, holds or names.

    Raises:
        CatalogInvalidError: If there is none.
    """
    if isinstance(given, str):
        given = _import(given)
    if isinstance(given, ModuleType):
        found = getattr(given, "CATALOG", None)
        if not isinstance(found, Catalog):
            raise CatalogInvalidError(
                given.__name__,
                "has no CATALOG",
                "Expected a package made by `analytics-codegen generate`; run it again if it is one.",
            )
        given = found
    return checked(given)


def _import(package: str) -> ModuleType:
    if not all(part.isidentifier() for part in package.split(".")):
        raise CatalogInvalidError(
            repr(package), "has no name that Python could import", "Expected one like shop_events."
        )
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{package}.".startswith(f"{error.name}."):
            fault, remedy = "can't be imported", "Install it, or put the folder above it on PYTHONPATH."
        else:
            fault, remedy = f"needs the module {error.name}, which is not there", "Install what it needs."
        raise CatalogInvalidError(package, fault, remedy) from error
    except Exception as error:
        fault = f"can't be imported: {type(error).__name__}: {error}"
        raise CatalogInvalidError(
            package, fault, "Run `analytics-codegen generate` again if it is generated."
        ) from error


def checked(catalog: Catalog) -> Catalog:
    """Return *catalog* if this library knows its format.

    Raises:
        CatalogInvalidError: If it is newer.
    """
    if not isinstance(catalog, Catalog):
        raise CatalogInvalidError(
            type(catalog).__name__,
            "is no catalog",
            "Pass CATALOG of a generated package, the package, or its name.",
        )
    check_format(catalog.package, catalog.format)
    return catalog


def check_format(package: str, found: int) -> None:
    """Check that this library knows the format of the catalog in *package*.

    Raises:
        CatalogInvalidError: If it is newer.
    """
    if found > FORMAT:
        raise CatalogInvalidError(
            package,
            f"was generated by a newer analytics-codegen: its format is {found}, this library knows {FORMAT}",
            "Upgrade adi-analytics.",
        )


def installed_package() -> str:
    """Return the one installed package that declares a catalog.

    Raises:
        CatalogMissingError: If there is none.
        CatalogAmbiguousError: If there are several.
    """
    from importlib import metadata  # it takes longer to import than the rest of this module

    packages = sorted({entry.value.partition(":")[0] for entry in metadata.entry_points(group=ENTRY_POINTS)})
    if not packages:
        raise CatalogMissingError
    if len(packages) > 1:
        raise CatalogAmbiguousError(tuple(packages))
    return packages[0]


def package_of(project: Project) -> str | None:
    """Return the import name of the package that *project* generates; ``None`` if it generates none, or several."""
    if project.package is not None:
        return project.package
    folder = project.generated / "python"
    packages = [path.parent.name for path in folder.glob("*/_catalog.py")]
    return packages[0] if len(packages) == 1 else None


def _imported() -> list[Catalog]:
    found: dict[int, Catalog] = {}
    for module in list(sys.modules.values()):
        # Not getattr(): a module may make its attributes on demand, which is not for us to start.
        value = getattr(module, "__dict__", {}).get("CATALOG")
        if value is not None and type(value).__name__ == "GeneratedCatalog" and isinstance(value, Catalog):
            found[id(value)] = value
    return list(found.values())
