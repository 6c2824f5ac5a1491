"""A PostgreSQL server from a wheel, for demos and tests; needs the extra ``[embedded]``."""

from adi_analytics.embedded.server import (
    EmbeddedMissingError,
    EmbeddedServer,
    EmbeddedServerError,
    attach_server,
    start_server,
)

__all__ = ["EmbeddedMissingError", "EmbeddedServer", "EmbeddedServerError", "attach_server", "start_server"]
