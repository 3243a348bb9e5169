"""The warm process: `python start.py server SETTINGS.json`. It holds ipykernel's application and heavy libraries, and
forks a kernel for whoever asks at its socket.

One thread, one loop. Each connection asks for one thing, in a JSON object; a kernel's connection stays open: the
server tells its process's number and exit status, and ends the process when the client goes.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
import traceback
import warnings

from . import channel, family

FDS = 3  # that come with the request for a kernel: the end of its channel, its log, the request itself
ASKED = 1 << 16  # bytes of a request; what is larger comes as a file


def main(argv: list[str]) -> None:
    """Serve; in each forked process: be a kernel."""
    with open(argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    os.chdir("/")
    family.adopt_orphans()  # of kernels that died
    server = Server(settings)  # who connects meanwhile waits
    from . import app, call, child, preload  # takes long

    server.app = app.make_app(os.path.join(settings["folder"], "ipython"))
    server.filters, server.preload = list(warnings.filters), preload.Preload(settings["owner"])
    forked = server.serve()
    try:
        asked, *more = forked
        if asked.get("call"):
            call.run(server.app, asked, more[1])
        filters = [*server.preload.filters_for(asked["imports"]), *server.filters]
        child.run(server.app, filters, server.preload, asked, *more)
    except Exception:
        traceback.print_exc(file=sys.__stderr__)
    finally:  # and not as the server would end: what it is to do then is not this process's
        sys.__stderr__.flush()
        os._exit(1)


class Server:
    """`kernels` are the processes by their connection's number; `serve` returns in a forked process alone."""

    app = preload = filters = None

    def __init__(self, settings: dict):
        self.settings, self.begun, self.served = settings, time.time(), 0
        self.folder, self.path = settings["folder"], os.path.join(settings["folder"], "socket")
        self.connections: dict[int, socket.socket] = {}
        self.kernels: dict[int, int] = {}
        self.folders: dict[int, str] = {}  # of the kernels' processes
        self.ending: set[int] = set()  # kernels without a client, and processes that end them
        self.used, self.closing = time.monotonic(), False
        self.wanted: list[str] = []  # modules to import while nobody wants a kernel
        self.learners: list[int] = []  # connections that wait until they are there
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
            events = self.poll.poll(0 if self.wanted or self.learners else 1000)
            for number, _ in events:
                if number == self.listener.fileno():
                    with contextlib.suppress(OSError):  # no file descriptor left, or the client has gone
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
            if (self.wanted or self.learners) and not events:
                self._import_next()
            if not self.kernels and time.monotonic() - self.used > self.settings["idle"]:
                self._close()
        os._exit(0)

    def _close(self) -> None:
        """Take no more requests: who comes now starts a process of its own."""
        if not self.closing:
            self.closing = True
            self.poll.unregister(self.listener)
            self.listener.close()
            self.wanted.clear()
            with contextlib.suppress(OSError):  # somebody has tidied up
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
        connection = self.connections[number]
        try:
            data, fds, _, _ = socket.recv_fds(connection, ASKED, 4)
        except OSError:
            data, fds = b"", []
        if not data:
            self._drop(number)
            return None
        try:
            request = {"ask": "", **json.loads(data)}
        except (ValueError, TypeError):
            self._drop(number)
            return None
        if request["ask"] == "kernel" and len(fds) == FDS:
            self.used = time.monotonic()
            return self._fork(number, fds)
        if request["ask"] == "import" and fds:
            self._want(number, fds)
            return None
        for one in fds:
            os.close(one)
        self._say(number, self._answer(request))
        return None

    def _want(self, number: int, fds: list[int]) -> None:
        """Modules to import when there is time; the answer follows when they are there."""
        with open(fds[0], "rb") as file:
            self.wanted += json.load(file)
        self.learners.append(number)

    def _import_next(self) -> None:
        self.preload.import_all(self.wanted[:1])
        del self.wanted[:1]
        if self.preload.why:
            self._close()
        if not self.wanted:
            for number in self.learners:
                self._say(number, {**self._answer({"ask": "status"}), "error": self.preload.why,
                                   "spoiled": self.preload.spoiled})
            self.learners.clear()

    def _answer(self, request: dict) -> dict:
        if request["ask"] == "stop":
            self._close()
        return {"pid": os.getpid(), "began": self.begun, "served": self.served, "running": len(self.kernels),
                "idle": round(time.monotonic() - self.used), "modules": len(sys.modules)}

    def _fork(self, number: int, fds: list[int]) -> tuple | None:
        asked, pid = {}, None
        try:
            with open(os.dup(fds[2]), "rb") as file:
                asked = json.load(file)
            refusal = self._refusal(asked)
            pid = None if refusal else self._forked()
        except (OSError, ValueError, LookupError) as error:  # no process, no file descriptor to be had
            refusal = {"error": f"cannot fork a kernel: {error}"}
        if pid == 0:
            return asked, *self._let_go(fds)
        for one in fds:
            os.close(one)
        if pid:
            self.kernels[number], self.folders[pid] = pid, asked.get("folder", "")
            self.served += 1
        self._say(number, refusal or {"pid": pid})
        return None

    def _forked(self) -> int:
        self.preload.settle()
        return os.fork()

    def _refusal(self, asked: dict) -> dict:
        """Why a kernel cannot be forked for this notebook; {} where it can."""
        if self.closing:
            return {"error": "is ending", "again": True}
        self.preload.import_all(asked["imports"])
        if self.preload.why:
            self._close()
            return {"error": self.preload.why, "spoiled": self.preload.spoiled}
        paths = asked["env"].get("PYTHONPATH", "").split(os.pathsep)
        folders = [asked["cwd"], *(os.path.join(asked["cwd"], path) for path in paths if path)]
        hidden = self.preload.hidden([*folders, *([os.path.join(asked["root"], "package")] if asked["root"] else [])])
        return {"error": f"has loaded the library '{hidden}', whose name a module of the project has"} if hidden else {}

    def _let_go(self, fds: list[int]) -> tuple[socket.socket, int]:
        """What is the server's, in the forked process; what is its own: the end of its channel, the log."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self.listener, self.wakes, self.wake, *self.connections.values()):
            end.close()
        if self.settings["owner"] is not None:
            os.close(self.settings["owner"])
        end, log, request = fds
        os.close(request)
        for one in (end, log):  # not for what a cell starts
            os.set_inheritable(one, False)
        return socket.socket(fileno=end), log

    def _reap(self) -> None:
        """Tell of kernels that ended, and end what they have left behind: it is this process's by now."""
        self.wakes.recv(4096)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                self._ended(pid, os.waitstatus_to_exitcode(status))
        for pid in family.children(os.getpid()) - {*self.kernels.values(), *self.ending}:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _ended(self, pid: int, status: int) -> None:
        self.ending.discard(pid)
        self.folders.pop(pid, None)
        for number in [number for number, kernel in self.kernels.items() if kernel == pid]:
            self.used = time.monotonic()
            del self.kernels[number]
            self._say(number, {"status": status})

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
        self.learners = [each for each in self.learners if each != number]  # it will be another connection's
        if number in self.kernels:
            pid = self.kernels.pop(number)
            self.ending |= {pid, end_family(pid, self.folders[pid])}

    def _end_kernels(self) -> None:
        """The run has gone: its kernels end, and what it has asked for meanwhile leaves no folder."""
        for pid in self.kernels.values():
            end_family(pid, self.folders[pid])
        self.listener.setblocking(False)
        with contextlib.suppress(OSError):  # until there are no more
            while True:
                self._accept()
        for connection in self.connections.values():
            with contextlib.suppress(OSError, ValueError, LookupError):
                fds = socket.recv_fds(connection, ASKED, 4, socket.MSG_DONTWAIT)[1]
                with open(fds[2], "rb") as file:
                    family.remove_left(json.load(file).get("folder", ""))


def end_family(pid: int, folder: str) -> int:
    """End a kernel and all that comes from it; by a process of its own, for that may take its time. Where its run has
    been killed, its folder goes, too."""
    helper = os.fork()
    if helper == 0:
        try:
            family.let_go_of_files()
            family.end_family(pid)
            family.remove_left(folder)
        finally:
            os._exit(0)
    return helper
