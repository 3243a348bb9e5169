"""A Docker engine of a test's own, which may be stopped, and whose disk may be filled: beside this machine's, and in a
network namespace of its own, for two engines in one would take away each other's rules. `from own_engine import
own_engine`."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker_samples import docker

CLONE_NEWNET = 0x40000000
PATIENCE, TIMES = 60, 4  # its containerd has 15 s to start, which a busy machine may not give it
BEGIN = 'ip link set lo up && exec dockerd "$@"'
DISK = "8g"  # in memory, of which it takes what its images do


class OwnEngine:
    """At `host`. Its containers are reached from within its network alone: by `within`."""

    def __init__(self, folder: Path):
        self.folder, self.host = folder, f"unix://{folder}/engine.sock"
        self.disk, self.net = folder / "data", folder / "net"
        self.process = None

    def start(self):
        """Until it answers."""
        for _ in range(TIMES):
            if self.begun():
                return self
            self.stop(killed=True)
            self.end_containerd()
        assert not self.net.exists(), f"it was started before, and is not again: {self.said()}"
        pytest.skip(f"no second engine can be started here: {self.said()}")

    def begun(self):
        """Whether it answers at last."""
        words = ["--data-root", str(self.disk), "--exec-root", f"{self.folder}/exec", "--host", self.host,
                 "--pidfile", f"{self.folder}/pid"]
        entered = ["nsenter", f"--net={self.net}"] if self.net.exists() else ["unshare", "--net"]
        (self.folder / "pid").unlink(missing_ok=True)  # of one that was killed: somebody else may have its number
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*entered, "sh", "-c", BEGIN, "dockerd", *words], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + PATIENCE
        while docker("info", host=self.host).returncode:
            if self.process.poll() is not None or time.monotonic() > end:
                return False
            time.sleep(0.2)
        self.keep_network()
        return True

    def make_disk(self):
        """Of its own."""
        self.disk.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(self.disk)]
        if subprocess.run(words, capture_output=True).returncode:
            pytest.skip("mounting needs more rights than this user has")

    def keep_network(self):
        """The namespace stays while the engine is away: its containers are in it, and are reached there."""
        if not self.net.exists():
            self.net.touch()
            subprocess.run(["mount", "--bind", f"/proc/{self.process.pid}/ns/net", str(self.net)], check=True)

    def said(self):
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-3:])[-500:]

    def stop(self, killed=False):
        """As a machine that goes down does it; `killed`: as one that has no memory left."""
        if self.process and self.process.poll() is None:
            self.process.kill() if killed else self.process.terminate()
            self.process.wait(PATIENCE)

    def load(self, *images):
        """Images of this machine's engine."""
        saved = subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE)
        with saved.stdout:
            subprocess.run(["docker", "--host", self.host, "load", "-q"], stdin=saved.stdout, check=True,
                           stdout=subprocess.DEVNULL)
        assert saved.wait(PATIENCE) == 0

    def within(self, act, *words):
        """What it gives in the engine's network: a thread can be in another one than its process."""
        def acting():
            with open(self.net, "rb") as place:
                if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            return act(*words)

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(acting).result()

    # its disk
    def fill(self):
        """Not a page is left: the disk is made as small as what is on it."""
        end = time.monotonic() + PATIENCE
        while self.sized(shutil.disk_usage(self.disk).used):  # refused where more was written meanwhile
            assert time.monotonic() < end, "the disk cannot be filled"

    def free(self):
        assert self.sized(DISK) == 0

    def sized(self, size):
        return subprocess.run(["mount", "-o", f"remount,size={size}", str(self.disk)], capture_output=True).returncode

    # its end
    def forget(self):
        """Nothing of it is left: its containers and its containerd end with it, also where it was killed."""
        if self.process and self.process.poll() is None:
            names = docker("ps", "-aq", host=self.host).stdout.split()
            if names:
                docker("rm", "-f", *names, host=self.host)
        self.stop()
        self.end_containerd()
        for place in (*(self.folder / "exec" / "netns").glob("*"), self.net, self.disk):
            while place.exists() and subprocess.run(["umount", "-l", str(place)], capture_output=True).returncode == 0:
                pass  # an engine that was started again has mounted it once more
        shutil.rmtree(self.folder, ignore_errors=True)

    def end_containerd(self):
        """Where the engine was killed, or could not end it; whoever has its number now is left alone."""
        for place in (self.folder / "exec").glob("containerd/*.pid"):
            with contextlib.suppress(OSError, ValueError):
                number = int(place.read_text())
                if str(self.folder).encode() in Path(f"/proc/{number}/cmdline").read_bytes():
                    os.kill(number, signal.SIGTERM)


@contextlib.contextmanager
def own_engine(folder: Path):
    """Running, and empty; skipped where nobody may have one."""
    if os.geteuid() or not all(map(shutil.which, ("dockerd", "unshare", "nsenter", "ip"))):
        pytest.skip("an engine of one's own needs root, dockerd, unshare, nsenter and ip")
    engine = OwnEngine(folder)
    folder.mkdir(exist_ok=True)
    try:
        engine.make_disk()
        yield engine.start()
    finally:
        engine.forget()
