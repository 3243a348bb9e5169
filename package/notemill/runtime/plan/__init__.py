"""The scoring plan: a fitted pipeline as a flat list of plain steps, for one row in microseconds or many at once.

program.py runs it; cells.py, categories.py, numbers.py, times.py and words.py hold the kinds of step; linear.py,
trees.py (features.py, leaves.py) and combined.py the kinds of model; links.py what turns raw scores into answers;
checked.py looks at it before it is used; stored.py reads and writes it. A plan is plain data:
JSON, and arrays in numpy's format without pickle. `notemill.compile` makes it from a fitted scikit-learn pipeline.
"""

from .stored import Stored, read_plan, write_plan

__all__ = ["Stored", "read_plan", "write_plan"]  # program.Program imports numpy: where it is needed
