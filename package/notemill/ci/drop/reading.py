"""What comes over a connection, within limits: the seconds for all of it, and those without a single byte."""

import io
import socket
import time


class Slow(TimeoutError):
    """It takes too long."""


class Timed(io.RawIOBase):
    """A connection's incoming bytes. `give(seconds)`: how long everything from now on may take."""

    def __init__(self, connection: socket.socket, idle: float):
        self.connection, self.idle, self.until = connection, idle, 0.0

    def give(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise Slow("too slow")
        self.connection.settimeout(min(left, self.idle))
        return self.connection.recv_into(buffer)
