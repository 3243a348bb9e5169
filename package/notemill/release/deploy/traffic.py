"""Who gets a target's traffic: what its HAProxy is told, part by part, while it runs; and what a site behind one does
wherever that runs."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

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

    def back(self, new: Release, old: Release | None, patience: float) -> None:
        """The old one has it again, as far as HAProxy runs. `patience`: seconds in which it may be found to be up."""
        if self.answers():
            for part in self.parts:
                if address := old and old.addresses.get(part):
                    haproxy.bring_back(self.tell, part, other(new), address, patience)
            for part in self.parts:
                haproxy.leave(self.tell, part, new.slot, BEGUN[part])
                haproxy.set_state(self.tell, part, WARM, "maint")

    def cool(self) -> None:
        """Nobody is kept warm any more."""
        if self.answers():
            for part in self.parts:
                haproxy.set_state(self.tell, part, WARM, "maint")


def other(release: Release) -> str:
    """The slot that it does not have."""
    return next(slot for slot in haproxy.SLOTS if slot != release.slot)


class Proxied:
    """A site behind a HAProxy: it has a `target`, its `traffic`, and ways to look at a release and to `end` it."""

    target: Target
    traffic: Traffic

    def parts(self, release: Release) -> list[str]:
        """What it was started with, whatever targets.yaml says by now."""
        return list(release.urls or self.target.parts)

    def free_slot(self, state: State) -> str:
        return state.free_slot

    def unwell(self, state: State) -> str | None:
        """Why what should serve does not; None where it does."""
        return self.down(state.serving) or (None if self.traffic.answers() else "its HAProxy does not run")

    def switch(self, new: Release, old: Release | None) -> Release:
        """All parts of the new one take the traffic. Raises NotemillError."""
        self.traffic.switch(new, old if old and not self.down(old) else None)
        return new

    def back(self, new: Release, old: Release | None) -> Release | None:
        """The old one serves again, wherever it is by now. Its release as it then is."""
        now = old and self.fresh(old)
        lives = old and not self.down(old)
        self.traffic.back(new, now, self.target.ready if lives else haproxy.PATIENCE)
        return now and replace(now, addresses={**old.addresses, **now.addresses})

    def retire(self, old: Release) -> None:
        """It is not kept warm any more."""
        self.traffic.cool()
        self.end(old)
