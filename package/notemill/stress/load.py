"""The load: the client in a process of its own, the service watched meanwhile."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from notemill.errors import NotemillError
from notemill.stress.asking import PATIENCE
from notemill.stress.target import Target
from notemill.stress.watching import Watch, listeners

MEGABYTE = 1_000_000
LONGER = 60  # seconds that the client may take beyond what it was asked for and the patience of its last requests


@dataclass(frozen=True)
class Load:
    """What came of it. Times are of good answers; memory and CPU are None where the service is elsewhere."""

    seconds: float
    answered: int
    rows: int
    errors: Mapping[str, int]
    ms: Mapping[str, float] | None  # p50, p95, p99, highest: in milliseconds
    client_busy: float  # share of a processor that the client itself took
    memory_mb: float | None = None  # of the largest process
    memory_all_mb: float | None = None
    processes: int = 0
    cpu_us: float | None = None  # of the service, for each request

    @property
    def requests_per_second(self) -> float:
        return self.answered / self.seconds

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds


def requests(target: Target, path: str, said: Mapping[str, str], bodies: Sequence[bytes]) -> list[str]:
    """Whole requests, as they go over the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return [f"POST {target.path}{path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body.decode()}"
            for body in bodies]


def put(target: Target, asked: Sequence[str], *, clients: int, seconds: float, rows: int = 1) -> Load:
    """Put the service under load; `rows` are in each request. Raises NotemillError."""
    job = {"host": target.host, "port": target.port, "tls": target.name if target.tls else None, "requests": asked,
           "clients": clients, "seconds": seconds, "patience": PATIENCE}
    processes = listeners(target.port) if target.local else []
    with Watch(processes) if processes else nullcontext() as watch:
        found = in_own_process(job)
    count = found["answered"] + sum(number for words, number in found["errors"].items() if words.isdigit())
    beside = {"memory_mb": watch.largest / MEGABYTE, "memory_all_mb": watch.total / MEGABYTE,
              "processes": len(processes), "cpu_us": watch.cpu / count * 1e6 if count else None} if watch else {}
    return Load(found["seconds"], found["answered"], found["answered"] * rows, found["errors"], found["ms"],
                found["busy"], **beside)


def in_own_process(job: Mapping) -> dict:
    command = [sys.executable, "-m", "notemill.stress.client"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    try:
        out, err = process.communicate(json.dumps(job), timeout=job["seconds"] + job["patience"] + LONGER)
    except BaseException:  # Ctrl-C, too: no load goes on without anybody who waits for it
        process.kill()
        process.communicate()
        raise
    if process.returncode:
        raise NotemillError("the client", f"failed: {(err.strip().splitlines() or ['without a word'])[-1]}")
    return json.loads(out)
