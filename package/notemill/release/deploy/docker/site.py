"""The site of a target of kind docker. Its state lies in a volume beside the proxy's configuration; the engine starts
again what it ran when it, or the machine, is started."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from notemill.errors import NotemillError
from notemill.project import Project
from notemill.release import image
from notemill.release.deploy.docker import lock
from notemill.release.deploy.docker.asking import Inside
from notemill.release.deploy.docker.owned import DEPLOYMENT, MARK, SLOT, Owned
from notemill.release.deploy.docker.proxy import KEYS, LOG_LINES, PORTS, Proxy
from notemill.release.deploy.door import Failed, is_ready, workers
from notemill.release.deploy.haproxy import HEALTH
from notemill.release.deploy.process import KEY, SECONDS
from notemill.release.deploy.state import Release, State, as_state
from notemill.release.deploy.targets import Target
from notemill.release.deploy.traffic import Proxied
from notemill.release.image.engine import connect, in_words

TMP = {"/tmp": "size=256m"}  # all that a service may write
LOOK = 0.2  # seconds between two looks whether it is ready
STATE_FILE = "state.json"


class Docker(Proxied):
    """The target's site in a Docker engine."""

    def __init__(self, target: Target, project: Project, told: Callable[[str], None]):
        self.target, self.project, self.told = target, project, told
        self.client = connect(project.environ)
        self.owned = Owned(target, self.client)
        self.proxy = Proxy(self.owned)
        self.traffic = self.proxy.traffic
        self.lock: str | None = None  # the number of its container, while it is held

    def done(self) -> None:
        self.client.close()

    @contextlib.contextmanager
    def held(self, what: str, wait: float) -> Iterator[None]:
        """The target's lock. Raises NotemillError that names the holder, after `wait` seconds."""
        with lock.held(self.owned, self.proxy.image(), what, wait) as self.lock:
            try:
                yield
            finally:
                self.lock = None

    def check_held(self) -> None:
        """Raise NotemillError where the lock was lost: it does not outlive the engine, as who holds it does."""
        if self.lock:
            lock.check_held(self.owned, self.lock)

    # what is known
    def read(self) -> State:
        """Raises NotemillError where it was changed."""
        if self.proxy.found() is None and self.owned.has_volume():  # somebody took it away
            if not self.lock:  # who has it may be about to take all away
                raise NotemillError(self.proxy.where, "its container is gone; what serves is written in its volume",
                                    None, "notemill deployments --again makes it anew")
            self.proxy.there()
        data = self.proxy.got(STATE_FILE)
        if data is None:
            return State()
        try:
            value = json.loads(data)
        except ValueError:
            value = {}
        return as_state(value, f"{self.owned.where}: {STATE_FILE} in the volume {self.owned.called()}",
                        f"docker ps -aq --filter label={MARK}={self.owned.labels[MARK]} | xargs docker rm -f; "
                        f"docker volume rm {self.owned.called()}; then deploy again")

    def save(self, state: State) -> None:
        self.check_held()
        self.proxy.put(STATE_FILE, json.dumps(state.as_json(), sort_keys=True, indent=1).encode())

    def forget(self) -> None:
        """Nothing is left of it."""
        self.owned.forget()

    def prepare(self, manifest: Mapping, files: Mapping[str, bytes]) -> tuple[str, str]:
        """The image, which was asked its golden rows when it was made; and the content that it has."""
        found = image.ensure(self.project, str(manifest["version"]), self.told, demo=bool(self.target.demo),
                             manifest=manifest)
        if found.digest != manifest["content"]:
            raise NotemillError(found.reference, f"has the content {found.digest}", manifest["content"])
        return found.id, found.digest

    # its parts
    def container(self, release: Release, part: str):
        return self.owned.container(self.owned.name_of(release, part))

    def start(self, release: Release) -> None:
        for one in self.owned.containers(**{SLOT: release.slot}):  # of a deployment that was cut off
            self.owned.remove(one)
        for part in self.target.parts:
            self.begin(self.made(release, part))

    def begin(self, container) -> None:
        with in_words(self.owned.where):
            container.start()

    def made(self, release: Release, part: str):
        """The container of a part, not started yet."""
        labels = {SLOT: release.slot, DEPLOYMENT: release.deployment, "notemill.part": part,
                  "notemill.version": str(release.version)}
        keys = {"volumes": {self.owned.called("keys"): {"bind": KEYS, "mode": "ro"}}} if self.target.keys else {}
        alias = self.client.api.create_endpoint_config(aliases=[f"{part}-{release.slot}"])
        return self.owned.create(self.owned.name_of(release, part), release.package, self.words(release, part), labels,
                                 networking_config={self.owned.called(): alias}, tmpfs=TMP, **keys)

    def words(self, release: Release, part: str) -> list[str]:
        """For the image's own entry."""
        target = self.target
        if part == "demo":
            service = release.urls.get("score") or target.url("score")
            return ["demo", "--service", service, *(["--origin", target.origin] if target.origin else [])]
        keys = ["--keys", f"{KEYS}/keys"] if target.keys else []
        return ["serve", "--workers", str(target.workers), "--seconds", str(SECONDS), *keys]

    def until_ready(self, release: Release) -> Release:
        """With its addresses, once all parts answer. Raises Failed."""
        for part in self.target.parts:
            end = time.monotonic() + self.target.ready
            while not self.is_ready(release, part):
                if why := self.dead_part(release, part):
                    raise Failed(f"the {part} did not start: {why}")
                if time.monotonic() > end:
                    raise Failed(f"the {part} was not ready after {self.target.ready:g} s (`ready` of "
                                 f"{self.owned.where})")
                time.sleep(LOOK)
        return self.fresh(release)

    def is_ready(self, release: Release, part: str) -> bool:
        """With all workers."""
        door = self.door(release, part)
        return is_ready(door, HEALTH[part]) and (part != "score" or workers(door) >= self.target.workers)

    def fresh(self, release: Release) -> Release:
        """With the addresses that its containers have now."""
        found = {}
        for part in self.target.parts:
            container = self.container(release, part)
            networks = container.attrs["NetworkSettings"]["Networks"] if container else {}
            if address := networks.get(self.owned.called(), {}).get("IPAddress"):
                found[part] = f"{address}:{PORTS[part]}"
        return replace(release, addresses=found)

    def door(self, release: Release, part: str = "score") -> Inside:
        key = self.project.environ.get(KEY) if self.target.keys else None
        return Inside(lambda: self.container(release, part), self.owned.where, PORTS[part], key)

    def dead(self, release: Release) -> str | None:
        """What of it does not live, or the engine had to start again, in words."""
        for part in self.parts(release):
            if why := self.dead_part(release, part):
                return f"its {part} died: {why}"
        return None

    def dead_part(self, release: Release, part: str) -> str | None:
        container = self.container(release, part)
        if container is None:
            return "its container is gone"
        state = container.attrs["State"]
        if state["Running"] and not container.attrs["RestartCount"]:
            return None
        again = state["Running"] and not state["Restarting"]
        with in_words(self.owned.where):
            lines = container.logs(tail=LOG_LINES).decode("utf-8", "replace").strip()
        return ("the engine had to start it again" if again else f"exit code {state['ExitCode']}") + \
            (f": {lines}" if lines else "")

    def down(self, release: Release) -> str | None:
        """What does not run now, whatever was before."""
        for part in self.parts(release):
            container = self.container(release, part)
            if container is None or not container.attrs["State"]["Running"]:
                return f"its {part} does not run"
        return None

    def end(self, release: Release) -> None:
        """Tell its parts to end in order, and wait for that."""
        for container in self.owned.containers(**{DEPLOYMENT: release.deployment}):
            self.owned.end(container, SECONDS + 10)
            self.owned.remove(container)

    def revive(self, release: Release) -> Release:
        """Start again what does not live. Raises Failed."""
        for part in self.target.parts:
            self.begin(self.container(release, part) or self.made(release, part))
        return self.until_ready(release)

    # traffic
    def ensure(self, state: State) -> None:
        """The proxy running, and telling as the state says. Raises NotemillError."""
        self.check_held()
        self.proxy.there()
        if self.target.keys:
            self.proxy.put("keys", (self.target.root / self.target.keys).read_bytes(), KEYS)
        self.proxy.run(state)
        self.traffic.align(replace(state, serving=state.serving and self.fresh(state.serving)))

    def back(self, new: Release, old: Release | None) -> Release | None:
        self.check_held()
        return super().back(new, old)

    def close(self) -> None:
        self.proxy.close()

    def tidy(self, state: State) -> None:
        """Containers of deployments that nobody knows of."""
        used = {one.deployment for one in (state.serving, state.coming and state.coming.release) if one}
        for container in self.owned.containers():
            if container.labels.get(DEPLOYMENT) not in (*used, None):
                self.owned.remove(container)
