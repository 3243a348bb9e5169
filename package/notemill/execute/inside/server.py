"""The warm process: `python -P start.py server SETTINGS.json`. It holds ipykernel's application and heavy libraries, and
forks a kernel for whoever asks at its socket.

One thread, one loop. Each connection asks for one thing, in a JSON object; a kernel's connection stays open: the
server tells its process's number and exit status, and ends the process when the client goes.
"""

import json
import os
import select
import shutil
import signal
import socket
import sys
import time

from . import channel, family, preload

ASKED = 1 << 16  # bytes of a request; what is larger comes as a file


def main(argv: list[str]) -> None:
    """Serve; in each forked process: be a kernel."""
    with open(argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    os.chdir("/")
    before = preload.state()
    server = Server(settings, preload.Preload())  # who connects meanwhile waits
    from .app import make_app  # takes long

    server.app = make_app(os.path.join(settings["folder"], "ipython"))
    forked = server.serve()
    if forked:
        from . import child

        child.run(server.app, before, server.preload.pools, *forked)


class Server:
    """`kernels` are the processes by their connection's number; `serve` returns in a forked process alone."""

    app = None

    def __init__(self, settings: dict, preload):
        self.settings, self.preload, self.begun, self.served = settings, preload, time.time(), 0
        self.folder, self.path = settings["folder"], os.path.join(settings["folder"], "socket")
        self.connections: dict[int, socket.socket] = {}
        self.kernels: dict[int, int] = {}
        self.used, self.closing = time.monotonic(), False
        self.poll = select.poll()
        self._listen()

    def _listen(self) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.wakes, wakes = socket.socketpair()
        for end in (self.wakes, wakes):
            end.setblocking(False)
        self.wake = wakes
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes.fileno())
        for end in (self.listener, self.wakes):
            self.poll.register(end, select.POLLIN)
        if self.settings["owner"] is not None:
            self.poll.register(self.settings["owner"], select.POLLIN)

    def serve(self) -> tuple | None:
        """Loop until idle for long, told to stop, or the owner has gone."""
        while not (self.closing and not self.kernels):
            for number, _ in self.poll.poll(1000):
                if number == self.listener.fileno():
                    self._accept()
                elif number == self.wakes.fileno():
                    self._reap()
                elif number == self.settings["owner"]:
                    self._end_kernels()
                    shutil.rmtree(self.folder, ignore_errors=True)
                    os._exit(0)
                elif number in self.connections:
                    forked = self._hear(number)
                    if forked:
                        return forked
            if not self.kernels and time.monotonic() - self.used > self.settings["idle"]:
                self._close()
        os._exit(0)

    def _close(self) -> None:
        """Take no more requests: who comes now starts a process of its own."""
        if not self.closing:
            self.closing = True
            self.poll.unregister(self.listener)
            self.listener.close()
            os.unlink(self.path)

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        if channel.peer_of(connection) != os.getuid():
            connection.close()
            return
        self.connections[connection.fileno()] = connection
        self.poll.register(connection, select.POLLIN)

    def _hear(self, number: int) -> tuple | None:
        """A request, or the client's end."""
        self.used = time.monotonic()
        connection = self.connections[number]
        try:
            data, fds, _, _ = socket.recv_fds(connection, ASKED, 4)
        except OSError:
            data, fds = b"", []
        if not data:
            self._drop(number)
            return None
        request = json.loads(data)
        if request["ask"] == "kernel":
            return self._fork(number, fds)
        self._say(number, self._answer(request))
        return None

    def _answer(self, request: dict) -> dict:
        if request["ask"] == "stop":
            self._close()
        return {"pid": os.getpid(), "began": self.begun, "served": self.served, "running": len(self.kernels),
                "idle": round(time.monotonic() - self.used), "modules": len(sys.modules)}

    def _fork(self, number: int, fds: list[int]) -> tuple | None:
        end, log, request = fds
        with open(request, "rb") as file:
            asked = json.load(file)
        self.preload.import_all(asked["imports"])
        if spoiled := self.preload.spoiled:
            self._say(number, {"error": f"importing {spoiled} started threads", "spoiled": spoiled})
            self._close()
            return None
        self.preload.settle()
        try:
            pid = os.fork()
        except OSError as error:
            self._say(number, {"error": str(error)})
            pid = None
        if pid == 0:
            self._let_go()
            return asked, socket.socket(fileno=end), log
        os.close(end)
        os.close(log)
        if pid:
            self.kernels[number], self.served = pid, self.served + 1
            self._say(number, {"pid": pid})
        return None

    def _let_go(self) -> None:
        """What is the server's, in the forked process."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self.listener, self.wakes, self.wake, *self.connections.values()):
            end.close()
        if self.settings["owner"] is not None:
            os.close(self.settings["owner"])

    def _reap(self) -> None:
        self.wakes.recv(4096)
        while self.kernels:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            for number, kernel in list(self.kernels.items()):
                if kernel == pid:
                    self.used = time.monotonic()
                    del self.kernels[number]
                    self._say(number, {"status": os.waitstatus_to_exitcode(status)})

    def _say(self, number: int, answer: dict) -> None:
        if number in self.connections:
            try:
                self.connections[number].send(json.dumps(answer).encode())
            except OSError:
                self._drop(number)

    def _drop(self, number: int) -> None:
        """The client has gone: its kernel goes, too."""
        connection = self.connections.pop(number)
        self.poll.unregister(connection)
        connection.close()
        if number in self.kernels:
            end_family(self.kernels[number])

    def _end_kernels(self) -> None:
        for pid in self.kernels.values():
            end_family(pid)


def end_family(pid: int) -> None:
    """End a kernel and all that comes from it; by a process of its own, for that may take its time."""
    if os.fork() == 0:
        try:
            family.end_all(pid)
        finally:
            os._exit(0)  # it is gone already
