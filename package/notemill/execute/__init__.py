"""Run one notebook: a Job in, an Executed out. Another engine fits behind `execute`."""

from notemill.execute.folders import sweep_kernels
from notemill.execute.job import CellFailure, Executed, Job
from notemill.execute.kernel import check_kernels
from notemill.execute.local import execute, import_papermill
from notemill.execute.warm.pool import Pool

__all__ = ["CellFailure", "Executed", "Job", "Pool", "check_kernels", "execute", "import_papermill",
           "sweep_kernels"]
