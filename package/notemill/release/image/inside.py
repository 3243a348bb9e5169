"""Programs in a container that runs: what they are given, and what they say, whole.

Docker's SDK loses what a program says so soon that it comes together with the engine's own first words: on a busy
machine that is all of it. So a program begins only when it is told to, over its standard input. What it needs comes by
the same way: an argument may have 128 KiB, and others can read it.
"""

import contextlib
import ssl
import struct
import threading
import time
from collections.abc import Sequence

PATIENCE = 60.0  # seconds between two pieces of an answer
ENDED = 10.0  # seconds in which the engine knows how a program ended that says nothing more
OUT, ERR = 1, 2
WHEN_TOLD = ["sh", "-c", 'IFS= read -r told && exec "$@"', "-"]


def run(container, words: Sequence[str], given: bytes = b"", user: str = "") -> tuple[int, bytes, bytes]:
    """(exit code, standard output, standard error) of a program, which must know how much it is given: its standard
    input does not end. Raises OSError where the engine does not give its answer whole."""
    api = container.client.api
    made = api.exec_create(container.id, [*WHEN_TOLD, *words], stdin=True, user=user)["Id"]
    connection = api.exec_start(made, socket=True)
    try:
        stream = getattr(connection, "_sock", connection)
        stream.settimeout(PATIENCE)
        give(stream, b"now\n" + given)
        out, err = received(stream)
    finally:
        shut(connection)
    return exit_code(api, made), out, err


def give(stream, data: bytes) -> None:
    """While its answer is read: a program that answers before it has got all would else wait for its reader, and we
    for it."""
    giving = threading.Thread(target=send, args=(stream, data), daemon=True)
    giving.start()
    if isinstance(stream, ssl.SSLSocket):  # two threads may not use one at once
        giving.join()


def send(stream, data: bytes) -> None:
    """One that has ended needs no more: its exit code tells."""
    with contextlib.suppress(OSError):
        stream.sendall(data)


def shut(connection) -> None:
    """What the SDK gives is one of three that hold the socket: closing it alone leaves the socket open."""
    stream = getattr(connection, "_sock", connection)
    getattr(connection, "_response", connection).close()
    connection.close()
    stream.close()


def received(stream) -> tuple[bytes, bytes]:
    """(standard output, standard error), which the engine sends in turns: a number, a size, and so many bytes."""
    found: dict[int, list[bytes]] = {OUT: [], ERR: []}
    while header := exactly(stream, 8):
        number, size = struct.unpack(">BxxxL", header)
        found.setdefault(number, []).append(exactly(stream, size, begun=True))
    return b"".join(found[OUT]), b"".join(found[ERR])


def exactly(stream, size: int, *, begun: bool = False) -> bytes:
    """So many bytes; none where the stream has ended before the first, and nothing was begun."""
    found = bytearray()
    while len(found) < size:
        piece = stream.recv(size - len(found))
        if not piece:
            if found or begun:
                raise ConnectionError("the engine's answer broke off")
            break
        found += piece
    return bytes(found)


def exit_code(api, made: str) -> int:
    """Which the engine may not know yet when nothing more is said."""
    end = time.monotonic() + ENDED
    while (code := api.exec_inspect(made)["ExitCode"]) is None:
        if time.monotonic() > end:
            raise OSError("the engine does not tell how a program in its container ended")
        time.sleep(0.05)
    return code
