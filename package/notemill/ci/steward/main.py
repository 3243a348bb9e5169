"""`python -m notemill.ci.steward`: rounds, until told to end. It keeps nothing: all that it knows is at the servers."""

import os
import signal
import sys
import threading
from collections.abc import Mapping

from notemill.ci.steward.health import Pulse, serve_health
from notemill.ci.steward.rounds import Steward, go_round, hire, told
from notemill.ci.steward.settings import Settings, Unusable, read_settings

FAILED, USAGE = 1, 2


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Exit code: 0 it ended as told, 1 its port cannot be had, 2 wrong configuration."""
    ended = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda number, frame: ended.set())
    try:
        settings = read_settings(environ)
        pulse = Pulse(settings.seconds)
        door = serve_health(pulse, settings.host, settings.port)
    except Unusable as error:
        print(error, file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"{settings.host}:{settings.port}: {error.strerror}", file=sys.stderr)
        return FAILED
    print(f"the steward watches {settings.forge} every {settings.seconds:g} s (/healthz on port {door.server_port})",
          flush=True)
    watch(settings, pulse, ended)
    return 0


def watch(settings: Settings, pulse: Pulse, ended: threading.Event) -> None:
    """Servers that are away are no end: the next round may find them. What stays wrong is told once."""
    steward: Steward | None = None
    said = ""
    while not ended.is_set():
        try:
            steward = steward or hire(settings)
            pulse.beat(go_round(steward))
            said = ""
        except Exception as error:
            if told(error) != said:
                said = told(error)
                print(said, flush=True)
        ended.wait(settings.seconds)
