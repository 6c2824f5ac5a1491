"""Which version of the package this is. Reading it takes 20 ms, so import this module where it is needed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("adi-analytics")
    except PackageNotFoundError:  # source files on the path that nobody installed
        return "unknown"


__version__ = _installed()
