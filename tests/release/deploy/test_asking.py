"""How a service in a container is asked, by a program that runs beside it; here without the container."""

import http.server
import json
import subprocess
import sys
import threading
from contextlib import contextmanager

from notemill.release.deploy.docker.asking import ASK, Inside
from notemill.release.deploy.process import Http

KEY = "of-the-deployer"  # pragma: allowlist secret


@contextmanager
def answering(status, **headers):
    """(its address, the keys that it was shown)."""
    seen = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["Authorization"])
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "4"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"said")

        def log_message(self, *words):
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


def asked(url, key=KEY, environ=None):
    """The status that it tells."""
    given = json.dumps(["GET", url, None, key]).encode()
    done = subprocess.run([sys.executable, "-c", ASK, str(len(given))], input=given, capture_output=True, env=environ)
    return json.loads(done.stdout)[0] if done.returncode == 0 else done.stderr.decode()


def test_the_key_goes_nowhere_else():
    with answering(200) as (elsewhere, theirs), answering(302, Location=f"{elsewhere}/x") as (here, ours):
        assert asked(here) == 302
        assert (ours, theirs) == ([f"Bearer {KEY}"], [])
        assert asked(elsewhere, None) == 200 and theirs == [None]


def test_nor_from_this_machine():
    with answering(200) as (elsewhere, theirs), answering(307, Location=f"{elsewhere}/x") as (here, ours):
        assert Http(here, KEY).ask("GET", "/metrics") == (307, b"said")
        assert (ours, theirs) == ([f"Bearer {KEY}"], [])


def test_no_proxy_is_asked():
    with answering(503) as (proxy, seen), answering(200) as (here, _):
        assert asked(here, environ={"http_proxy": proxy, "HTTP_PROXY": proxy}) == 200 and seen == []


def test_a_container_that_is_gone_does_not_answer():
    door = Inside(lambda: None, "target 'here'", 8000, None)
    try:
        door.ask("GET", "/healthz")
    except OSError as error:
        assert str(error) == "its container does not run"
    else:
        raise AssertionError("it has answered")
