"""The drop as a process of a test's own. `from drop_process import ...`."""

import hashlib
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TOKENS = {"pull-request": "p" * 24, "main": "m" * 24}


@dataclass
class Drop:
    """A running one."""

    url: str
    folder: Path
    process: subprocess.Popen


def environ(**more):
    import notemill

    return {**os.environ, "PYTHONPATH": str(Path(notemill.__file__).parents[1]),
            "NOTEMILL_DROP_TOKEN_PULL_REQUEST": TOKENS["pull-request"], "NOTEMILL_DROP_TOKEN_MAIN": TOKENS["main"],
            **more}


@contextmanager
def running(folder, *words, port=0):
    """Serves `folder` at a free port."""
    command = [sys.executable, "-m", "notemill.ci.drop", "--folder", str(folder), "--port", str(port), *words]
    process = subprocess.Popen(command, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        said = process.stdout.readline()
        yield Drop(re.search(r"http://\S+", said)[0], Path(folder), process)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def sha(content):
    return hashlib.sha256(content).hexdigest()


def put(drop, content, name="a.html", area="pull-request", token=None, digest=None):
    """(status, address)."""
    url = f"{drop.url}/{area}/{digest or sha(content)}/{name}"
    request = urllib.request.Request(url, method="PUT", data=content, headers={
        "Authorization": f"Bearer {TOKENS.get(area, '') if token is None else token}"})
    return asked(request)[0], url


def get(url, method="GET"):
    """(status, headers, content)."""
    return asked(urllib.request.Request(url, method=method))


def asked(request):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()
