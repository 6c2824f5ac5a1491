"""Versions of stored buckets."""

from __future__ import annotations

from typing import Final

TICKS: Final = 4096
"""Versions to a microsecond. A version is when its refresh began, and a part by chance: two never have the same one."""
