"""What the tests of the client and the worker share."""

from support.runtime.books import balanced, settled
from support.runtime.database import Database, events_ddl
from support.runtime.proxy import Proxy
from support.runtime.samples import task, tasks
from support.runtime.workers import QUICK, running

__all__ = ["QUICK", "Database", "Proxy", "balanced", "events_ddl", "running", "settled", "task", "tasks"]
