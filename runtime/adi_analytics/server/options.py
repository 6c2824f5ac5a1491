"""What a service is told when it starts."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from adi_analytics._shared.catalog import CatalogLike
from adi_analytics._shared.options import OptionError
from adi_analytics.server.ingest.body import Limits

_LONGEST: Final = 86_400.0
_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """The options of `create_app`.

    Attributes:
        database_url: Where to connect to, or a function that says it for each connection. Defaults to
            ``DATABASE_URL``, then ``PLATFORM_DATABASE_URL``, then ``.env``.
        catalog: The catalog of the events. Defaults to the rule of `resolve_catalog`.
        service: The program that the events are said to come from, unless they say it themselves.
        spool_dir: Where events wait while the database is away. Without one they are refused with 503 then.
        spool_max_bytes: Most bytes in that folder. Defaults to 256 MiB.
        hash_key: The key of the catalog's ``store: hash``. Without one such fields are left out.
        connections: Most connections to the database that take events. Defaults to 4.
        read_database_url: Where answers are read, for example as a role that may only read. Defaults to the database
            that takes the events.
        read_connections: Most connections that answers are read over. Defaults to 4.
        query_timeout: Seconds for each statement of an answer. Defaults to 30.
        suppress_below: Distinct counts from 1 up to this, exclusive, are answered as null. Defaults to showing all.
        overview_age: Most seconds that the numbers of ``/overview`` may be old: while they take more than 0.05 s to
            count, they are kept 20 times as long as that took, up to this. 0 counts for each request. Defaults to 10.
        limits: What a request may cost.
        rate_limit: Requests a second that each client may send to each process: the holder of a token, or without one
            an address. Two seconds' worth may come at once. 0 is no limit. Defaults to 100.
        cors_origins: Origins, such as ``https://app.example.org``, whose pages may use the service in a browser; ``*``
            for all. Defaults to none.
        without_tokens: Whether anybody may send events and read. Only for a service on this machine alone.
        dashboard: Whether there is a page at ``/`` that shows the answers. Defaults to yes.
        samples: Whether the database holds made-up events: each page and answer says so, and no event is taken.
    """

    database_url: str | Callable[[], str] | None = None
    catalog: CatalogLike | None = None
    service: str | None = None
    spool_dir: str | None = None
    spool_max_bytes: int | None = None
    hash_key: str | None = field(default=None, repr=False)
    connections: int = 4
    read_database_url: str | Callable[[], str] | None = None
    read_connections: int = 4
    query_timeout: float = 30.0
    suppress_below: int | None = None
    overview_age: float = 10.0
    limits: Limits = field(default_factory=Limits)
    rate_limit: float = 100.0
    cors_origins: Sequence[str] = ()
    without_tokens: bool = False
    dashboard: bool = True
    samples: bool = False

    def __post_init__(self) -> None:
        for name in ("connections", "read_connections"):
            if getattr(self, name) < 1:
                raise OptionError(name, "a whole number above 0")
        if not 0 < self.query_timeout < _LONGEST:
            raise OptionError("query_timeout", "seconds above 0")
        if not 0 <= self.overview_age < _LONGEST:
            raise OptionError("overview_age", "seconds, or 0 to count for each request")
        if self.suppress_below is not None and self.suppress_below < 1:
            raise OptionError("suppress_below", "a whole number above 0")
        if not (math.isfinite(self.rate_limit) and self.rate_limit >= 0):
            raise OptionError("rate_limit", "requests a second, or 0 for no limit")
        if isinstance(self.cors_origins, str) or not all(o == "*" or _ORIGIN.fullmatch(o) for o in self.cors_origins):
            raise OptionError(
                "cors_origins", "a list of origins in small letters, such as https://app.example.org, or *"
            )


def require_loopback(host: str) -> None:
    """Check that *host* is this machine's own, as a service without tokens needs it.

    Raises:
        OptionError: If others could reach it.
    """
    try:
        own = ipaddress.ip_address(host).is_loopback
    except ValueError:
        own = host == "localhost"
    if not own:
        raise OptionError("without_tokens", "a host that is this machine alone, such as 127.0.0.1")
