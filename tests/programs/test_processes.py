"""Programs of several processes: each delivers its own events, and the parent's queue is delivered once."""

from __future__ import annotations

import pytest

WAYS = [
    *(f"{way}:{method}" for way in ("process", "pool", "executor") for method in ("fork", "spawn", "forkserver")),
    "fork",
    "fork_of_fork",
    "fork_without_exit_hooks",
]


@pytest.mark.parametrize("way", WAYS)
def test_every_event_arrives_once(programs, way, request):
    programs.run(str(request.path.parent / "scripts" / "processes.py"), way)
    expected = [*range(50), *range(100, 200)]
    assert programs.rows("(data->>'duration_ms')::int") == {(number,): 1 for number in expected}
