"""Scoring services that run while they are measured: ours, MLflow's, and one that does nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.rivals import environ
from bench.rounds import Broken
from notemill.errors import NotemillError
from notemill.stress import asking, load, target

READY = 300  # seconds
LOOKS = 0.02
PATHS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # MLflow calls uvicorn by name
EMPTY = Path(__file__).with_name("empty.py")


@dataclass(frozen=True)
class Service:
    """How one is started (a command for a port and a folder), asked, and understood."""

    command: Callable[[int, Path], Sequence[object]]
    path: str
    pack: Callable[[dict], object]
    read: Callable[[dict], object]  # the label in an answer


def ours(package: Path) -> Service:
    """With its prediction log."""
    return Service(lambda port, folder: (sys.executable, "-m", "notemill.serve", package, "--port", port, "--log",
                                         folder / "log"),
                   "/predict", lambda row: row, lambda answer: answer["prediction"])


def mlflows(model: Path) -> Service:
    return Service(lambda port, folder: (sys.executable, "-m", "mlflow", "models", "serve", "-m", model, "--port", port,
                                         "--env-manager", "local", "--workers", 1),
                   "/invocations", lambda row: {"dataframe_records": [row]}, lambda answer: answer["predictions"][0])


def empty() -> Service:
    return Service(lambda port, folder: (sys.executable, EMPTY, port), "/", lambda row: row, lambda answer: None)


@dataclass
class Running:
    """One that runs, and how many seconds it took to its first answer."""

    service: Service
    target: target.Target
    ready: float

    def label(self, row: dict) -> object:
        """Raises Broken."""
        status, body = asked(self.target, self.service, row)
        if status != 200:
            raise Broken(f"{status}: {body[:200].decode(errors='replace')}")
        return self.service.read(json.loads(body))

    def load(self, rows: Sequence[dict], clients: int, seconds: float) -> load.Load:
        """Raises Broken where one request is not answered well."""
        said = asking.headers(self.target, None)
        found = load.put(self.target, load.requests(self.target, self.service.path, said, [
            json.dumps(self.service.pack(row)).encode() for row in rows]), clients=clients, seconds=seconds)
        if found.errors:
            raise Broken(f"not every request was answered: {dict(found.errors)}")
        return found


@contextmanager
def running(service: Service, row: dict) -> Iterator[Running]:
    """Started, and ready when it has answered this row. Raises Broken."""
    port = free_port()
    there = target.find(f"http://127.0.0.1:{port}")
    with tempfile.TemporaryDirectory(prefix="bench-service-") as folder, tempfile.TemporaryFile() as words:
        began = time.perf_counter()
        process = subprocess.Popen(list(map(str, service.command(port, Path(folder)))), stdin=subprocess.DEVNULL,
                                   stdout=words, stderr=words, env=environ({"PATH": PATHS}), cwd=folder,
                                   start_new_session=True)
        try:
            while not answers(there, service, row):
                if process.poll() is not None or time.perf_counter() - began > READY:
                    words.seek(0)
                    raise Broken("did not start: " + words.read().decode(errors="replace")[-500:])
                time.sleep(LOOKS)
            yield Running(service, there, time.perf_counter() - began)
        finally:
            end(process)


def asked(there: target.Target, service: Service, row: dict) -> tuple[int, bytes]:
    return asking.ask(there, "POST", service.path, asking.headers(there, None), json.dumps(service.pack(row)).encode())


def answers(there: target.Target, service: Service, row: dict) -> bool:
    try:
        return asked(there, service, row)[0] == 200
    except NotemillError:
        return False


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def end(process: subprocess.Popen) -> None:
    """With its children: MLflow's command starts the server as one of its own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(20)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()
