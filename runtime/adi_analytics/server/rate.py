"""The rate limit: a bucket of tokens for each client, which fills again with time.

Each process has its own buckets: with several, a client may send as often to each of them.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from adi_analytics.server.problems import ProblemError

BURST: Final = 2.0
"""Seconds' worth of requests that may come at once."""

_MOST: Final = 10_000  # clients that are remembered; then those that were quiet longest are forgotten
_PREFIX: Final = 64  # bits of an IPv6 address that name one customer's network


class RateLimit:
    """Counts the requests of clients.

    Args:
        rate: Requests a second that each may send; 0 for any number.
        clock: Tells the time in seconds; it never goes back.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._size = max(1.0, rate * BURST)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many clients are remembered."""
        return len(self._buckets)

    def take(self, client: str) -> None:
        """Count a request of *client*.

        Raises:
            ProblemError: If it sends too many: 429, with the seconds to wait in ``Retry-After``.
        """
        if not self._rate:
            return
        now = self._clock()
        left, at = self._buckets.pop(client, (self._size, now))
        left = min(self._size, left + (now - at) * self._rate)
        allowed = left >= 1.0
        self._buckets[client] = (left - allowed, now)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = max(1, math.ceil((1.0 - left) / self._rate))
            detail = f"There are more than {self._rate:g} requests a second from you. Wait as Retry-After says."
            raise ProblemError(429, "too-many-requests", detail, headers={"Retry-After": str(wait)}, limit=self._rate)


def network_of(address: str | None) -> str:
    """Return the client that an *address* stands for: itself, or for IPv6 its network of 64 bits."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((int(found), _PREFIX), strict=False))
