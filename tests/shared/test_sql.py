"""The code generator writes names, literals and intervals as the library does, though neither imports the other."""

from __future__ import annotations

from datetime import timedelta

import psycopg
from adi_analytics._shared import sql
from adi_analytics_codegen.backends.sql.text import names
from adi_analytics_codegen.model import tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# What a catalog cannot hold: control characters, and halves of characters, which are no text.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80)
SPANS = st.integers(min_value=0, max_value=10**8)
RELAXED = settings(deadline=None, max_examples=200)
ON_A_SERVER = settings(RELAXED, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RELAXED
@given(TEXTS)
def test_names_are_written_alike(text: str) -> None:
    assert sql.quote(text) == names.identifier(text)
    assert sql.shorten(text) == tables.shorten(text)
    assert len(sql.shorten(text).encode()) <= tables.MAX_IDENTIFIER


@RELAXED
@given(TEXTS.filter(lambda text: "\\" not in text))
def test_literals_are_written_alike(text: str) -> None:
    assert sql.literal(text) == names.literal(text)


@ON_A_SERVER
@given(text=TEXTS, seconds=SPANS)
def test_literals_and_intervals_mean_the_same(postgres_dsn: str, text: str, seconds: int) -> None:
    span = timedelta(seconds=seconds)
    pairs = [
        (sql.literal(text), names.literal(text)),
        (sql.interval(seconds), names.interval(span)),
        (sql.interval(seconds), names.exact_interval(span)),
    ]
    with psycopg.connect(postgres_dsn, autocommit=True, prepare_threshold=None) as connection:
        for ours, theirs in pairs:
            assert connection.execute(f"select {ours} = {theirs}".encode()).fetchone() == (True,)
