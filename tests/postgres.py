"""Debian's PostgreSQL in a temporary folder, as a user who is not root."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

OTHERS = ("postgres", "nobody")
QUICK = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]  # it is thrown away


def programs():
    """The newest folder with initdb; skips where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    there = found[-1] if found else shutil.which("initdb")
    if not there:
        pytest.skip("PostgreSQL is not installed: no initdb in /usr/lib/postgresql/*/bin (apt-get install postgresql)")
    return Path(there).parent


def somebody():
    """Whom to start it as: initdb refuses root. None: whoever runs the tests."""
    if os.getuid():
        return None
    users = {user.pw_name for user in pwd.getpwall()}
    return next((name for name in OTHERS if name in users), None) or pytest.skip("there is no user but root to start "
                                                                                 "PostgreSQL as")


@contextmanager
def running_postgres():
    """The address of its database, while it runs."""
    bin_, user = programs(), somebody()
    folder = Path(tempfile.mkdtemp(prefix="notemill-postgres-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if user:
        shutil.chown(folder, user)

    def run(program, *words):
        done = subprocess.run([bin_ / program, *map(str, words)], user=user, cwd=folder, capture_output=True, text=True,
                              timeout=120, env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0, (done.stdout + done.stderr, log.read_text() if log.exists() else "")

    log, data = folder / "log.txt", folder / "data"
    try:
        run("initdb", "--auth=trust", "--username=mill", "--no-sync", "-D", data)
        words = " ".join(["-h 127.0.0.1", f"-p {port}", f"-k {folder}", *(f"-c {word}" for word in QUICK)])
        run("pg_ctl", "-D", data, "-l", log, "-w", "-o", words, "start")
        try:
            run("createdb", "-h", "127.0.0.1", "-p", port, "-U", "mill", "mlflow")
            yield f"postgresql+pg8000://mill@127.0.0.1:{port}/mlflow"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
