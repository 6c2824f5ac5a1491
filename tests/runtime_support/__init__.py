"""What the tests of the client and the worker share."""

from runtime_support.books import balanced, settled
from runtime_support.database import Database
from runtime_support.samples import task, tasks

__all__ = ["Database", "balanced", "settled", "task", "tasks"]
