"""Run one notebook: a Job in, an Executed out. Another engine fits behind `execute`."""

from notemill.execute.job import CellFailure, Executed, Job
from notemill.execute.kernel import check_kernels, sweep_kernels
from notemill.execute.local import execute

__all__ = ["CellFailure", "Executed", "Job", "check_kernels", "execute", "sweep_kernels"]
