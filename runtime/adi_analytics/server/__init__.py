"""The service that takes events over HTTP and answers questions, for programs in any language.

`create_app` makes it, ``analytics-server run`` runs it, and ``analytics-server token`` makes the tokens of its clients.
Needs the extra ``[server]``.
"""

from typing import TYPE_CHECKING

from adi_analytics._shared.lazy import lazy_names

if TYPE_CHECKING:
    from adi_analytics.server.app import create_app
    from adi_analytics.server.ingest.body import Limits
    from adi_analytics.server.options import ServerOptions
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Limits": "adi_analytics.server.ingest.body",
            "ServerOptions": "adi_analytics.server.options",
            "create_app": "adi_analytics.server.app",
        },
    )

__all__ = ["Limits", "ServerOptions", "create_app"]
