"""The prediction log: each answer that was asked for, and "this is wrong"."""

import os
import time
from collections.abc import Mapping

from notemill.demo.answers import Answer
from notemill.demo.state import Demo


class NotKept(Exception):
    """The log takes no more; why, in words."""


def keep(demo: Demo, row: Mapping, answer: Answer) -> str:
    """The request's id in the log; empty where none is kept. Raises NotKept."""
    if demo.log is None or answer.problems:
        return ""
    request = f"demo-{os.urandom(8).hex()}"
    record = {"request": request, "row": 0, "at": time.time(), "version": demo.loaded.version,
              "content": demo.loaded.digest, "inputs": dict(row), "prediction": answer.prediction,
              "probabilities": [chance for _, chance in answer.probabilities] or None, "ms": answer.ms,
              "warnings": answer.raw.warnings[0]}
    try:
        demo.log.append([record])
    except (OSError, RuntimeError) as error:
        raise NotKept(str(error)[:200]) from None
    return request


def mark_wrong(demo: Demo, request: str, why: str) -> None:
    """Raises NotKept."""
    from notemill.serve.log import UnknownRequest

    try:
        demo.log.mark(request, 0, "wrong", why.strip()[:500] or None, time.time())
    except (UnknownRequest, OSError, RuntimeError) as error:
        raise NotKept(str(error)[:200]) from None
