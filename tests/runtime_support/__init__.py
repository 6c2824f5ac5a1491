"""What the tests of the client and the worker share."""

from runtime_support.books import balanced, settled
from runtime_support.database import Database
from runtime_support.proxy import Proxy
from runtime_support.samples import task, tasks
from runtime_support.workers import QUICK, running

__all__ = ["QUICK", "Database", "Proxy", "balanced", "running", "settled", "task", "tasks"]
