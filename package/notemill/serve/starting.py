"""What a server's command does before its work and after it: the port, its address, and a mistake told in words."""

import json
import logging
import socket
import sys
from collections.abc import Callable

from notemill.serve.keys import KeyFileError
from notemill.serve.loading import LoadError
from notemill.serve.options import Unusable

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def exit_code(work: Callable[[], int], prog: str, *, as_json: bool) -> int:
    """0 it ended as told, 1 the package or the port cannot be had, 2 wrong usage, 130 interrupted."""
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s", level=logging.WARNING)
    try:
        return work()
    except (Unusable, KeyFileError) as error:
        told, code = str(error), USAGE
    except LoadError as error:
        told, code = str(error), FAILED
    except OSError as error:
        told, code = f"{error.filename or prog}: {error.strerror or error}", FAILED
    except KeyboardInterrupt:
        told, code = "interrupted", INTERRUPTED
    if as_json:
        where, _, got = told.partition(": ")
        print(json.dumps({"error": {"where": where, "got": got, "allowed": None, "hint": None}}), flush=True)
    print(told, file=sys.stderr)
    return code


def bound(host: str, port: int) -> socket.socket:
    """The port, taken before the model loads; nobody is let in yet. Raises OSError."""
    listening = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(found[0], socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(found[4])
        return listening
    except OSError as error:
        if listening:
            listening.close()
        raise OSError(error.errno, error.strerror, f"[{host}]:{port}" if ":" in host else f"{host}:{port}") from None


def url_of(listening: socket.socket) -> str:
    """Where it is reached."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
