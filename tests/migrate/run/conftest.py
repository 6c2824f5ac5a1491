"""Small migrations to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.migrating import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four small migrations: pre, post, pre (stepped), post."""
    made = tmp_path / "small"
    write(made, "0001_pre_a")
    write(made, "0002_post_b", "-- phase: post\ncreate table b (i int);\n")
    write(
        made,
        "0003_pre_c",
        "-- phase: pre\n-- transaction: off\n-- step: one\ncreate index concurrently if not exists c_i on a (i);\n"
        "-- step: two\ncreate table if not exists c (i int);\n",
    )
    write(made, "0004_post_d", "-- phase: post\ncreate table d (i int);\n")
    return made
