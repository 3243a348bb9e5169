"""`python -m notemill.ci.drop --folder DIR --host HOST --port PORT`: bind, say so, serve until told to end."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from notemill.ci.drop.areas import DAYS, MB, NAMES, Area, Limits
from notemill.ci.drop.server import Server
from notemill.ci.drop.shelf import Shelf

LEAST_TOKEN = 20  # characters
FAILED, USAGE = 1, 2


class Unusable(Exception):
    """Wrong usage, in words."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m notemill.ci.drop", description=__doc__)
    made.add_argument("--folder", type=Path, required=True, help="where the files are kept")
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=7304, help="0: any that is free")
    for name in NAMES:
        made.add_argument(f"--{name}-days", type=float, default=DAYS[name], help="how long a file stays")
        made.add_argument(f"--{name}-mb", type=float, default=MB[name], help="how much it holds")
    return made


def main(words: list[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Exit code: 0 it ended as told, 1 the port or folder cannot be had, 2 wrong usage."""
    asked = parser().parse_args(words)
    try:
        server = open_server(asked, read_areas(asked, environ))
    except Unusable as error:
        print(error, file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"{error.filename or f'{asked.host}:{asked.port}'}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    serve(server)
    return 0


def read_areas(asked: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Area]:
    """Raises Unusable for a token that is missing, short, or that opens two areas."""
    tokens = {name: read_token(f"NOTEMILL_DROP_TOKEN_{name.upper().replace('-', '_')}", environ) for name in NAMES}
    if len(set(tokens.values())) < len(tokens):
        raise Unusable("two areas have the same token: who may add to one could add to the other")
    return {name: Area(name, token, getattr(asked, f"{name.replace('-', '_')}_days"),
                       int(getattr(asked, f"{name.replace('-', '_')}_mb") * 1e6)) for name, token in tokens.items()}


def read_token(variable: str, environ: Mapping[str, str]) -> str:
    """From the variable, or from the file that VARIABLE_FILE names."""
    token, file = environ.get(variable, ""), environ.get(f"{variable}_FILE")
    if file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unusable(f"{variable}_FILE: {file} cannot be read: {error}") from None
    if len(token) < LEAST_TOKEN:
        raise Unusable(f"{variable}: a token of at least {LEAST_TOKEN} characters is needed, or a file that holds it "
                       f"as {variable}_FILE")
    return token


def open_server(asked: argparse.Namespace, areas: dict[str, Area]) -> Server:
    limits = Limits()
    os.umask(0o027)
    shelf = Shelf(asked.folder, areas, limits.spare)
    shelf.sweep()
    return Server((asked.host, asked.port), shelf, limits)


def serve(server: Server) -> None:
    """Until SIGTERM or SIGINT."""
    ended = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda number, frame: ended.set())
    for work in (server.serve_forever, lambda: server.sweep_for_ever(ended)):
        threading.Thread(target=work, daemon=True).start()
    host, port = server.server_address[:2]
    print(f"the drop is at http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    ended.wait()
    server.shutdown()
    server.server_close()
