"""Where the tests find the repository's files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]
ROOT: Final = TESTS.parent
EVENTS: Final = ROOT / "events.yaml"
EXAMPLES: Final = ROOT / "examples"
FIXTURES: Final = TESTS / "codegen" / "fixtures"
