"""A target of kind command: somebody else's machinery, by commands of the project's own. No shell is between."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace

from notemill.errors import NotemillError
from notemill.release.deploy import running
from notemill.release.deploy.door import Failed
from notemill.release.deploy.process import KEY, Http, Process
from notemill.release.deploy.state import Release, State

PATIENCE = 600.0  # seconds that a command may take
SHOWN = 500


class Commands(Process):
    """Its state is kept here; what runs is the commands' own."""

    def start(self, release: Release) -> None:
        self.run("start", release)

    def until_ready(self, release: Release) -> Release:
        """Its check goes well within `ready` seconds. Raises Failed."""
        running.until(lambda: self.check(release) is None, self.target.ready, look=1.0)
        if why := self.check(release):
            raise Failed(f"it was not ready after {self.target.ready:g} s: {why}")
        return release

    def check(self, release: Release) -> str | None:
        """Why its check does not go well; None where it does."""
        try:
            self.run("check", release)
        except Failed as error:
            return str(error)
        return None

    def door(self, release: Release) -> Http | None:
        """Only where traffic goes, and only once it goes there: before, the old one answers at the address."""
        return None if self.target.address is None or not release.addresses else \
            Http(self.target.address, self.environ.get(KEY))

    def dead(self, release: Release) -> str | None:
        return self.check(release)

    def switch(self, new: Release, old: Release | None) -> Release:
        if self.target.switch:
            self.run("switch", new)
        return replace(new, addresses={"score": self.target.address} if self.target.address else {})

    def back(self, new: Release, old: Release | None) -> Release | None:
        """Traffic to the old one; without a `switch`, `start` is what brings it."""
        if old:
            self.run("switch" if self.target.switch else "start", old)
        return old

    def retire(self, old: Release) -> None:
        self.end(old)

    def end(self, release: Release) -> None:
        self.run("stop", release)

    def revive(self, release: Release) -> Release:
        self.start(release)
        return self.until_ready(release)

    def ensure(self, state: State) -> None:
        """There is no proxy of ours."""

    def close(self) -> None:
        """Nor anything of ours that runs."""

    def unwell(self, state: State) -> str | None:
        return self.dead(state.serving)

    def run(self, which: str, release: Release) -> None:
        """One of the commands. Raises Failed where it does not end with 0."""
        words = [filled(word, self.known(release)) for word in getattr(self.target, which)]
        try:
            done = subprocess.run(words, cwd=self.target.root, env=self.all_but_keys(), stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"`{which}` did not end within {PATIENCE:g} s") from None
        except OSError as error:
            raise NotemillError(f"{which}: {words[0]}", f"cannot be run: {error.strerror}") from None
        if done.returncode:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-SHOWN:]
            raise Failed(f"`{which}` ended with {done.returncode}" + (f": {said}" if said else ""))

    def known(self, release: Release) -> dict[str, str]:
        """What its words may name in {}."""
        return {"version": str(release.version), "package": release.package, "deployment": release.deployment,
                "target": self.target.name, "name": release.name, "content": release.content}

    def all_but_keys(self) -> dict[str, str]:
        """What the commands see: all, for they may have to log in somewhere, but for the keys that sign."""
        from notemill import signing

        return {name: value for name, value in {**os.environ, **self.environ}.items() if name not in signing.KEPT_BACK}


def filled(word: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], found[0]), word)
