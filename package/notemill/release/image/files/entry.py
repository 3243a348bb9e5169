#!/opt/needs/bin/python3
"""The image's one entry: `serve` (default), `demo`, `score`, `info`, `check`, `health`."""

import importlib.util
import json
import re
import runpy
import sys
import tempfile
import urllib.request
from pathlib import Path

FACTS = json.loads(Path(__file__).parents[1].joinpath("share", "model.json").read_text(encoding="utf-8"))
ANYWHERE = "0.0.0.0"  # within the container: who comes in from outside, the engine's -p says
PORTS = {"serve": 8000, "demo": 8501}
COMMANDS = ("serve", "demo", "score", "info", "check", "health")
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the container itself is asked


def main(words: list[str]) -> int:
    command, rest = (words[0], words[1:]) if words and not words[0].startswith("-") else ("serve", words)
    if command not in COMMANDS:
        print(f"notemill-model: there is no '{command}'\n  {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    if command == "demo" and importlib.util.find_spec("streamlit") is None:
        print("notemill-model demo: this image has the scoring service alone\n"
              "  notemill image --demo builds one with the demo", file=sys.stderr)
        return 2
    return {"serve": serve, "demo": demo, "health": health}.get(command, lambda more: package(command, more))(rest)


def serve(words: list[str]) -> int:
    """As `python -m notemill.serve`, but open to the container's own network. Keys are asked for where a file says so.
    """
    from notemill.serve import main as service
    from notemill.serve.options import CALLED, parser
    from notemill.serve.starting import bound, exit_code

    words = [*words, CALLED, "notemill-model serve"]
    asked_for_more = "--new-key" in given(words) or "--host" in given(words)
    words = words if "--new-key" in given(words) else [FACTS["package"], *words]
    if asked_for_more or {"-h", "--help"} & set(words):
        return service.main(words)

    def start() -> int:
        asked = parser("notemill-model serve").parse_args(words)
        keys = service.check_door(asked)
        with bound(ANYWHERE, asked.port) as listening, tempfile.TemporaryDirectory(prefix="serve-") as folder:
            if asked.workers > 1:
                from notemill.serve import workers

                return workers.supervise(asked, words, listening, Path(folder))
            return service.serve(asked, keys, listening, Path(folder), 0,
                                 lambda loaded: print(service.say(asked, loaded, listening), flush=True))
    return exit_code(start, "notemill-model serve", as_json="--json" in words)


def given(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words}


def demo(words: list[str]) -> int:
    from notemill.demo.main import main as show

    own = {"--host": ANYWHERE, "--signed": FACTS["signed"]}
    more = [f"{name}={value}" for name, value in own.items() if name not in given(words)]
    return show([FACTS["package"], *words, *more, "--called", "notemill-model demo"])


def package(command: str, words: list[str]) -> int:
    """What the model package itself can do."""
    sys.argv = ["notemill-model", command, *words]
    runpy.run_module(FACTS["package"], run_name="__main__")
    return 0


def health(words: list[str]) -> int:
    """0 where what this container was started for answers."""
    running = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    try:
        with DIRECT.open(address(running), timeout=4) as answer:
            return 0 if answer.status == 200 else 1
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def address(running: list[str]) -> str:
    """Where the process of this command line says whether it is ready."""
    line = " ".join(running)
    mode = "demo" if re.search(r"notemill-model demo\b", line) else "serve"
    port = re.search(r"--port[ =](\d+)", line)
    path = re.search(r"--base-path[ =](\S+)", line)
    base = f"/{path[1].strip('/')}" if path and path[1].strip("/") else ""
    where = f"{base}/_stcore/health" if mode == "demo" else "/v2/health/ready"
    return f"http://127.0.0.1:{port[1] if port else PORTS[mode]}{where}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
