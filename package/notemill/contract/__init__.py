"""The contract of the data: what the source table must be like before any step sees it."""

from notemill.contract.guard import CHEAP, check_project, check_source, enforce
from notemill.contract.reading import Column, Contract, load
from notemill.contract.result import Breach, CheckResult, judge

__all__ = ["CHEAP", "Breach", "CheckResult", "Column", "Contract", "check", "check_project", "check_source", "enforce",
           "judge", "load"]


def check(contract: Contract, files) -> CheckResult:
    """Hold a table against the contract: `files` is a path, or (name, path) of each file that makes it up together."""
    from notemill.contract.rules import check
    return check(contract, files)
