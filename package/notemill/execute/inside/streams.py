"""Standard output and error of a forked kernel: ipykernel's streams, without its thread that sends by ZMQ.

What subprocesses and native code write to file descriptors 1 and 2 is read at each write of Python's, so that all
text stands in the order of the program.
"""

import codecs
import contextlib
import logging
import os
import select
import sys
import threading
import time

from ipykernel import iostream

from .channel import Sender

BETWEEN = 0.001  # seconds from one look at the file descriptors to the next: endless printing shall be fast
CHUNK = 1 << 16
BUSY = b'{"execution_state": "busy"}'


class Publisher(iostream.IOPubThread):
    """In place of ipykernel's thread: everything is sent at once, by whoever says it.

    `send_multipart` is what jupyter_client's session calls; `call_later` is what the streams know as their loop.
    """

    thread = None  # the streams ask whether it lives

    def __init__(self, name: bytes = b"iopub"):  # not its parent's: that one opens ZMQ sockets
        self.name, self.sender, self.io_loop, self.socket = name, None, self, self
        self.background_socket, self.due = self, {}
        self.lock = threading.RLock()

    def send_multipart(self, parts: list, *args, **kwargs) -> None:
        """Send what the session made; it begins with addresses and a signature that are of no use here."""
        if self.sender:
            start = parts.index(b"<IDS|MSG>") + 2
            waits = self.name == b"shell" or parts[start + 3:start + 4] == [BUSY]  # others follow: status, or input
            (self.sender.send_later if waits else self.sender.send)([self.name, *parts[start:]])

    def schedule(self, function) -> None:
        function()

    def call_later(self, delay: float, function) -> None:
        self.due[function] = time.monotonic() + delay

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class OutStream(iostream.OutStream):
    """A stream that looks at its file descriptor, too."""

    captured = None

    def write(self, string):
        if self.captured:
            self.captured.drain()
        return super().write(string)

    def flush(self):
        if self.captured:
            self.captured.drain(always=True)
        super().flush()

    def _flush(self):
        if self.pub_thread:  # a cell may have closed it
            with self.pub_thread.lock:  # else a later text of another thread might be sent first
                try:
                    super()._flush()
                except Exception:  # a text that is none in UTF-8 (a lone surrogate): ipykernel leaves it out, too
                    logging.getLogger("tornado.general").exception("Uncaught exception in ZMQStream callback")

    def _text(self, text: str) -> None:
        if self.pub_thread:
            super().write(text)


OutStream.__module__ = "ipykernel.iostream"  # it shows in outputs


class Captured(threading.Thread):
    """Reads what is written to file descriptors 1 and 2, and flushes the streams in time."""

    def __init__(self, publisher: Publisher, sender: Sender, gone):
        super().__init__(daemon=True, name="IOPub")
        self.publisher, self.sender, self.gone, self.process = publisher, sender, gone, os.getpid()
        self.looked, self.readers = 0.0, {}
        for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
            self._take(stream, number)
        os.register_at_fork(before=self._hold, after_in_parent=self._release, after_in_child=self._leave)

    def _take(self, stream: OutStream, number: int) -> None:
        """As ipykernel does: the descriptor becomes a pipe, the stream keeps a copy of what it was."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        stream._original_stdstream_copy = os.dup(number)
        os.dup2(writer, number)
        os.close(writer)
        stream._master_pid, stream.captured = self.process, self
        self.readers[reader] = (stream, codecs.getincrementaldecoder("utf-8")("replace"))

    def drain(self, always: bool = False) -> None:
        """Take what there is to read now."""
        now = time.monotonic()
        if not always and now - self.looked < BETWEEN or os.getpid() != self.process:
            return
        self.looked = now
        with self.publisher.lock:
            for reader, (stream, decoder) in self.readers.items():
                with contextlib.suppress(BlockingIOError):
                    while data := os.read(reader, CHUNK):
                        stream._text(decoder.decode(data))
                        if not always:
                            break

    def run(self) -> None:
        poll = select.poll()
        for reader in self.readers:
            poll.register(reader, select.POLLIN)
        poll.register(self.sender.end, select.POLLRDHUP)
        while True:
            for number, event in poll.poll(OutStream.flush_interval * 1000):
                if number == self.sender.end.fileno():
                    self.gone()
                elif not event & select.POLLIN:  # a cell has put something else in its place: nobody writes there
                    poll.unregister(number)
            self.drain()
            self._flush_due()
            self.sender.send_waiting()

    def _flush_due(self) -> None:
        now = time.monotonic()
        for function, due in list(self.publisher.due.items()):
            if due <= now:
                self.publisher.due.pop(function, None)
                function()

    def _locks(self) -> list:
        return [self.publisher.lock, self.sender.lock, *(stream._buffer_lock for stream, _ in self.readers.values())]

    def _hold(self) -> None:
        self.held = self._locks()
        for lock in self.held:
            lock.acquire()

    def _release(self) -> None:
        for lock in self.held:
            lock.release()

    def _leave(self) -> None:
        """A process that a cell has forked: no thread looks there, and what was under way is its parent's."""
        self.publisher.lock = threading.RLock()
        self.sender.begin()
        for stream, _ in self.readers.values():
            stream._buffer_lock = threading.RLock()
