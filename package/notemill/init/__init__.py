"""A project of one's own: from a table, or around the notebooks that are there."""

from notemill.init.adopt import adopt
from notemill.init.project import Wish, create

__all__ = ["Wish", "adopt", "create"]
