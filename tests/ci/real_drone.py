"""A real Drone of a test's own at a real Gitea, without runners: it knows repositories, signs, and builds nothing.

The program is what `notemill stack up --build` keeps, or what DRONE_FOLDER names.
"""

import os
import secrets
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import real_gitea

from notemill.ci import drone, gitea
from notemill.ci.connect import Servers
from notemill.ci.http import NotemillError, Server, call
from notemill.ci.stack import login
from notemill.ci.stack.gobuild import PROGRAMS, place

# looked up when the tests are collected: while they run the cache is one of their own
FOLDER = Path(os.environ.get("DRONE_FOLDER") or place(PROGRAMS["drone"]))


@contextmanager
def running(root: Path, forge: real_gitea.Forge):
    """What opens both, as `connect` takes it; Drone's one user is the forge's administrator."""
    if not (FOLDER / "drone").is_file():
        pytest.skip("needs Drone's program: notemill stack up --build makes it, or DRONE_FOLDER names its folder")
    url = f"http://127.0.0.1:{real_gitea.free_port()}"
    stack = {"urls": {"forge": forge.url, "drone": url}, "tokens": {"drone": secrets.token_hex(16)},
             "admin": {"name": "chief", "password": forge.passwords["chief"]}}
    with (root / "drone-log").open("w") as log:
        process = subprocess.Popen([FOLDER / "drone"], env=environ(root, forge, stack), cwd=root, stdout=log,
                                   stderr=log)
    try:
        wait_for(url, process, root)
        login.link(stack)
        yield Servers(gitea.server(forge.url, real_gitea.token(forge, "chief", ["all"]), direct=True),
                      drone.server(url, stack["tokens"]["drone"], direct=True))
    finally:
        process.terminate()
        process.wait(30)


def environ(root, forge, stack):
    made = call(forge.users["chief"], "POST", "/api/v1/user/applications/oauth2", body={
        "name": "drone", "redirect_uris": [f"{stack['urls']['drone']}/login"], "confidential_client": True})
    host = stack["urls"]["drone"].removeprefix("http://")
    return {"PATH": os.environ["PATH"], "HOME": str(root), "DRONE_GITEA_SERVER": forge.url,
            "DRONE_GITEA_CLIENT_ID": made["client_id"], "DRONE_GITEA_CLIENT_SECRET": made["client_secret"],
            "DRONE_SERVER_HOST": host, "DRONE_SERVER_PORT": host, "DRONE_SERVER_PROTO": "http",
            "DRONE_RPC_SECRET": secrets.token_hex(16), "DRONE_COOKIE_SECRET": secrets.token_hex(16),
            "DRONE_DATABASE_DRIVER": "sqlite3", "DRONE_DATABASE_DATASOURCE": str(root / "drone.sqlite"),
            "DRONE_DATABASE_SECRET": secrets.token_hex(16), "DRONE_REGISTRATION_CLOSED": "true",
            "DRONE_USER_CREATE": f"username:chief,machine:false,admin:true,token:{stack['tokens']['drone']}",
            "DRONE_USER_FILTER": "chief", "DRONE_DATADOG_ENABLED": "false"}


def wait_for(url, process, root):
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            return call(Server("Drone", url, direct=True), "GET", "/version")
        except NotemillError:
            time.sleep(0.2)
    raise AssertionError((root / "drone-log").read_text()[-3000:])
