"""How much the slow tests do: a part by default, everything where ADI_ANALYTICS_ALL_BACKENDS=1 asks for it."""

from __future__ import annotations

import os
from typing import Final

IN_FULL: Final = os.environ.get("ADI_ANALYTICS_ALL_BACKENDS") == "1"


def examples(number: int) -> int:
    """Return how many random examples a slow test tries: *number* of them in full, else a third."""
    return number if IN_FULL else -(-number // 3)
