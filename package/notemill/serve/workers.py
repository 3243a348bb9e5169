"""Several workers: processes of their own (a fork would share threads that hang), which accept from one socket."""

import argparse
import ctypes
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from notemill.serve.keys import Keys
from notemill.serve.options import INHERITED

WAIT = 0.2  # seconds between looks
PDEATHSIG = 1  # of prctl
LEAST = 5.0  # seconds that a worker lives; one that ends sooner is started again after a pause, which grows
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds


def supervise(asked: argparse.Namespace, words: list[str], listening: socket.socket, folder: Path) -> int:
    """Start the workers, start those again that die, and end them all when told to."""
    from notemill.serve.starting import INTERRUPTED

    told: list[int] = []
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda number, frame: told.append(number))
    team = Team(words, listening, folder, asked.workers)
    try:
        code = team.run(asked, told)
    finally:
        team.end(told[:1] or [signal.SIGTERM])
    return INTERRUPTED if told[:1] == [signal.SIGINT] else code


class Team:
    """The workers, by number."""

    def __init__(self, words: list[str], listening: socket.socket, folder: Path, count: int):
        self.words, self.listening, self.folder, self.count = words, listening, folder, count
        self.running: dict[int, tuple[subprocess.Popen, float]] = {}
        self.due: dict[int, float] = {}  # when those that ended start again
        self.pauses: dict[int, float] = {}
        self.said = False

    def run(self, asked: argparse.Namespace, told: list[int]) -> int:
        """Until told to end, or a worker ends before all were ready: the exit code."""
        for number in range(self.count):
            self.start(number)
        while not told:
            for number, (process, began) in list(self.running.items()):
                if (code := process.poll()) is not None:
                    if not self.said:  # it is the package
                        return code if code > 0 else 1
                    self.ended(number, code, time.monotonic() - began)
            for number in [one for one, due in self.due.items() if due <= time.monotonic()]:
                self.start(number)
            self.say(asked)
            time.sleep(WAIT)
        return 0

    def ended(self, number: int, code: int, lived: float) -> None:
        """The others go on; it is started again, at once if it has lived for long."""
        del self.running[number]
        self.ready_file(number).unlink(missing_ok=True)
        pause = 0.0 if lived >= LEAST else min(max(2 * self.pauses.get(number, 0.0), FIRST_PAUSE), LONGEST_PAUSE)
        self.pauses[number], self.due[number] = pause, time.monotonic() + pause
        when = f" in {pause:g} s" if pause else ""
        print(f"worker {number} ended with {code}: another one starts{when}", file=sys.stderr, flush=True)

    def start(self, number: int) -> None:
        self.due.pop(number, None)
        self.ready_file(number).unlink(missing_ok=True)
        socket_number = self.listening.fileno()
        command = [sys.executable, "-m", "notemill.serve", *self.words, INHERITED, str(socket_number), str(number),
                   str(self.folder)]
        # a group of its own: Ctrl-C reaches the supervisor alone, which tells the workers
        process = subprocess.Popen(command, pass_fds=[socket_number], process_group=0, stdin=subprocess.DEVNULL)
        self.running[number] = process, time.monotonic()

    def ready_file(self, number: int) -> Path:
        return self.folder / f"{number}.ready"

    def say(self, asked: argparse.Namespace) -> None:
        """Once: what the workers say when all are ready."""
        if not self.said and all(self.ready_file(number).exists() for number in range(self.count)):
            self.said = True
            print(self.ready_file(0).read_text(encoding="utf-8"), flush=True)

    def end(self, told: list[int]) -> None:
        """Let nobody new in, tell all, and wait for them: each answers what it has begun."""
        self.listening.close()
        for process, _ in self.running.values():
            if process.poll() is None:
                process.send_signal(told[0])
        for process, _ in self.running.values():
            process.wait()


def serve_inherited(asked: argparse.Namespace, keys: Keys | None) -> int:
    """What a worker does with the socket that it was handed."""
    from notemill.serve import main

    number, place, folder = asked.inherited
    end_with_parent()
    with socket.socket(fileno=int(number)) as listening:
        def ready(loaded) -> None:
            part = Path(folder, f"{place}.part")
            part.write_text(main.say(asked, loaded, listening), encoding="utf-8")
            part.rename(part.with_suffix(".ready"))

        return main.serve(asked, keys, listening, Path(folder), int(place), ready)


def end_with_parent() -> None:
    """Where the supervisor is killed, its workers end too (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGTERM)
