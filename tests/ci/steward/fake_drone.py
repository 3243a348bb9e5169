"""A fake Drone: answers what the steward asks of builds and logs, from a dict."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeDrone:
    """`builds`: {slug: [build, newest first]}; a build's `log` is its only step's."""

    def __init__(self):
        self.builds, self.url = {}, ""

    def add(self, slug, commit, *, event="pull_request", pull=None, status="success", target="main", log="",
            stage=None):
        there = self.builds.setdefault(slug, [])
        ref = f"refs/pull/{pull}/head" if pull else f"refs/heads/{target}"
        there.insert(0, {"number": len(there) + 1, "event": event, "status": status, "after": commit, "ref": ref,
                         "target": target, "source": target, "log": log, "stage": stage or status})
        return there[0]

    def answer(self, path):
        parts = path.partition("?")[0].strip("/").split("/")[2:]
        slug, rest = "/".join(parts[:2]), parts[2:]
        there = self.builds.get(slug, [])
        if rest == ["builds"]:
            return there if "page=1" in path else []
        one = next((build for build in there if str(build["number"]) == rest[1]), None)
        if one and rest[2:3] == ["logs"]:
            return [{"pos": n, "out": f"{line}\n", "time": 0} for n, line in enumerate(one["log"].splitlines())]
        steps = [{"number": 1, "name": "clone"}, {"number": 2, "name": "train"}]
        return one and {**one, "stages": [{"number": 1, "status": one["stage"], "steps": steps}]}


@contextmanager
def running():
    fake = FakeDrone()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = fake.answer(self.path)
            body = json.dumps(found).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield fake
    server.shutdown()
    server.server_close()
