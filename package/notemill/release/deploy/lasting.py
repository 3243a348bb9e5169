"""What of targets.yaml cannot be another while a target serves: it would not be seen, or would end nothing."""

from notemill.errors import UsageError
from notemill.release.deploy.state import State
from notemill.release.deploy.targets import DOCKER, FILE, Target

SHOWN = {True: "FILE", False: "none", None: "none"}


def lasting_of(target: Target) -> dict:
    """As a release has it. `keys`: whether its containers have a copy."""
    return {"kind": target.kind, "keys": target.kind == DOCKER and bool(target.keys), "proxy": target.proxy}


def check_same_kind(target: Target, state: State, *keys: str) -> None:
    """Raise UsageError where targets.yaml has something else in these keys, or in any, than the target serves with."""
    asked, old = lasting_of(target), state.serving
    for key in keys or asked if old and old.kind else ():
        if (was := getattr(old, key)) != asked[key]:
            raise UsageError(
                f"{FILE}: target '{target.name}'", f"serves with {key}: {SHOWN.get(was, was)}, and the file now says "
                f"{key}: {SHOWN.get(asked[key], asked[key])}", None,
                f"put it back; to change it: notemill undeploy {target.name}, then change it, and deploy again")
