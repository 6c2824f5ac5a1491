"""Workers of the tests: functions that a process of its own can import."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from uvicorn.config import STARTUP_FAILURE


def sleep(_pulse: Any) -> None:
    """Do nothing for long."""
    time.sleep(3600)


def beat(begun: Path, pulse: Any) -> None:
    """Raise the pulse for long, and make the file *begun* when it beats."""
    for _ in range(360_000):
        pulse.value += 1
        begun.touch()
        time.sleep(0.01)


def fail(_pulse: Any) -> None:
    """Say that nothing can begin."""
    sys.exit(STARTUP_FAILURE)
