"""Load a catalog and check all of it: what every command starts with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adi_analytics_codegen.check.examples import example_findings
from adi_analytics_codegen.check.relations import relation_findings
from adi_analytics_codegen.load.loader import Loaded, resolve
from adi_analytics_codegen.load.source.files import read_file
from adi_analytics_codegen.model.findings import CatalogError, ordered

if TYPE_CHECKING:
    from pathlib import Path

    from adi_analytics_codegen.load.source.files import Read
    from adi_analytics_codegen.model.catalog import Catalog


def load(path: Path, read: Read = read_file) -> Loaded:
    """Load the catalog at *path* and everything that it includes, and report every error in it.

    Args:
        path: The main file.
        read: Returns the bytes of a file; raises ``OSError`` when it cannot.
    """
    loaded = resolve(path, read)
    findings = [*loaded.findings, *example_findings(loaded)]
    if loaded.catalog is not None:
        findings += relation_findings(loaded.catalog)
    return replace(loaded, findings=ordered(findings))


def load_catalog(path: Path) -> Catalog:
    """Return the catalog at *path*.

    Raises:
        CatalogError: If it has errors.
    """
    loaded = load(path)
    if loaded.catalog is None:
        raise CatalogError(loaded.findings)
    return loaded.catalog
