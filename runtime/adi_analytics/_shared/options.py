"""The options of the client and the worker: names, types, defaults, and how each is read from the environment."""

from __future__ import annotations

import importlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, get_args, get_origin, get_type_hints

from adi_analytics._shared.catalog import Catalog, CatalogLike, resolve_catalog
from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from adi_analytics.enriched import EnrichedEvent

WhenFull = Literal["drop_newest", "drop_oldest", "block"]
SpoolMode = Literal["off", "overflow", "always"]
SpoolFull = Literal["drop_newest", "drop_oldest"]
BeforeSend = Callable[["EnrichedEvent"], "EnrichedEvent | None"]

ENV_PREFIX: Final = "ADI_ANALYTICS_"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


class OptionError(AnalyticsError, ValueError):
    """An option has a value that it cannot have, or does not exist.

    Attributes:
        option: The option, or the environment variable that set it.
        expected: What it accepts.
    """

    def __init__(self, option: str, expected: str) -> None:
        super().__init__(option, expected)
        self.option = option
        self.expected = expected

    def __str__(self) -> str:
        return f"option {self.option}: expected {self.expected}"


class Options(TypedDict, total=False):
    """The keyword arguments of `AnalyticsClient.create` and `AnalyticsClient.connect`; described in `Settings`."""

    service: str
    environment: str
    hostname: str
    enabled: bool
    strict: bool
    batch_size: int
    flush_interval: float
    max_batch: int
    max_batch_bytes: int
    max_event_bytes: int
    max_queue: int
    when_full: WhenFull
    block_timeout: float
    sample_rates: Mapping[str, float]
    before_send: BeforeSend | None
    hash_key: str | None
    spool: SpoolMode
    spool_dir: str | os.PathLike[str]
    spool_max_bytes: int
    spool_segment_bytes: int
    spool_full: SpoolFull
    spool_linger: float
    spool_fsync_interval: float
    dead_letter_file: str | os.PathLike[str]
    shutdown_timeout: float
    connect_timeout: float
    statement_timeout: float
    retry_base: float
    retry_cap: float
    log_interval: float
    table: str
    catalog: CatalogLike | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every option with its default. Times are seconds, sizes are bytes.

    Each is also read from the environment, as ``ADI_ANALYTICS_`` and its name in capitals; an argument wins.
    """

    service: str = "unknown"
    """The program that sends the events, unless an event has a service of its own."""
    environment: str = "production"
    """Where the program runs, for example ``staging``."""
    hostname: str = ""
    """The machine; its host name when empty."""
    enabled: bool = True
    """``False`` makes `track` do nothing; see also `AnalyticsClient.enabled`."""
    strict: bool = False
    """Check each event inside `track` and raise `InvalidEventError`, which costs microseconds."""
    batch_size: int = 100
    """Number of events that wakes the worker."""
    flush_interval: float = 10.0
    """Maximum time before a partial batch is sent."""
    max_batch: int = 5000
    """Maximum rows in one transaction."""
    max_batch_bytes: int = 8 * 2**20
    """Maximum bytes of rows in one transaction."""
    max_event_bytes: int = 2**20
    """A larger event becomes a dead letter."""
    max_queue: int = 100_000
    """Maximum events that wait in memory."""
    when_full: WhenFull = "drop_newest"
    """What `track` does when ``max_queue`` events wait."""
    block_timeout: float = 0.1
    """Maximum time that `track` waits with ``when_full="block"``; it never waits on an event loop."""
    sample_rates: Mapping[str, float] = field(default_factory=dict)
    """The share of events kept, 0 to 1, by event type. In the environment: ``api_request=0.1,task_started=0.5``."""
    before_send: BeforeSend | None = None
    """Called in the worker with each event; returns it, another, or ``None``. Env: ``module:function``."""
    hash_key: str = field(default="", repr=False)
    """The key of the catalog's ``store: hash``. Without one such fields are left out."""
    spool: SpoolMode = "off"
    """When events go to disk: never, when the server is unavailable, or before each delivery."""
    spool_dir: str = ""
    """The directory of the spool, shared by the processes of one machine."""
    spool_max_bytes: int = 256 * 2**20
    """Maximum bytes in the spool's directory."""
    spool_segment_bytes: int = 8 * 2**20
    """The size at which a new segment file starts."""
    spool_full: SpoolFull = "drop_newest"
    """At the limit: keep new events in memory, where ``when_full`` applies, or delete the oldest segment."""
    spool_linger: float = 0.05
    """With ``spool="always"``, maximum time from `track` to the disk, unless the worker is waiting for the server."""
    spool_fsync_interval: float = 0.0
    """Seconds between fsyncs; 0 syncs each batch."""
    dead_letter_file: str = ""
    """Where dead letters go when their table takes none; when empty, in the spool's or the user's state directory."""
    shutdown_timeout: float = 5.0
    """Maximum time that the end of the program waits for delivery."""
    connect_timeout: float = 10.0
    """Maximum time for one attempt to connect."""
    statement_timeout: float = 60.0
    """Maximum time of one statement; after 5 more silent seconds the server is treated as unavailable."""
    retry_base: float = 0.1
    """The first pause after a fault; it doubles, with full jitter."""
    retry_cap: float = 30.0
    """The longest pause after a fault."""
    log_interval: float = 60.0
    """The shortest time between two log lines about the same loss or fault."""
    table: str = ""
    """The events table; the catalog's when empty."""
    catalog: CatalogLike | None = field(default=None, repr=False)
    """The catalog of the events: ``CATALOG`` of a generated package, the package, or its name."""

    def __post_init__(self) -> None:
        for option in fields(self):
            kind, value = type(option.default), getattr(self, option.name)
            wanted = _TYPES.get(kind)
            strange = isinstance(value, bool) and kind is not bool  # to Python a bool is a number
            if wanted is not None and (strange or not isinstance(value, wanted[0])):
                raise OptionError(option.name, wanted[1])
        for name in ("service", "environment", "hostname", "hash_key", "table"):
            if not _is_storable(getattr(self, name)):
                raise OptionError(name, "text that UTF-8 can hold, without NUL")
        for name, (holds, expected) in _RULES.items():
            if not holds(getattr(self, name)):
                raise OptionError(name, expected)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise OptionError(name, f"one of {', '.join(choices)}")
        if self.spool != "off" and not self.spool_dir:
            raise OptionError("spool_dir", f"a directory, because spool is {self.spool!r}")


_TYPES: Final[dict[type, tuple[type | tuple[type, ...], str]]] = {
    str: (str, "text"),
    bool: (bool, "True or False"),
    int: (int, "a whole number"),
    float: ((int, float), "a number"),
}


def _is_storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:  # a lone surrogate, such as Python makes of a variable that is not UTF-8
        return False


def _are_shares(rates: Any) -> bool:
    return isinstance(rates, Mapping) and all(
        isinstance(rate, (int, float)) and 0 <= rate <= 1 for rate in rates.values()
    )


_POSITIVE: Final = (lambda value: value > 0, "a number above 0")
_LONGEST: Final = 1_000_000  # seconds, 11 days: every clock, lock and server setting can hold it
_DURATION: Final = (lambda value: 0 < value <= _LONGEST, f"a number above 0, at most {_LONGEST}")
_PAUSE: Final = (lambda value: 0 <= value <= _LONGEST, f"a number from 0 to {_LONGEST}")
_RULES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "batch_size": _POSITIVE,
    "flush_interval": _DURATION,
    "max_batch": _POSITIVE,
    "max_batch_bytes": _POSITIVE,
    "max_event_bytes": _POSITIVE,
    "max_queue": _POSITIVE,
    "block_timeout": _PAUSE,
    "spool_max_bytes": _POSITIVE,
    "spool_segment_bytes": _POSITIVE,
    "spool_linger": _PAUSE,
    "spool_fsync_interval": _PAUSE,
    "shutdown_timeout": _PAUSE,
    "connect_timeout": _DURATION,
    "statement_timeout": _DURATION,
    "retry_base": _DURATION,
    "retry_cap": _DURATION,
    "log_interval": _PAUSE,
    "sample_rates": (_are_shares, "shares from 0 to 1 by event type"),
    "before_send": (lambda hook: hook is None or callable(hook), "a function of one EnrichedEvent"),
}
_CHOICES: Final = {"when_full": get_args(WhenFull), "spool": get_args(SpoolMode), "spool_full": get_args(SpoolFull)}


def seconds_from(timeout: float) -> float:
    """Return how long to wait for *timeout* seconds: less than 0 is 0, and ``inf`` as long as it takes.

    Raises:
        OptionError: If it is no number.
    """
    if not isinstance(timeout, (int, float)) or timeout != timeout:  # noqa: PLR0124 - true of nan only
        raise OptionError("timeout", "a number of seconds")
    return max(0.0, min(timeout, threading.TIMEOUT_MAX / 2))  # half, because a little grace is added to it


def settings_from(options: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings made of the defaults, the environment and *options*, the last winning.

    A text that is ``None`` counts as not given, as in ``hash_key=os.environ.get("KEY")``.

    Raises:
        OptionError: If an option is unknown or has a value that it cannot have.
    """
    known = {field.name for field in fields(Settings)}
    texts = {field.name for field in fields(Settings) if isinstance(field.default, str)}
    options = {
        name: os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, value in options.items()
        if value is not None or name not in texts
    }
    for name in options:
        if name not in known:
            raise OptionError(name, f"one of {', '.join(sorted(known))}")
    found = _from_environment(os.environ if environ is None else environ)
    try:
        settings = Settings(**{**found, **options})
    except OptionError as error:
        if error.option not in found or error.option in options:
            raise
        raise OptionError(ENV_PREFIX + error.option.upper(), error.expected) from None
    return settings if settings.hostname else replace(settings, hostname=socket.gethostname())


def with_catalog(settings: Settings) -> Settings:
    """Return *settings* with the catalog itself, found by `resolve_catalog`.

    Raises:
        CatalogError: If none is found, or if it can't be used.
    """
    return replace(settings, catalog=resolve_catalog(settings.catalog))


def catalog_in(settings: Settings) -> Catalog:
    """Return the catalog of *settings* that went through `with_catalog`."""
    return resolve_catalog(settings.catalog)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    hints = get_type_hints(Settings, localns={"EnrichedEvent": object})
    for option in fields(Settings):
        if option.name == "catalog":  # `resolve_catalog` reads it, with the rest of its rule
            continue
        variable = ENV_PREFIX + option.name.upper()
        if text := environ.get(variable):
            parse, expected = _PARSERS.get(get_origin(hints[option.name]) or hints[option.name], _PARSERS[str])
            if option.name == "before_send":
                parse, expected = _import_function, "module:function, which can be imported"
            try:
                found[option.name] = parse(text)
            except (ValueError, ImportError, AttributeError) as error:
                raise OptionError(variable, expected) from error
    return found


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


def _rates(text: str) -> dict[str, float]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip(): float(rate) for name, _, rate in pairs}


def _import_function(text: str) -> Any:
    module, _, name = text.partition(":")
    if not module or not name:
        raise ValueError(text)
    return getattr(importlib.import_module(module), name)


_PARSERS: Final[dict[Any, tuple[Callable[[str], Any], str]]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    bool: (_boolean, "true or false"),
    Mapping: (_rates, "event=share pairs, separated by commas"),
}
