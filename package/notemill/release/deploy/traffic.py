"""Who gets a target's traffic: what its HAProxy is told, part by part, while it runs."""

import contextlib
from collections.abc import Callable

from notemill.errors import NotemillError
from notemill.release.deploy import haproxy
from notemill.release.deploy.haproxy import WARM
from notemill.release.deploy.state import Release, State
from notemill.release.deploy.targets import Target

BEGUN = {"score": 35.0, "demo": 2.0}  # seconds in which what has begun may end; a demo's sessions last for hours


class Traffic:
    """Of one target. `tell`: HAProxy's answer to a command; it raises OSError where HAProxy does not run."""

    def __init__(self, target: Target, tell: Callable[[str], str]):
        self.parts, self.tell = tuple(target.parts), tell

    def answers(self) -> bool:
        with contextlib.suppress(OSError, NotemillError):
            return "Pid:" in self.tell("show info")
        return False

    def align(self, state: State) -> None:
        """As the state says. Raises NotemillError."""
        for part in self.parts:
            haproxy.align(self.tell, part, haproxy.layout(state, part))

    def switch(self, new: Release, warm: Release | None) -> None:
        """All parts of the new one take it; `warm`, which lives, takes over where that dies. Raises NotemillError."""
        for part in self.parts:
            haproxy.admit(self.tell, part, new.slot, new.addresses[part])
        for part in self.parts:
            address = warm and warm.addresses.get(part)
            haproxy.switch(self.tell, part, new.slot, other(new), address or None, BEGUN[part])

    def back(self, new: Release, old: Release | None) -> None:
        """The old one has it again, as far as HAProxy runs."""
        if self.answers():
            for part in self.parts:
                haproxy.back(self.tell, part, new.slot, other(new), old and old.addresses.get(part), BEGUN[part])

    def cool(self) -> None:
        """Nobody is kept warm any more."""
        if self.answers():
            for part in self.parts:
                haproxy.set_state(self.tell, part, WARM, "maint")


def other(release: Release) -> str:
    """The slot that it does not have."""
    return next(slot for slot in haproxy.SLOTS if slot != release.slot)
