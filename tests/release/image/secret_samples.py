"""What a build may know and no image: certificates, and an index that asks for a login. `from secret_samples ...`."""

import os
import ssl
import threading
import urllib.request
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, PASSWORD, MARK = "millhand", "grist-8d1f2c77", "certificate-of-nobody-5e1c"  # pragma: allowlist secret
LOGIN = b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, MARK, LOGIN)


class Index(BaseHTTPRequestHandler):
    """PyPI's own pages, for those who have the login; the files come from where the pages say."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        if self.headers.get("Authorization") != f"Basic {LOGIN}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=index")
            self.end_headers()
            return
        request = urllib.request.Request(f"https://pypi.org{self.path}", headers={"Accept": self.headers["Accept"]})
        with urllib.request.urlopen(request, timeout=60) as answer:
            self.send_response(200)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.end_headers()
            self.wfile.write(answer.read())

    def log_message(self, *words):
        pass


@contextmanager
def index(host):
    """(the variables that name it, as a user's shell has them; what it was asked)."""
    server = ThreadingHTTPServer((host, 0), Index)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = f"{host}:{server.server_port}"
    try:
        yield {"PIP_INDEX_URL": f"http://{NAME}:{PASSWORD}@{place}/simple", "PIP_TRUSTED_HOST": host,
               "UV_INSECURE_HOST": place}, server.seen
    finally:
        server.shutdown()
        server.server_close()


def certificates(folder):
    """The variable that names a file of this machine's certificates, with a mark in it."""
    usual = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    own = folder / "own-ca.pem"
    own.write_text(f"# {MARK}\n{Path(usual).read_text() if usual else ''}")
    return {"SSL_CERT_FILE": str(own)}
