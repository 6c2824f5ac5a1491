"""What a server's error means for a batch, and how long the pause after it is."""

from __future__ import annotations

import psycopg
import pytest
from adi_analytics._engine.delivery.faults import Backoff, Verdict
from adi_analytics._engine.stores.postgres_faults import verdict_of


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (None, Verdict.RETRY),
        ("08006", Verdict.RETRY),
        ("57P01", Verdict.RETRY),
        ("57014", Verdict.RETRY),
        ("40001", Verdict.RETRY),
        ("40P01", Verdict.RETRY),
        ("55P03", Verdict.RETRY),
        ("53100", Verdict.RETRY),
        ("25006", Verdict.RETRY),
        ("42P01", Verdict.HOLD),
        ("42501", Verdict.HOLD),
        ("28P01", Verdict.HOLD),
        ("3D000", Verdict.HOLD),
        ("55000", Verdict.HOLD),
        ("XX000", Verdict.HOLD),
        ("22P05", Verdict.ROW),
        ("23502", Verdict.ROW),
        ("23514", Verdict.ROW),
        ("54000", Verdict.ROW),
        ("P0001", Verdict.ROW),
        ("23505", Verdict.DUPLICATE),
    ],
)
def test_verdicts(state: str | None, verdict: Verdict) -> None:
    error = psycopg.OperationalError() if state is None else psycopg.errors.lookup(state)()
    assert verdict_of(error) is verdict


def test_pauses_double_up_to_the_cap_with_jitter() -> None:
    backoff = Backoff(0.1, 5.0)
    for round_number in range(200):
        bound = min(5.0, 0.1 * 2**round_number)
        assert bound / 10 <= backoff.next() <= bound
    backoff.reset()
    assert backoff.next() <= 0.1
