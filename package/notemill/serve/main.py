"""`python -m notemill.serve FOLDER|PACKAGE`: check the package, bind, load, listen; then serve until told to end."""

import argparse
import gc
import ipaddress
import json
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from notemill.serve.keys import Keys, add_key
from notemill.serve.limits import Limits
from notemill.serve.loading import Loaded, load
from notemill.serve.options import INHERITED, Unusable, called, parser
from notemill.serve.starting import INTERRUPTED, bound, exit_code, url_of


def main(words: list[str] | None = None) -> int:
    """Exit code: as `exit_code` says."""
    words = sys.argv[1:] if words is None else words
    return exit_code(lambda: begin(words), "notemill.serve", as_json="--json" in words and speaks(words))


def speaks(words: list[str]) -> bool:
    """Of all workers only the first tells as JSON what is wrong."""
    return INHERITED not in words or words[words.index(INHERITED) + 2] == "0"


def begin(words: list[str]) -> int:
    asked = parser(called(words)).parse_args(words)
    return make_key(asked) if asked.new_key is not None else start(asked, words)


def make_key(asked: argparse.Namespace) -> int:
    if asked.keys is None:
        raise Unusable("--new-key: say where its hash goes: --keys FILE")
    key = add_key(asked.keys, asked.new_key)
    if asked.as_json:
        print(json.dumps({"key": key, "name": asked.new_key, "keys": str(asked.keys), "error": None}))
    else:
        print(key)
        print(f"'{asked.new_key}' is in {asked.keys}, as a hash: this is the only time that the key is shown",
              file=sys.stderr)
    return 0


def start(asked: argparse.Namespace, words: list[str]) -> int:
    if asked.package is None:
        raise Unusable(f"{called(words)}: which model package? a folder, or its import name")
    keys = check_door(asked)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))  # until it serves: nothing is left behind
    if asked.inherited:
        from notemill.serve import workers

        return workers.serve_inherited(asked, keys)
    with bound(asked.host, asked.port) as listening, tempfile.TemporaryDirectory(prefix="notemill-serve-") as folder:
        if asked.workers > 1:
            from notemill.serve import workers

            return workers.supervise(asked, words, listening, Path(folder))
        return serve(asked, keys, listening, Path(folder), 0,
                     lambda loaded: print(say(asked, loaded, listening), flush=True))


def check_door(asked: argparse.Namespace) -> Keys | None:
    """The keys. Raises Unusable where it would be open to others without any, KeyFileError."""
    if asked.keys is None and not is_loopback(asked.host):
        raise Unusable(f"--host {asked.host}: others can reach that, and there are no keys\n"
                       "  make one: --keys FILE --new-key NAME; then serve with --keys FILE")
    return Keys(asked.keys) if asked.keys else None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(asked: argparse.Namespace, keys: Keys | None, listening: socket.socket, folder: Path, number: int,
          ready: Callable[[Loaded], None]) -> int:
    """Load and serve, as one worker. Raises LoadError before it listens."""
    from notemill.serve import server
    from notemill.serve.app import App
    from notemill.serve.metrics import Metrics
    from notemill.serve.rehearsal import rehearsed

    loaded = load(asked.package, asked.sha256, rehearsed)
    limits = Limits(body=asked.max_body, rows=asked.max_rows, seconds=asked.seconds, at_once=asked.max_requests)
    log = open_log(asked, loaded)
    try:
        app = App(loaded, limits, Metrics(folder, number, about(loaded)), keys, log)
        gc.collect()
        gc.freeze()  # what is loaded stays: no collection looks at it again
        told = server.run(app, listening, asked.drain, lambda: ready(loaded))
    finally:
        if log:
            log.close()
    return INTERRUPTED if told == signal.SIGINT else 0


def about(loaded: Loaded) -> dict[str, str]:
    """For the metrics."""
    return {"name": loaded.name, "version": loaded.version, "digest": loaded.digest,
            "compiled": str(loaded.model.compiled).lower()}


def open_log(asked: argparse.Namespace, loaded: Loaded):
    """None where none is asked for. Raises Unusable."""
    if asked.log is None:
        return None
    from notemill.serve.log import Log, LogError

    try:
        return Log.open(asked.log, loaded.model.schema, days=asked.log_days, most_mb=asked.log_mb,
                        classes=loaded.model.classes)
    except LogError as error:
        raise Unusable(str(error)) from None
    except OSError as error:
        why = "is a file, and the log is a folder" if asked.log.is_file() else f"no log can be kept: {error.strerror}"
        raise Unusable(f"--log {asked.log}: {why}") from None


def say(asked: argparse.Namespace, loaded: Loaded, listening: socket.socket) -> str:
    """That it serves, and where."""
    url, model = url_of(listening), loaded.model
    if asked.as_json:
        return json.dumps({"url": url, "name": loaded.name, "version": loaded.version, "digest": loaded.digest,
                           "workers": asked.workers, "compiled": model.compiled, "error": None})
    way = "compiled" if model.compiled else f"by scikit-learn: {model.uncompiled}"
    workers = f"{asked.workers} worker{'s' * (asked.workers > 1)}"
    return f"{loaded.name} {loaded.version} is served at {url} ({workers}; {way})\n  {url}/docs"
