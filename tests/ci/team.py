"""What a team does with the stack, as plain functions: users, clones, pull requests, and what becomes of them."""

import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from notemill.ci import drone, gitea
from notemill.ci.http import Server, call, find

STACK = os.environ.get("NOTEMILL_STACK", "")    # its stack.json
# Of who runs the tests: programs that were built are kept there. Read here: while tests run it is one of their own.
CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
HOME = Path(__file__).resolve().parents[2] / "package"
PATIENCE = 600  # seconds; a build on a busy machine


@dataclass
class Team:
    """One repository of the stack, seen by its administrator, and the users made for the test."""

    stack: dict
    slug: str
    root: Path
    users: dict[str, tuple[str, Server]] = field(default_factory=dict)
    project: Path | None = None

    @property
    def forge(self) -> Server:
        return gitea.server(self.stack["urls"]["forge"], self.stack["tokens"]["forge_admin"], direct=True)

    @property
    def drone(self) -> Server:
        return drone.server(self.stack["urls"]["drone"], self.stack["tokens"]["drone"], direct=True)


# people
def add_user(team: Team, name: str, right: str | None = None) -> None:
    """A user of the forge, with a password of its own; `right`: as a collaborator."""
    password = secrets.token_urlsafe(18)
    body = {"username": name, "email": f"{name}@team.example", "password": password, "must_change_password": False}
    if gitea.person(team.forge, name) is None:
        call(team.forge, "POST", "/api/v1/admin/users", body=body)
    else:
        call(team.forge, "PATCH", f"/api/v1/admin/users/{name}", body={**body, "login_name": name, "source_id": 0})
    team.users[name] = (password, Server("the forge", team.forge.url, basic(name, password), direct=True))
    if right:
        gitea.add_collaborator(team.forge, team.slug, name, right)


def basic(name: str, password: str) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def environ(**more: str) -> dict[str, str]:
    """Of a process of the user who started the stack."""
    return {**os.environ, "XDG_DATA_HOME": str(Path(STACK).parents[2]), "XDG_CACHE_HOME": CACHE,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")])),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **more}


# git
def git(folder: Path, *words: str, user: tuple[str, str] | None = None, fails: bool = False) -> str:
    """git's output; `user`: (name, password), handed over by the environment."""
    seen = environ(GIT_TERMINAL_PROMPT="0", GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@team.example",
                   GIT_COMMITTER_NAME="t", GIT_COMMITTER_EMAIL="t@team.example")
    login = []
    if user:
        seen["TEAM_NAME"], seen["TEAM_PASSWORD"] = user
        helper = '!f() { printf "username=%s\\npassword=%s\\n" "$TEAM_NAME" "$TEAM_PASSWORD"; }; f'
        login = ["-c", "credential.helper=", "-c", f"credential.helper={helper}"]
    done = subprocess.run(["git", *login, *words], cwd=folder, env=seen, capture_output=True, text=True, timeout=120)
    assert (done.returncode != 0) is fails, f"git {words}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def clone(team: Team, name: str, slug: str | None = None) -> tuple[Path, tuple[str, str]]:
    """A fresh clone by a user, and what the user logs in with."""
    folder, user = team.root / f"{name}-{secrets.token_hex(3)}", (name, team.users[name][0])
    git(team.root, "clone", "-q", f"{team.forge.url}/{slug or team.slug}.git", str(folder), user=user)
    return folder, user


def propose(team: Team, name: str, branch: str, change, *, message: str = "a change", title: str | None = None,
            base: str = "main") -> int:
    """A pull request by a user: `change(folder)` is what differs. Its number."""
    folder, user = clone(team, name)
    git(folder, "checkout", "-q", "-b", branch, f"origin/{base}")
    change(folder)
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", message)
    git(folder, "push", "-q", "origin", f"HEAD:refs/heads/{branch}", user=user)
    return open_pull(team, name, branch, title or message, base)


def open_pull(team: Team, name: str, head: str, title: str, base: str = "main") -> int:
    made = call(team.users[name][1], "POST", gitea.of(team.slug, "pulls"),
                body={"head": head, "base": base, "title": title})
    return made["number"]


# what became of it
def until(seen, what: str, seconds: float = PATIENCE, every: float = 1.0):
    """The first true value that `seen()` gives; AssertionError with what was last seen."""
    end = time.monotonic() + seconds
    while True:
        found = seen()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(every)


def pull(team: Team, number: int) -> dict:
    return find(team.forge, gitea.of(team.slug, "pulls", number))


def merged(team: Team, number: int, seconds: float = PATIENCE) -> dict:
    def seen():
        found = pull(team, number)
        return found if found["merged"] else None
    return until(seen, f"pull request {number} merges by itself", seconds)


def states(team: Team, commit: str) -> dict[str, str]:
    """{context: state}, the latest of each."""
    return {one["context"]: one["status"] for one in reversed(gitea.statuses(team.forge, team.slug, commit))}


def state(team: Team, number: int, context: str, wanted: str, seconds: float = PATIENCE) -> None:
    """Wait until the head's status is as wanted."""
    head = pull(team, number)["head"]["sha"]
    until(lambda: states(team, head).get(context) == wanted, f"{context} of {number} is {wanted}", seconds)


def build_of(team: Team, commit: str, event: str = "push", seconds: float = PATIENCE) -> dict:
    """The ended build of a commit."""
    def seen():
        for one in drone.builds(team.drone, team.slug):
            if one["after"] == commit and one["event"] == event and one["status"] not in ("pending", "running"):
                return drone.build(team.drone, team.slug, one["number"])
        return None
    return until(seen, f"the {event} of {commit[:8]} is built", seconds)


def ended(team: Team, number: int, seconds: float = PATIENCE) -> dict:
    """A build by its number, once it has ended."""
    def seen():
        found = drone.build(team.drone, team.slug, number)
        return found if found["status"] not in ("pending", "running") else None
    return until(seen, f"build {number} ends", seconds)


def log_of(team: Team, build: dict, step: str) -> str:
    for stage in build["stages"]:
        for one in stage.get("steps") or []:
            if one["name"] == step:
                return drone.log(team.drone, team.slug, build["number"], stage["number"], one["number"]) or ""
    raise AssertionError(f"build {build['number']} has no step {step}")


def all_logs(team: Team, build: dict) -> str:
    return "\n".join(f"--- {one['name']}\n{log_of(team, build, one['name'])}"
                     for stage in build["stages"] for one in stage.get("steps") or [])


def comments(team: Team, number: int) -> list[dict]:
    return find(team.forge, gitea.of(team.slug, "issues", number, "comments")) or []


# a project of its own
def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path.name} does not hold {old!r}"
    path.write_text(text.replace(old, new, 1))


def start_project(root: Path, change, *options: str) -> Team:
    """A project from `notemill init`, changed by `change(folder)`, connected and pushed to main.

    Its model is one that no project of this stack has made: one that came from the store would have no author here.
    """
    from sklearn.datasets import load_breast_cancer

    stack = read_stack()
    name = f"cells-{secrets.token_hex(4)}"
    table = load_breast_cancer(as_frame=True).frame
    table["target"] = ["benign" if one else "malignant" for one in table["target"]]
    table.to_csv(root / "cells.csv", index=False)
    notemill("init", name, "--data", "cells.csv", "--target", "target", *options, cwd=root)
    project, own = root / name, 200 + secrets.randbelow(10**6)
    edit(project / "notebooks" / "pipeline.yaml", "estimator: linear", f"estimator: linear, max_iter: {own}")
    change(project)
    found = Team(stack, f"{stack['admin']['name']}/{name}", root, project=project)
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", "the starter")
    notemill("ci", "connect", stack["urls"]["drone"], cwd=project)
    push(found, "signed")
    return found


def push(team: Team, message: str) -> str:
    """Commit all and push it to main: the commit."""
    git(team.project, "add", "--all")
    git(team.project, "commit", "-q", "-m", message)
    git(team.project, "push", "-q", "-u", "origin", "HEAD:refs/heads/main")
    return git(team.project, "rev-parse", "HEAD").strip()


def take_away(team: Team) -> None:
    """All that the engine has of the project's deployments: they outlive the stack."""
    for target in ("staging", "production"):
        label = f"label=notemill.target={team.project.name}/{target}"
        for kind, words in (("container", ["rm", "-f"]), ("network", ["rm"]), ("volume", ["rm", "-f"])):
            listed = ["docker", kind, "ls", "-q", *(["-a"] if kind == "container" else []), "--filter", label]
            there = subprocess.run(listed, capture_output=True, text=True).stdout.split()
            if there:
                subprocess.run(["docker", kind, *words, *there], capture_output=True)


# notemill
def notemill(*words: object, cwd: Path, fails: bool = False, seconds: float = 600):
    """`notemill WORDS` as a user types it: the completed process."""
    done = subprocess.run([sys.executable, "-m", "notemill", *map(str, words)], cwd=cwd, capture_output=True, text=True,
                          timeout=seconds, env=environ())
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done


def read_stack() -> dict:
    return json.loads(Path(STACK).read_text())


__all__ = ["STACK", "Team", "add_user", "all_logs", "build_of", "clone", "comments", "edit", "ended", "git", "log_of",
           "merged", "notemill", "open_pull", "propose", "pull", "push", "read_stack", "start_project", "state",
           "states", "take_away", "until"]
