"""The same question as a call of the scoring service, for a shell."""

import json
import shlex
from collections.abc import Mapping, Sequence

from notemill.demo.form import Field

SERVICE = "http://127.0.0.1:8000"
PRIVATE = "<private: fill it in>"


def command(fields: Sequence[Field], row: Mapping, service: str = SERVICE) -> str:
    """curl's words, each as the shell needs it. What is private stays out: calls are copied, and kept in histories."""
    hidden = {one.name: PRIVATE for one in fields if one.private}
    body = json.dumps({**row, **hidden}, ensure_ascii=False, indent=1)
    return (f"curl -s {shlex.quote(service.rstrip('/') + '/predict')} \\\n  -H 'Content-Type: application/json' \\\n"
            f"  -d {shlex.quote(body)}")
