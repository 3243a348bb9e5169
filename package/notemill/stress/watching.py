"""What the service takes of this machine, where it runs here: memory and CPU of the processes that hold its port."""

import threading
from dataclasses import dataclass, field

import psutil

EVERY = 0.25  # seconds


@dataclass
class Watch:
    """Processes to look at; `memory` and `cpu` grow while it watches."""

    processes: list[psutil.Process]
    largest: int = 0  # bytes of the largest process, at the most
    total: int = 0  # of all together, at the most
    cpu: float = 0.0  # seconds
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        self.before = self.cpu_now()
        self.look()
        self.thread = threading.Thread(target=self.keep_looking, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *failure):
        self.over.set()
        self.thread.join()
        self.look()
        self.cpu = max(0.0, self.cpu_now() - self.before)

    def keep_looking(self) -> None:
        while not self.over.wait(EVERY):
            self.look()

    def look(self) -> None:
        sizes = [size for one in self.processes if (size := resident(one))]
        if sizes:
            self.largest, self.total = max(self.largest, *sizes), max(self.total, sum(sizes))

    def cpu_now(self) -> float:
        return sum(map(seconds_of, self.processes))


def resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def seconds_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system


def listeners(port: int) -> list[psutil.Process]:
    """This machine's processes that listen on the port, as far as this user may see them."""
    try:
        pids = {one.pid for one in psutil.net_connections("tcp")
                if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid}
    except psutil.Error:
        return []
    found = []
    for pid in sorted(pids):
        try:
            found.append(psutil.Process(pid))
        except psutil.Error:
            continue
    return found
