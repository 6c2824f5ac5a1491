"""Standard streams that nobody reads any more."""

from __future__ import annotations

import contextlib
import os
from typing import TextIO


def forget(stream: TextIO | None) -> None:
    """Send what is still buffered in *stream* nowhere: the interpreter writes it at exit, and fails with 120."""
    with contextlib.suppress(OSError):
        if stream is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
