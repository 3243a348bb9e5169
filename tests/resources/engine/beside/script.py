"""Run by %run."""

import sys

print("arguments", sys.argv[1:], __name__)
if "fail" in sys.argv:
    raise ValueError("in a script")
