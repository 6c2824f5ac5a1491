"""No value that the policy hides is left behind."""

from __future__ import annotations

from typing import Any

from adi_analytics._engine.rows.store_policy import StorePolicy
from hypothesis import given
from hypothesis import strategies as st
from support.runtime.json_values import JSON


@given(values=st.dictionaries(st.sampled_from(["email", "name", "n", "inner"]), JSON))
def test_the_policy_leaves_no_value_behind(values: dict[str, Any]) -> None:
    policy = StorePolicy({"email": "hash", "inner.secret": "drop"}, "key")
    values = {
        **values,
        "inner": [{"secret": "s3cr3t", "open": 1}, {"secret": None}, "text"],
        "email": "ada@example.org",
    }
    kept = policy.apply(values)
    assert kept["inner"] == [{"open": 1}, {"secret": None}, "text"]
    assert len(kept["email"]) == 64
    assert StorePolicy({"email": "hash"}, "key").apply({"email": "ada@example.org"})["email"] == kept["email"]
    assert StorePolicy({"email": "hash"}, "other").apply({"email": "ada@example.org"})["email"] != kept["email"]


def test_the_policy_without_a_key_leaves_the_value_out() -> None:
    policy = StorePolicy({"email": "hash"}, "")
    assert policy.apply({"email": "a", "b": 1}) == {"b": 1}
    assert policy.unkeyed == ("email",)
