"""Jupyter's messages over a pair of SOCK_SEQPACKET sockets: the kernel's process at one end, its client at the other.

A message is a list of bytes. It travels in frames that each hold who sends and which message they are part of, so that
a forked process may write to the same socket, and what a killed one has begun is left out.
"""

import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterable

FRAME = 64 * 1024  # bytes; a packet has to fit into the socket's buffer
HEAD = struct.Struct("!IQ?")  # process, number of its message, is more to come
PEER = struct.Struct("3i")  # process, user, group
ROOM = 4 * 1024 * 1024  # bytes of buffer to ask for; the system gives less where it must


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
    return ends


class Sender:
    """Writes messages, those of several threads too, one after the other; a reader that has gone is no error."""

    def __init__(self, end: socket.socket):
        self.end, self.number = end, 0
        self.waiting: deque[bytes] = deque()
        self.begin()

    def begin(self) -> None:
        """A new process, or the first one: nothing is under way."""
        self.lock, self.busy = threading.RLock(), False
        self.waiting.clear()

    def send(self, parts: Iterable[bytes]) -> None:
        """Write one message; where this very thread is in the middle of another (a signal, `__del__`), next."""
        self.waiting.append(packed([bytes(part) for part in parts]))
        with self.lock:
            if self.busy:
                return
            self.busy = True
            try:
                while self.waiting:
                    self._write(self.waiting.popleft())
            finally:
                self.busy = False

    def _write(self, body: bytes) -> None:
        self.number += 1
        view, process = memoryview(body), os.getpid()
        for start in range(0, len(body), FRAME):
            try:
                self.end.sendmsg([HEAD.pack(process, self.number, start + FRAME < len(body)),
                                  view[start:start + FRAME]])
            except (BrokenPipeError, ConnectionResetError):
                return


class Receiver:
    """Puts frames together again."""

    def __init__(self, end: socket.socket):
        self.end = end
        self.parts: dict[int, tuple[int, bytearray]] = {}

    def receive(self, flags: int = 0) -> list[bytes] | None:
        """The next message; None at the end. Raises BlockingIOError where there is none yet (MSG_DONTWAIT)."""
        while True:
            try:
                frame = self.end.recv(HEAD.size + FRAME, flags)
            except ConnectionResetError:
                return None
            if not frame:
                return None
            process, number, more = HEAD.unpack_from(frame)
            begun, data = self.parts.pop(process, (number, bytearray()))
            data = data if begun == number else bytearray()
            data += memoryview(frame)[HEAD.size:]
            if not more:
                return unpacked(data)
            self.parts[process] = (number, data)


def peer_of(connection: socket.socket) -> int:
    """The user at the other end."""
    return PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))[1]


def packed(parts: list[bytes]) -> bytes:
    """The parts with their lengths before them."""
    return struct.pack(f"!I{len(parts)}Q", len(parts), *map(len, parts)) + b"".join(parts)


def unpacked(data: bytes | bytearray) -> list[bytes]:
    """What `packed` was given."""
    count, = struct.unpack_from("!I", data)
    place, parts = 4 + 8 * count, []
    for length in struct.unpack_from(f"!{count}Q", data, 4):
        parts.append(bytes(data[place:place + length]))
        place += length
    return parts
