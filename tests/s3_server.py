"""A real server that speaks S3, on this machine: moto's, which answers one request after the other."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

BUCKET = "records"
SERVE = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app))
"""
LOGIN = "AWS4-HMAC-SHA256 Credential=x/20200101/us-east-1/s3/aws4_request"


def environ(port):
    """What obstore needs to find it."""
    return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}  # pragma: allowlist secret


@contextmanager
def running_bucket(folder):
    """Its variables, while it runs; the bucket `records` is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(folder / "s3.txt", "wb") as log:
        process = subprocess.Popen([sys.executable, "-c", SERVE, str(port)], stdout=log, stderr=log, env={**os.environ})
    try:
        for _ in range(600):
            try:
                make_bucket(port)
                break
            except OSError:
                assert process.poll() is None, (folder / "s3.txt").read_text()
                time.sleep(0.1)
        yield environ(port)
    finally:
        process.kill()
        process.wait()


def make_bucket(port):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", b"", {"Authorization": LOGIN}, method="PUT")
    urllib.request.urlopen(request, timeout=10).close()
