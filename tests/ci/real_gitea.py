"""A real Gitea of a test's own, headless: users, repositories, pull requests. `from real_gitea import ...`.

The program is what `notemill stack up --build` keeps, or what GITEA_FOLDER names (gitea, and static/ beside it).
"""

import base64
import os
import secrets
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from notemill.ci import gitea
from notemill.ci.http import NotemillError, Server, call
from notemill.ci.stack.gobuild import PROGRAMS, place

# looked up when the tests are collected: while they run the cache is one of their own
FOLDER = Path(os.environ.get("GITEA_FOLDER") or place(PROGRAMS["gitea"]))
SETTINGS = """
APP_NAME = forge
RUN_MODE = prod
WORK_PATH = {root}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
LOCAL_ROOT_URL = http://127.0.0.1:{port}/
STATIC_ROOT_PATH = {static}
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {root}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
INTERNAL_TOKEN = {internal}
[oauth2]
ENABLED = true
[service]
DISABLE_REGISTRATION = true
[actions]
ENABLED = false
[queue]
TYPE = level
[log]
LEVEL = Warn
ROOT_PATH = {root}/log
"""


@dataclass
class Forge:
    """`users`: {name: Server as that user}; the administrator is called chief."""

    url: str
    root: Path
    users: dict[str, Server] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)


@contextmanager
def running(root: Path):
    """A fresh one. The test is skipped where there is no program."""
    if not (FOLDER / "gitea").is_file():
        pytest.skip("needs Gitea's program: notemill stack up --build makes it, or GITEA_FOLDER names its folder")
    port = free_port()
    write_settings(root, port)
    tool("migrate", root=root)
    with (root / "stderr").open("w") as told:
        process = subprocess.Popen([FOLDER / "gitea", "web", "--config", root / "app.ini"], env=environ(root),
                                   stdout=subprocess.DEVNULL, stderr=told)
    try:
        forge = Forge(f"http://127.0.0.1:{port}", root)
        wait_for(forge, process)
        make_chief(forge)
        yield forge
    finally:
        process.terminate()
        process.wait(30)


def write_settings(root, port):
    internal = subprocess.run([FOLDER / "gitea", "generate", "secret", "INTERNAL_TOKEN"], env=environ(root), check=True,
                              capture_output=True, text=True).stdout.splitlines()[-1]
    (root / "app.ini").write_text(SETTINGS.format(root=root, port=port, static=FOLDER / "static", internal=internal,
                                                  secret=secrets.token_hex(16)))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def environ(root):
    return {"PATH": os.environ["PATH"], "HOME": str(root), "USER": os.environ.get("USER", "root"),
            "GITEA_WORK_DIR": str(root)}


def tool(*words, root):
    done = subprocess.run([FOLDER / "gitea", *words, "--config", root / "app.ini"], env=environ(root),
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wait_for(forge, process):
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            return call(Server("the forge", forge.url, direct=True), "GET", "/api/v1/version")
        except NotemillError:
            time.sleep(0.2)
    raise AssertionError((forge.root / "stderr").read_text()[-3000:])


def make_chief(forge):
    password = secrets.token_urlsafe(18)
    tool("admin", "user", "create", "--admin", "--username", "chief", "--password", password, "--email",
         "chief@forge.example", "--must-change-password=false", root=forge.root)
    keep(forge, "chief", password)


def keep(forge, name, password):
    login = base64.b64encode(f"{name}:{password}".encode()).decode()
    forge.users[name], forge.passwords[name] = Server("the forge", forge.url, f"Basic {login}", direct=True), password


def add_user(forge, name):
    password = secrets.token_urlsafe(18)
    call(forge.users["chief"], "POST", "/api/v1/admin/users", body={
        "username": name, "email": f"{name}@forge.example", "password": password, "must_change_password": False})
    keep(forge, name, password)


def token(forge, name, scopes):
    return call(forge.users[name], "POST", f"/api/v1/users/{name}/tokens",
                body={"name": secrets.token_hex(4), "scopes": scopes})["sha1"]


def git(forge, folder, *words, author="chief"):
    """git, as a user: its commits and its login."""
    who = {"NAME": author, "EMAIL": f"{author}@forge.example"}
    variables = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    done = subprocess.run(["git", "-c", "core.hooksPath=", "-c", f"http.extraHeader=Authorization: "
                           f"{forge.users[author].authorization}", *words], cwd=folder, capture_output=True, text=True,
                          env={**environ(forge.root), **variables, "GIT_TERMINAL_PROMPT": "0"}, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def make_repository(forge, slug, files, writers=()):
    """With one commit on main; `files`: {path: text}."""
    owner, name = slug.split("/")
    call(forge.users[owner], "POST", "/api/v1/user/repos", body={"name": name, "default_branch": "main"})
    for one in writers:
        gitea.add_collaborator(forge.users[owner], slug, one, "write")
    folder = forge.root / f"work-{name}"
    folder.mkdir()
    git(forge, folder, "init", "-q", "-b", "main", author=owner)
    lay(folder, files)
    git(forge, folder, "add", "--all", author=owner)
    git(forge, folder, "commit", "-q", "-m", "first", author=owner)
    git(forge, folder, "push", "-q", f"{forge.url}/{slug}.git", "HEAD:refs/heads/main", author=owner)
    return folder


def lay(folder, files):
    """{path: text}; a text that is None takes the file away, a Path makes a link to it."""
    for path, text in files.items():
        place_of = folder / path
        place_of.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            place_of.unlink()
        elif isinstance(text, Path):
            place_of.unlink(missing_ok=True)
            place_of.symlink_to(text)
        else:
            place_of.write_text(text)


def push(forge, folder, slug, branch, files, author, base="origin-main", message="a change"):
    """A commit on `branch`, from `base`, pushed by its author; its sha."""
    git(forge, folder, "fetch", "-q", f"{forge.url}/{slug}.git", "+refs/heads/*:refs/remotes/forge/*", author=author)
    git(forge, folder, "checkout", "-q", "-B", "work", f"forge/{base.removeprefix('origin-')}", author=author)
    lay(folder, files)
    git(forge, folder, "add", "--all", author=author)
    git(forge, folder, "commit", "-q", "--allow-empty", "-m", message, author=author)
    git(forge, folder, "push", "-q", "--force", f"{forge.url}/{slug}.git", f"HEAD:refs/heads/{branch}", author=author)
    return git(forge, folder, "rev-parse", "HEAD", author=author)


def open_pull(forge, slug, head, author, base="main", title="a change"):
    return call(forge.users[author], "POST", gitea.of(slug, "pulls"),
                body={"head": head, "base": base, "title": title})["number"]
