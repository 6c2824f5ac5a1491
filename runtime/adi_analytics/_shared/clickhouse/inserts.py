"""What an insert says to the server, so that its answer means "stored"."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from adi_analytics._shared.clickhouse.address import ClickhouseAddress

# A default of the server or of the user's profile may mean less than "stored": each is said on each insert.
_INSERT: Final = {
    "async_insert": "0",
    "insert_deduplicate": "1",
    "wait_end_of_query": "1",  # else the status is sent before the end
    "distributed_foreground_insert": "1",
    "max_partitions_per_insert_block": "0",  # late events of many weeks; a batch has few rows
    "materialized_views_ignore_errors": "0",
    "input_format_with_names_use_header": "1",
    "input_format_with_types_use_header": "1",
    "input_format_skip_unknown_fields": "0",
    "input_format_null_as_default": "0",
    "input_format_allow_errors_num": "0",
    "input_format_allow_errors_ratio": "0",
}


def insert_settings(address: ClickhouseAddress, timeout: float) -> dict[str, str]:
    """Return the settings of an insert at *address* that may take *timeout* seconds."""
    if not address.insert_quorum:
        return dict(_INSERT)
    milliseconds = str(math.ceil(timeout * 1000))
    return _INSERT | {"insert_quorum": address.insert_quorum, "insert_quorum_timeout": milliseconds}
