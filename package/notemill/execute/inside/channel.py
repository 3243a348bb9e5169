"""Jupyter's messages over a pair of SOCK_SEQPACKET sockets: the kernel's process at one end, its client at the other.

A message is a list of bytes. Messages travel in frames that each hold who sends and which lot they are part of, so that
a forked process may write to the same socket, and what a killed one has begun is left out.
"""

import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterable, Iterator

FRAME = 64 * 1024  # bytes; a packet has to fit into the socket's buffer
HEAD = struct.Struct("!IQ?")  # process, number of its lot, is more to come
SMALL = 4 * 1024  # bytes of a message that goes with another
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
        self.send_later(parts)
        self.send_waiting()

    def send_later(self, parts: Iterable[bytes]) -> None:
        """A message that goes with the next one: each lot wakes the reader, which takes longer than to read it."""
        self.waiting.append(packed([bytes(part) for part in parts]))

    def send_waiting(self) -> None:
        with self.lock:
            if self.busy:
                return
            self.busy = True
            try:
                while self.waiting:
                    self._write(b"".join(self._lot()))
            finally:
                self.busy = False

    def _lot(self) -> Iterator[bytes]:
        """What is waiting now; a large message goes alone, for each joining copies it."""
        yield self.waiting.popleft()
        while self.waiting and len(self.waiting[0]) < SMALL:
            yield self.waiting.popleft()

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
        self.read: deque[list[bytes]] = deque()

    def receive(self, flags: int = 0) -> list[bytes] | None:
        """The next message; None at the end. Raises BlockingIOError where there is none yet (MSG_DONTWAIT)."""
        while not self.read:
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
            if more:
                self.parts[process] = (number, data)
            else:
                self.read.extend(unpacked(data))
        return self.read.popleft()


def peer_of(connection: socket.socket) -> int:
    """The user at the other end."""
    return _peer(connection)[1]


def pid_of(connection: socket.socket) -> int:
    """The process at the other end; of a pair: the one that made it."""
    return _peer(connection)[0]


def _peer(connection: socket.socket) -> tuple[int, int, int]:
    return PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))


def packed(parts: list[bytes]) -> bytes:
    """The parts with their lengths before them."""
    return struct.pack(f"!I{len(parts)}Q", len(parts), *map(len, parts)) + b"".join(parts)


def unpacked(data: bytes | bytearray) -> Iterator[list[bytes]]:
    """What `packed` was given, once or more."""
    place, view = 0, memoryview(data)
    while place < len(data):
        count, = struct.unpack_from("!I", data, place)
        lengths = struct.unpack_from(f"!{count}Q", data, place + 4)
        place += 4 + 8 * count
        parts = []
        for length in lengths:
            parts.append(bytes(view[place:place + length]))
            place += length
        yield parts
