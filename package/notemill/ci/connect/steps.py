"""What a project needs at Drone and its forge, a step each: look, make what is missing, say which it was."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from notemill.ci import drone, gitea
from notemill.ci.connect.servers import Servers
from notemill.ci.http import Refused, origin
from notemill.errors import NotemillError, UsageError

CONTEXTS = ("continuous-integration/drone/pr", "notemill/steward")
BRANCHES = ("main", "development")
SETTINGS = {"protected": True, "trusted": False, "timeout": 60, "ignore_forks": True,
            "auto_cancel_pull_requests": True}
CRONS = {"nightly": "0 17 2 * * *"}     # seconds first
PATIENCE = 20       # seconds for Drone to see a new repository


@dataclass(frozen=True)
class Said:
    """What a step found or did."""

    step: str
    changed: bool
    words: str

    def as_json(self) -> dict:
        return {"step": self.step, "changed": self.changed, "words": self.words}


def repository(servers: Servers, slug: str) -> Said:
    """The repository at the forge."""
    if gitea.repository(servers.forge, slug):
        return Said("repository", False, f"{slug} is at {servers.forge.url}")
    me = gitea.user(servers.forge)["login"]
    try:
        gitea.make_repository(servers.forge, slug, mine=slug.split("/")[0].lower() == me.lower())
    except Refused as refused:
        if refused.status != 404:
            raise
        raise UsageError("--name", f"the forge has no organisation '{slug.split('/')[0]}'",
                         f"{me}/{slug.split('/')[1]} would be yours") from None
    return Said("repository", True, f"{slug} made at {servers.forge.url}: private, empty")


def activation(servers: Servers, slug: str) -> Said:
    """Drone knows the repository, and the forge tells it of pushes."""
    known = drone.repository(servers.drone, slug)
    if known and known.get("active"):
        return _webhook(servers, slug)
    let_in = _activate(servers, slug)
    words = f"active at {servers.drone.url}, with a webhook of the forge"
    return Said("drone", True, words + (f"; {let_in}, who connects Drone with the forge, administers it now, too"
                                        if let_in else ""))


def _webhook(servers: Servers, slug: str) -> Said:
    hooks = gitea.hooks(servers.forge, slug)
    if any(_goes_to(servers.drone.url, hook) for hook in hooks):
        return Said("drone", False, f"active at {servers.drone.url}")
    drone.repair(servers.drone, slug)
    return Said("drone", True, "the forge had no webhook for Drone any more: it was made anew")


def _goes_to(url: str, hook: Mapping) -> bool:
    return hook.get("active") and origin((hook.get("config") or {}).get("url", "")) == origin(url)


def _activate(servers: Servers, slug: str) -> str | None:
    """Again while Drone does not know of a repository that was made a moment ago. Gives who had to be let in."""
    until, let_in = time.monotonic() + PATIENCE, None
    while True:
        _sync(servers.drone)
        try:
            drone.activate(servers.drone, slug)
            return let_in
        except Refused as refused:
            if refused.status not in (403, 404):
                raise
            if refused.status == 403 or time.monotonic() > until:
                raise _not_its_own(servers, slug, refused) from None
        let_in = let_in or _let_in(servers, slug)
        time.sleep(0.5)


def _let_in(servers: Servers, slug: str) -> str | None:
    """Drone's user, where nothing makes the forge list the repository for that one: an organisation's, of others.

    To administrate the whole forge does not; to administrate the repository does, and a webhook needs that anyway.
    """
    owner, who = slug.split("/", 1)[0], (drone.user(servers.drone) or {}).get("login")
    if who is None or who.lower() == owner.lower() or gitea.person(servers.forge, who) is None:
        return None
    if gitea.is_member(servers.forge, owner, who) or gitea.collaborates(servers.forge, slug, who):
        return None
    gitea.add_collaborator(servers.forge, slug, who, "admin")
    return who


def _not_its_own(servers: Servers, slug: str, refused: Refused) -> NotemillError:
    who = (drone.user(servers.drone) or {}).get("login") or "the one whose token DRONE_TOKEN is"
    return NotemillError("Drone", f"cannot take {slug}: {refused.got}",
                         hint=f"at the forge, make {who} an administrator of the repository (Settings, Collaborators)")


def _sync(server) -> None:
    try:
        drone.sync(server)
    except Refused as refused:
        if refused.status in (401, 403):
            raise
        raise NotemillError("Drone", "cannot read the forge's repositories: its login there has run out, or never was",
                            hint=f"log in once at {server.url}, and run this again") from None


def settings(servers: Servers, slug: str) -> Said:
    """Signed pipelines alone run by themselves; nothing gets at the machine."""
    now = drone.repository(servers.drone, slug) or {}
    differing = {name: value for name, value in SETTINGS.items() if now.get(name, False) != value}
    if not differing:
        return Said("settings", False, "protected, not trusted, 60 minutes, older builds of a pull request cancelled")
    after = drone.change(servers.drone, slug, differing) or {}
    refused = sorted(name for name, value in differing.items() if after.get(name, False) != value)
    if refused:
        raise NotemillError("Drone", f"did not take {', '.join(refused)}",
                            hint="DRONE_TOKEN has to be an administrator's of Drone")
    return Said("settings", True, "set: " + ", ".join(f"{name} {value}" for name, value in differing.items()))


def secrets(servers: Servers, slug: str) -> Said:
    """MLflow's login, for builds of pushes; Drone does not tell values, so they are written each time."""
    if servers.mlflow is None:
        return Said("secrets", False, "no login of MLflow is known here (MLFLOW_TRACKING_USERNAME, "
                                      "MLFLOW_TRACKING_PASSWORD): none set")
    wanted = {"MLFLOW_TRACKING_USERNAME": servers.mlflow.name, "MLFLOW_TRACKING_PASSWORD": servers.mlflow.password}
    there = drone.secrets(servers.drone, slug)
    for name, value in wanted.items():
        change = drone.change_secret if name in there else drone.add_secret
        change(servers.drone, slug, name, value)
    new = sorted(wanted.keys() - there.keys())
    return Said("secrets", bool(new), f"{', '.join(sorted(wanted))}: " +
                ("set, for no pull request" if new else "written again, for no pull request"))


def schedule(servers: Servers, slug: str) -> Said:
    """The nightly build of main; entries that others made are left alone."""
    there, changed = drone.crons(servers.drone, slug), False
    for name, when in CRONS.items():
        if name in there and (there[name]["expr"], there[name]["branch"]) == (when, "main"):
            continue
        if name in there:       # Drone lets nobody change when
            drone.remove_cron(servers.drone, slug, name)
        drone.add_cron(servers.drone, slug, name, when, "main")
        changed = True
    told = ", ".join(f"{name} ({when})" for name, when in CRONS.items())
    return Said("cron", changed, f"{told} on main{': made' if changed else ''}")


def protection(servers: Servers, slug: str, branch: str, reviews: int | None) -> Said:
    """What `branch` takes: pushes of those who may, and merges of what Drone and the steward passed."""
    now = gitea.protection(servers.forge, slug, branch)
    wanted = rule(now or {}, gitea.user(servers.forge)["login"], reviews)
    step = f"branch {branch}"
    words = f"merges need {' and '.join(CONTEXTS)}, and {wanted['required_approvals']} reviews"
    if now is None:
        gitea.protect(servers.forge, slug, branch, wanted)
        return Said(step, True, f"protected: {words}")
    differing = {name: value for name, value in wanted.items() if now.get(name) != value}
    if not differing:
        return Said(step, False, words)
    gitea.change_protection(servers.forge, slug, branch, differing)
    return Said(step, True, f"{words} (changed: {', '.join(sorted(differing))})")


def rule(now: Mapping, me: str, reviews: int | None) -> dict:
    """The protection as it has to be; what stands there beyond that stays."""
    needed = now.get("required_approvals", 0) if reviews is None else reviews
    return {"enable_push": True, "enable_push_whitelist": True,
            "push_whitelist_usernames": _with(now.get("push_whitelist_usernames"), me),
            "enable_status_check": True, "status_check_contexts": _with(now.get("status_check_contexts"), *CONTEXTS),
            "required_approvals": needed, "block_on_rejected_reviews": True, "dismiss_stale_approvals": True}


def _with(now: list[str] | None, *more: str) -> list[str]:
    return [*(now or []), *(one for one in more if one not in (now or []))]


def steward(servers: Servers, slug: str) -> Said:
    """The steward may set statuses here, comment, and ask for merges: that is how it knows what to watch."""
    name = servers.steward
    if gitea.person(servers.forge, name) is None:
        return Said("steward", False, f"the forge has no user {name}: nothing merges by itself, and no comment is kept")
    if gitea.collaborates(servers.forge, slug, name):
        return Said("steward", False, f"{name} watches it")
    gitea.add_collaborator(servers.forge, slug, name, "write")
    return Said("steward", True, f"{name} watches it from now on (it may write, and is no administrator)")
