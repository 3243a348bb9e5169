"""The same without HAProxy: the new version is proved on a port of its own; then the old one stops, and the new one
starts on the target's. In between nobody is answered, and how long that was is told."""

import time
from dataclasses import replace

from notemill.release.deploy import running
from notemill.release.deploy.process import Process
from notemill.release.deploy.state import PORT, Release, State

TRIAL = "trial-"


class Plain(Process):
    """The target's site where no proxy is installed."""

    def start(self, release: Release) -> None:
        """Beside the old one, on trial."""
        for part, place in self.trial(release).items():
            self.start_part(release, part, place=place)

    def free_slot(self, state: State) -> str:
        return PORT

    def until_ready(self, release: Release) -> Release:
        return replace(super().until_ready(release, self.trial(release)), slot=PORT)

    def trial(self, release: Release) -> dict:
        return {part: self.place(release, f"{TRIAL}{part}") for part in self.parts(release)}

    def switch(self, new: Release, old: Release | None) -> Release:
        self.end_trial(new)
        began = time.monotonic()
        if old:
            self.end(old)
        new = self.on_ports(new)
        if old:
            self.told(f"nobody was answered for {time.monotonic() - began:.1f} s")
        return new

    def on_ports(self, release: Release) -> Release:
        """Started where people reach it. Raises Failed."""
        for part, port in self.target.parts.items():
            self.start_part(release, part, port, self.target.host_of(part))
        places = {part: self.place(release, part) for part in self.target.parts}
        return super().until_ready(replace(release, slot=PORT), places)

    def back(self, new: Release, old: Release | None) -> Release | None:
        self.end(new)
        if old and self.dead(old):
            self.end(old)  # a part of it may live
            return self.on_ports(old)
        return old

    def end(self, release: Release) -> None:
        self.end_trial(release)
        super().end(release)

    def end_trial(self, release: Release) -> None:
        for place in self.trial(release).values():
            running.stop(place)

    def retire(self, old: Release) -> None:
        self.end(old)

    def revive(self, release: Release) -> Release:
        self.end(release)
        return self.on_ports(release)

    def ensure(self, state: State) -> None:
        """There is no proxy to be told."""

    def close(self) -> None:
        """Nor to be stopped."""

    def unwell(self, state: State) -> str | None:
        return self.dead(state.serving)
