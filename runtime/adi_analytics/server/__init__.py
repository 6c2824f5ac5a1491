"""The service that takes events over HTTP and answers questions, for programs in any language.

`create_app` makes it, ``analytics-server run`` runs it, and ``analytics-server token`` makes the tokens of its clients.
Needs the extra ``[server]``.
"""

from adi_analytics.server.app import create_app
from adi_analytics.server.ingest.body import Limits
from adi_analytics.server.options import ServerOptions

__all__ = ["Limits", "ServerOptions", "create_app"]
