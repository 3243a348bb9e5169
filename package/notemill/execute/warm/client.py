"""What nbclient takes for jupyter_client's manager and client, over a pair of local sockets instead of ZMQ."""

import asyncio
import json
import logging
import os
import signal
import socket
import time
from contextlib import suppress
from datetime import datetime
from queue import Empty

import psutil
from jupyter_client.session import Session

from notemill.execute.inside.channel import Receiver, Sender
from notemill.execute.watch import find_process, is_there

END_SECONDS = 30  # that a kernel may take to end when it is told to
BUSY_SECONDS = 5  # likewise, in the middle of a cell: jupyter_client's patience
MOST_WAITING = 16_000_000  # bytes that have been read and nobody has taken: the kernel waits then
EACH = 5_000  # bytes that a message takes besides its content
LOOK = 0.02  # seconds between looks whether a kernel lives whose parent has gone
UNKNOWN = 256  # the exit status of a process whose parent has gone


class Channel:
    """One of the kernel's channels: messages that have arrived, read from the socket by all channels together."""

    def __init__(self, client: "WarmClient"):
        self.client, self.arrived = client, asyncio.Queue()

    async def get_msg(self, timeout: float | None = None) -> dict:
        """The next message. Raises queue.Empty after `timeout` seconds."""
        self.client.listen()
        try:
            size, message = self.arrived.get_nowait() if self.arrived.qsize() else \
                await asyncio.wait_for(self.arrived.get(), timeout)
        except TimeoutError:
            raise Empty from None
        self.client.give(size)
        return message

    def send(self, message: dict) -> None:
        self.client.send(message)


class WarmClient:
    """A kernel client, as far as nbclient uses one."""

    allow_stdin = False

    def __init__(self, end: socket.socket, connection: "Connection"):
        self.end, self.connection = end, connection
        self.session = Session()
        self.session.auth = None  # nobody else can write to this socket
        self.sender, self.receiver = Sender(end), Receiver(end)
        self.channels = {name: Channel(self) for name in (b"iopub", b"shell", b"stdin")}
        self.iopub_channel, self.shell_channel = self.channels[b"iopub"], self.channels[b"shell"]
        self.learnt: list[str] = []
        self.loop = None
        self.closed = self.busy = self.ending = False
        self.waiting = 0

    def start_channels(self) -> None: ...

    def stop_channels(self) -> None: ...

    def wait_for_ready(self, timeout: float | None = None) -> None: ...

    def is_alive(self) -> bool:
        return self.connection.poll() is None

    def execute(self, code: str, store_history: bool = True, stop_on_error: bool = True) -> str:
        content = {"code": code, "silent": False, "store_history": store_history, "user_expressions": {},
                   "allow_stdin": self.allow_stdin, "stop_on_error": stop_on_error}
        return self.send(self.session.msg("execute_request", content))

    def kernel_info(self) -> str:
        return self.send(self.session.msg("kernel_info_request", {}))

    def send(self, message: dict) -> str:
        """Send to the kernel; the message's id."""
        self.sender.send([b"shell", *self.session.serialize(message)[2:]])
        return message["header"]["msg_id"]

    def listen(self) -> None:
        """Read the socket whenever this thread's loop runs."""
        loop = asyncio.get_running_loop()
        if self.loop is not loop and not self.closed and (self.waiting < MOST_WAITING or self.ending):
            self.loop = loop
            loop.add_reader(self.end, self.read)
            loop.call_soon(self.read)  # what came with what was read last makes no event

    def give(self, size: int) -> None:
        """So much has been taken by nbclient."""
        self.waiting -= size
        self.listen()

    def read(self) -> None:
        """Take all that has arrived."""
        if self.loop is None:  # it has been left meanwhile
            return
        try:
            for _ in range(100):
                self.take(self.receiver.receive(socket.MSG_DONTWAIT))
                if self.loop is None:
                    return
        except BlockingIOError:
            return
        self.loop.call_soon(self.read)  # there may be no event for what is left

    def stop_listening(self) -> None:
        """The loop may be another's: it goes on without this socket."""
        self.pause()
        self.closed = True

    def pause(self) -> None:
        """Read no more until somebody asks for a message."""
        if self.loop and not self.loop.is_closed():
            self.loop.remove_reader(self.end)
        self.loop = None

    def take(self, parts: list[bytes] | None) -> None:
        """Give a message to its channel."""
        if parts is None:
            self.stop_listening()
        elif parts[0] == b"learnt":
            self.learnt = parts[1].decode().splitlines()
        elif parts[0] in self.channels and (message := readable(parts)):
            if message["msg_type"] == "status":
                self.busy = message["content"].get("execution_state") == "busy"
            self.keep(parts[0], sum(map(len, parts)) + EACH, message)

    def keep(self, channel: bytes, size: int, message: dict) -> None:
        """Until nbclient asks for it; what is too much waits in the kernel. At its end nobody may ask."""
        full = self.waiting + size > MOST_WAITING
        if not (full and self.ending):
            self.waiting += size
            self.channels[channel].arrived.put_nowait((size, message))
        if full and not self.ending:
            self.pause()


def readable(parts: list[bytes]) -> dict | None:
    """The message; None where a cell has put together one that is none. Those that follow it are not to wait."""
    try:
        message = message_of(parts)
        return message if isinstance(message["content"], dict) else None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        logging.getLogger("notemill").warning("notemill: a message of the kernel cannot be read: %r", error)
        return None


def message_of(parts: list[bytes]) -> dict:
    """As the session's `deserialize`, which looks for dates in all that it reads."""
    header, parent, metadata, content = (json.loads(part.decode("utf-8", "replace")) for part in parts[1:5])
    header["date"] = datetime.fromisoformat(header["date"])
    return {"header": header, "msg_id": header["msg_id"], "msg_type": header["msg_type"], "parent_header": parent,
            "metadata": metadata, "content": content, "buffers": list(map(memoryview, parts[5:]))}


class Connection:
    """To the warm process, for one kernel: `pid` and exit status. Closing it ends the kernel."""

    def __init__(self, link: socket.socket, pid: int):
        self.link, self.pid, self.status = link, pid, None
        self.process = find_process(pid)

    def poll(self) -> int | None:
        """The kernel's exit status (negative: the signal that ended it); None while it runs."""
        return self.wait(0)

    def wait(self, timeout: float) -> int | None:
        """As `poll`, after waiting for at most so many seconds."""
        if self.status is None:
            try:
                self.link.settimeout(timeout)
                answer = self.link.recv(4096)
            except (BlockingIOError, TimeoutError):
                return None
            except OSError:
                answer = b""
            self.status = json.loads(answer)["status"] if answer else self._without_parent(timeout)
        return self.status

    def _without_parent(self, timeout: float) -> int | None:
        """The warm process has ended; its kernel goes on. When that has ended, too, nobody knows how."""
        end = time.monotonic() + timeout
        while self._lives():
            if time.monotonic() >= end:
                return None
            time.sleep(LOOK)
        return UNKNOWN

    def _lives(self) -> bool:
        with suppress(psutil.NoSuchProcess):
            return is_there(self.process) and self.process.status() != psutil.STATUS_ZOMBIE
        return False

    def close(self) -> None:
        self.link.close()


class WarmManager:
    """A kernel manager, as far as nbclient uses one; its kernel has been started."""

    has_kernel = True
    ipykernel = True

    def __init__(self, end: socket.socket, connection: Connection):
        self.end, self.connection = end, connection
        self.provisioner = self
        self.process = connection  # what has `poll`
        self.kernel = None

    @property
    def pid(self) -> int:
        return self.connection.pid

    def client(self) -> WarmClient:
        self.kernel = WarmClient(self.end, self.connection)
        return self.kernel

    def is_alive(self) -> bool:
        return self.connection.poll() is None

    def interrupt_kernel(self) -> None:
        os.kill(self.pid, signal.SIGINT)

    async def shutdown_kernel(self, now: bool = False) -> None:
        """Let the kernel end itself, and take what it says meanwhile; what is left is killed with the connection."""
        if not now and self.kernel and not self.kernel.closed:
            if self.kernel.busy:  # as jupyter_client does: the cell shows where it was
                self.interrupt_kernel()
            self.kernel.sender.send([b"shutdown"])
            self.kernel.ending = True
            self.kernel.listen()
            await self._until_it_ends(BUSY_SECONDS if self.kernel.busy else END_SECONDS)
        self.connection.close()

    async def _until_it_ends(self, seconds: float) -> None:
        """A process that it has left may hold the channel open: the exit status counts."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while self.connection.poll() is None and clock() < end:
            await asyncio.sleep(0.001)
        self.kernel.read()

    def cleanup_resources(self) -> None: ...
