"""Tests that use this machine's Docker engine run where somebody asks for it: they make images and containers there,
which takes minutes. `from real_engine import asked`."""

import os

import pytest

VARIABLE = "NOTEMILL_STACK_TEST"
ASKED = os.environ.get(VARIABLE) == "1"  # read here: no test sees it
WHY = f"{VARIABLE}=1 (as `nox -s stack_test` has it) lets it use this machine's Docker engine"
asked = pytest.mark.skipif(not ASKED, reason=WHY)
