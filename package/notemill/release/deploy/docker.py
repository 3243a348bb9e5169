"""A target of kind docker: containers of one engine, on a network of the target's own, behind a HAProxy in a container.
All is done over the engine's socket, so that it also works from a build step that has nothing else. The state lies in a
volume beside the proxy's configuration; the engine starts again what it ran when it, or the machine, is started."""

import base64
import contextlib
import io
import json
import posixpath
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from notemill.errors import NotemillError, UsageError
from notemill.project import Project
from notemill.release import image
from notemill.release.deploy import haproxy, running
from notemill.release.deploy.door import Failed, is_ready
from notemill.release.deploy.haproxy import HEALTH, WARM
from notemill.release.deploy.lock import busy_words, holder
from notemill.release.deploy.process import SECONDS, Process
from notemill.release.deploy.state import Release, State, as_state
from notemill.release.deploy.targets import Target
from notemill.release.image.base import present
from notemill.release.image.engine import connect, in_words

PROXY, OWN = "haproxy:2.8", "notemill/haproxy:2.6"  # OWN: what `notemill stack up --build` has made
PORTS, MODES = {"score": 8000, "demo": 8501}, {"score": "serve", "demo": "demo"}
STATE, KEYS = "/state", "/keys"
CONTROL = 9999  # on the loopback of the proxy's container alone
MARK = "notemill.target"
AS_IT_IS_TRIED = {"read_only": True, "tmpfs": {"/tmp": "size=256m"}, "cap_drop": ["ALL"],
                  "security_opt": ["no-new-privileges"]}
LOGS = {"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}}  # else they grow until the disk is full
STAYS = {"Name": "unless-stopped"}
RESOLVERS = ("resolvers docker\n    nameserver dns 127.0.0.11:53\n    timeout resolve 1s\n    hold valid 1s\n"
             "    hold nx 1s\n")
BY_NAME = " resolvers docker init-addr last,libc,none"  # an address may be another one after the engine's restart
ASK = """import base64, http.client, json, os, sys, urllib.error, urllib.request
method, url, body = json.loads(base64.b64decode(sys.argv[1]))
key = os.environ.get("NOTEMILL_DEPLOY_KEY")
data = None if body is None else json.dumps(body).encode()
headers = {"Content-Type": "application/json"} if data else {}
headers |= {"Authorization": f"Bearer {key}"} if key else {}
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    with opener.open(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
        said = [answer.status, answer.read()]
except urllib.error.HTTPError as error:
    said = [error.code, error.read()]
except (OSError, http.client.HTTPException) as error:
    sys.exit(str(error) or type(error).__name__)
print(json.dumps([said[0], base64.b64encode(said[1]).decode()]))
"""
TELL = 'exec 3<>/dev/tcp/127.0.0.1/$1 && printf "%s\\n" "$2" >&3 && cat <&3'
LOG_LINES, TRIES = 5, 3


class Docker(Process):
    """The target's site in a Docker engine."""

    def __init__(self, target: Target, project: Project, told: Callable[[str], None]):
        super().__init__(target, project.environ, told)
        self.project, self.client = project, connect(project.environ)
        self.prefix = self.called()
        self.labels = {MARK: f"{target.project}/{target.name}"}

    def called(self, what: str = "") -> str:
        """Its containers, volumes and network. A target's name has neither . nor _, so two never have the same."""
        return f"deployed-{self.target.name}{what and '.'}{what}_{self.target.project}"

    @property
    def where(self) -> str:
        return f"target '{self.target.name}'"

    @contextlib.contextmanager
    def held(self, what: str, wait: float) -> Iterator[None]:
        """The lock is a container that lives as long as this process holds its standard input, and not longer."""
        with in_words(self.where):
            taken = self.take(what, time.monotonic() + wait)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                taken.close()

    def take(self, what: str, until: float):
        """The connection that holds it. Raises NotemillError that names the holder."""
        import docker.errors

        name, facts = self.called("lock"), {f"notemill.{key}": str(value) for key, value in holder(what).items()}
        while True:
            try:
                container = self.client.api.create_container(
                    self.proxy_image(), entrypoint=["cat"], command=[], name=name, stdin_open=True, labels=facts,
                    host_config=self.client.api.create_host_config(auto_remove=True, network_mode="none"))
                connection = self.client.api.attach_socket(container["Id"], params={"stdin": 1, "stream": 1})
                self.client.api.start(container["Id"])
                return connection
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise
            if time.monotonic() >= until:
                raise self.busy(name)
            time.sleep(0.5)

    def busy(self, name: str) -> NotemillError:
        import docker.errors

        try:
            container = self.client.containers.get(name)
        except docker.errors.NotFound:
            return busy_words(self.target.name, {})
        if container.status == "created":  # who made it was killed before it began
            container.remove(force=True)
        return busy_words(self.target.name, {key.removeprefix("notemill."): value
                                             for key, value in container.labels.items()})

    # what is known
    def read(self) -> State:
        if self.container(self.called("proxy")) is None and self.has_volume():
            self.base()  # somebody took the proxy away: what serves is written in the volume
        data = self.got(f"{STATE}/state.json")
        if data is None:
            return State()
        try:
            value = json.loads(data)
        except ValueError:
            value = {}
        return as_state(value, f"{self.where}: state.json in the volume {self.prefix}")

    def has_volume(self) -> bool:
        with in_words(self.where):
            return self.prefix in [one.name for one in self.client.volumes.list(filters={"name": self.prefix})]

    def save(self, state: State) -> None:
        self.put("state.json", json.dumps(state.as_json(), sort_keys=True, indent=1).encode())

    def forget(self) -> None:
        """Containers, network and volumes: nothing is left."""
        with in_words(self.where):
            for container in self.mine():
                container.remove(force=True)
            for kind in (self.client.networks, self.client.volumes):
                for one in kind.list(filters={"label": f"{MARK}={self.labels[MARK]}"}):
                    one.remove()

    def prepare(self, manifest: Mapping, files: Mapping[str, bytes]) -> tuple[str, str]:
        """The image, which was asked its golden rows when it was made; and the content that it has."""
        found = image.ensure(self.project, str(manifest["version"]), self.told, demo=bool(self.target.demo))
        if found.digest != manifest["content"]:
            raise NotemillError(found.reference, f"has the content {found.digest}", manifest["content"])
        return found.id, found.digest

    # containers
    def mine(self, **more: str) -> list:
        labels = [f"{name}={value}" for name, value in {**self.labels, **more}.items()]
        return self.client.containers.list(all=True, filters={"label": labels})

    def container(self, name: str):
        import docker.errors

        with in_words(self.where):
            try:
                return self.client.containers.get(name)
            except docker.errors.NotFound:
                return None

    def name_of(self, release: Release, part: str) -> str:
        return self.called(f"{release.deployment}-{part}")

    def start(self, release: Release) -> None:
        self.base()
        with in_words(self.where):
            for one in self.mine(**{"notemill.slot": release.slot}):  # of a deployment that was cut off
                one.remove(force=True)
            for part in self.target.parts:
                self.made(release, part).start()

    def made(self, release: Release, part: str):
        labels = {**self.labels, "notemill.slot": release.slot, "notemill.part": part,
                  "notemill.deployment": release.deployment, "notemill.version": str(release.version)}
        keys = {"volumes": {self.called("keys"): {"bind": KEYS, "mode": "ro"}}} if self.target.keys else {}
        alias = self.client.api.create_endpoint_config(aliases=[f"{part}-{release.slot}"])
        return self.client.containers.create(
            release.package, self.words(release, part, "", PORTS[part]), name=self.name_of(release, part),
            labels=labels, network=self.prefix, networking_config={self.prefix: alias}, restart_policy=STAYS,
            log_config=LOGS, **AS_IT_IS_TRIED, **keys)

    def words(self, release: Release, part: str, host: str, port: int) -> list[str]:
        """For the image's own entry."""
        target = self.target
        if part == "demo":
            return ["demo", "--service", target.url("score"), *(["--origin", target.origin] if target.origin else [])]
        keys = ["--keys", f"{KEYS}/keys"] if target.keys else []
        return ["serve", "--workers", str(target.workers), "--seconds", str(SECONDS), *keys]

    def until_ready(self, release: Release, places: Mapping | None = None) -> Release:
        """With its addresses, once all parts answer. Raises Failed."""
        for part in self.target.parts:
            end = time.monotonic() + self.target.ready
            while not is_ready(self.door(release, part), HEALTH[part]):
                if why := self.dead_part(release, part):
                    raise Failed(f"the {part} did not start: {why}")
                if time.monotonic() > end:
                    raise Failed(f"the {part} was not ready after {self.target.ready:g} s")
                time.sleep(running.LOOK * 4)
        return self.fresh(release)

    def fresh(self, release: Release) -> Release:
        """With the addresses that its containers have now."""
        found = {}
        for part in self.target.parts:
            container = self.container(self.name_of(release, part))
            networks = container.attrs["NetworkSettings"]["Networks"] if container else {}
            if address := networks.get(self.prefix, {}).get("IPAddress"):
                found[part] = f"{address}:{PORTS[part]}"
        return replace(release, addresses=found)

    def door(self, release: Release, part: str = "score") -> "Inside":
        return Inside(self, self.name_of(release, part), PORTS[part], self.key())

    def dead(self, release: Release) -> str | None:
        for part in self.parts(release):
            if why := self.dead_part(release, part):
                return f"its {part} died: {why}"
        return None

    def dead_part(self, release: Release, part: str) -> str | None:
        """Also one that the engine has started again."""
        container = self.container(self.name_of(release, part))
        if container is None:
            return "its container is gone"
        state = container.attrs["State"]
        if state["Running"] and not container.attrs["RestartCount"]:
            return None
        with in_words(self.where):
            lines = container.logs(tail=LOG_LINES).decode("utf-8", "replace").strip()
        return f"exit code {state['ExitCode']}" + (f": {lines}" if lines else "")

    def down(self, release: Release) -> str | None:
        """What does not run now, whatever was before."""
        for part in self.parts(release):
            container = self.container(self.name_of(release, part))
            if container is None or not container.attrs["State"]["Running"]:
                return f"its {part} does not run"
        return None

    def end(self, release: Release) -> None:
        with in_words(self.where):
            for container in self.mine(**{"notemill.deployment": release.deployment}):
                container.update(restart_policy={"Name": "no"})
                container.stop(timeout=int(SECONDS) + 10)
                container.remove(force=True)

    def revive(self, release: Release) -> Release:
        with in_words(self.where):
            for part in self.target.parts:
                (self.container(self.name_of(release, part)) or self.made(release, part)).start()
        return self.until_ready(release)

    # the proxy, and what lies beside it
    def base(self) -> None:
        """Network, volumes and the proxy's container: made where they are not there."""
        with in_words(self.where):
            if self.prefix not in [one.name for one in self.client.networks.list(names=[self.prefix])]:
                self.client.networks.create(self.prefix, driver="bridge", labels=self.labels, check_duplicate=True)
            for name in (self.prefix, *([self.called("keys")] if self.target.keys else [])):
                self.client.volumes.create(name, labels=self.labels)
            if self.container(self.called("proxy")) is None:
                self.make_proxy()
        if self.target.keys:
            self.put("keys", (self.target.root / self.target.keys).read_bytes(), KEYS)

    def make_proxy(self) -> None:
        ports = {f"{PORTS[part]}/tcp": (self.target.listens, port) for part, port in self.target.parts.items()}
        volumes = {self.prefix: {"bind": STATE, "mode": "rw"}}
        if self.target.keys:
            volumes[self.called("keys")] = {"bind": KEYS, "mode": "rw"}
        self.client.containers.create(
            self.proxy_image(), ["-db", "-f", f"{STATE}/haproxy.cfg"], entrypoint=["haproxy"], ports=ports,
            name=self.called("proxy"), labels=self.labels, network=self.prefix, volumes=volumes,
            restart_policy=STAYS, stop_signal="SIGUSR1", log_config=LOGS)

    def proxy_image(self) -> str:
        """The one of targets.yaml; else the usual one, or, where that cannot be had, the server's own."""
        asked = self.target.proxy or PROXY
        if present(self.client, asked) is not None:
            return asked
        if not self.target.proxy and present(self.client, OWN) is not None:
            return OWN
        import docker.errors

        try:
            self.client.images.pull(*asked.rsplit(":", 1)) if ":" in asked.rpartition("/")[2] else \
                self.client.images.pull(asked, tag="latest")
        except docker.errors.APIError as error:
            raise UsageError(asked, f"is not here, and cannot be fetched: {str(error.explanation or error)[:200]}",
                             "an image with HAProxy and bash",
                             f"docker pull or docker load it; or name another one: proxy: in target "
                             f"'{self.target.name}'") from None
        return asked

    def ensure(self, state: State) -> None:
        self.base()
        self.render(state)
        proxy = self.container(self.called("proxy"))
        with in_words(f"HAProxy of {self.where}"):
            if proxy.status != "running":
                proxy.start()
            if not running.until(self.answers, haproxy.PATIENCE):
                proxy.reload()
                raise NotemillError(f"HAProxy of {self.where}", "does not start: "
                                    + proxy.logs(tail=LOG_LINES).decode("utf-8", "replace").strip())
        state = replace(state, serving=state.serving and self.fresh(state.serving))
        for part in self.target.parts:
            haproxy.align(self.tell, part, haproxy.layout(state, part))

    def render(self, state: State) -> None:
        binds = {part: f":{PORTS[part]}" for part in self.target.parts}
        text = haproxy.render(binds, f"ipv4@127.0.0.1:{CONTROL}", state, named) + RESOLVERS
        self.put("haproxy.cfg", text.encode())

    def tell(self, command: str) -> str:
        proxy = self.container(self.called("proxy"))
        if proxy is None or proxy.status != "running":
            raise OSError(f"the container {self.called('proxy')} does not run")
        for _ in range(TRIES):
            with in_words(self.where):
                done = proxy.exec_run(["bash", "-c", TELL, "-", str(CONTROL), command], demux=True)
            out, err = (text or b"" for text in done.output or (b"", b""))
            if done.exit_code:
                raise OSError(f"HAProxy does not answer: {err.decode('utf-8', 'replace')[:200]}")
            if out == b"\n" or out.endswith(b"\n\n"):  # as all its answers end; else the engine was too busy
                return out.decode("utf-8", "replace")
        raise OSError(f"the engine does not give HAProxy's answer to '{command}'")

    def answers(self) -> bool:
        with contextlib.suppress(OSError, NotemillError):
            return "Pid:" in self.tell("show info")
        return False

    def close(self) -> None:
        """The port is free; the state stays until it is forgotten."""
        if proxy := self.container(self.called("proxy")):
            with in_words(self.where):
                proxy.update(restart_policy={"Name": "no"})
                proxy.stop(timeout=10)

    def tidy(self, state: State) -> None:
        """Containers of deployments that nobody knows of."""
        used = {one.deployment for one in (state.serving, state.coming and state.coming.release) if one}
        with in_words(self.where):
            for container in self.mine():
                if container.labels.get("notemill.deployment") not in (*used, None):
                    container.remove(force=True)

    def done(self) -> None:
        self.client.close()

    # files beside the proxy
    def put(self, name: str, data: bytes, folder: str = STATE) -> None:
        """Whole or not at all: under another name first, then moved, where the container runs."""
        if self.container(self.called("proxy")) is None:
            self.base()
        proxy = self.container(self.called("proxy"))
        moving = proxy.status == "running"
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(f".{name}.new" if moving else name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
        with in_words(self.where):
            proxy.put_archive(folder, packed.getvalue())
            if moving:
                done = proxy.exec_run(["mv", "-f", posixpath.join(folder, f".{name}.new"),
                                       posixpath.join(folder, name)], user="root")
                if done.exit_code:
                    raise NotemillError(self.where, f"{name} cannot be written: {done.output.decode()[:200]}")

    def got(self, path: str) -> bytes | None:
        import docker.errors

        proxy = self.container(self.called("proxy"))
        if proxy is None:
            return None
        with in_words(self.where):
            try:
                packed = b"".join(proxy.get_archive(path)[0])
            except docker.errors.NotFound:
                return None
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            return archive.extractfile(posixpath.basename(path)).read()


class Inside:
    """The service of one container, asked from inside it."""

    def __init__(self, site: Docker, name: str, port: int, key: str | None):
        self.site, self.name, self.url, self.key = site, name, f"http://127.0.0.1:{port}", key

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """As Door has it."""
        container = self.site.container(self.name)
        if container is None or container.status != "running":
            raise OSError("its container does not run")
        words = base64.b64encode(json.dumps([method, self.url + path, body]).encode()).decode()
        key = {"NOTEMILL_DEPLOY_KEY": self.key} if self.key else {}  # in no argument list
        for _ in range(TRIES):
            with in_words(self.site.where):
                done = container.exec_run(["python3", "-c", ASK, words], demux=True, environment=key)
            out, err = (text or b"" for text in done.output or (b"", b""))
            if done.exit_code:
                raise OSError(err.decode("utf-8", "replace").strip()[-200:] or f"exit code {done.exit_code}")
            if out.endswith(b"\n"):  # else the engine, too busy, has given a part of it, or nothing
                status, text = json.loads(out)
                return status, base64.b64decode(text)
        raise OSError("the engine does not give its answer")


def named(part: str, slot: str, address: str) -> str:
    """By its name where that is fixed: the container in a slot is found whatever address it has."""
    return address if slot == WARM else f"{part}-{slot}:{PORTS[part]}{BY_NAME}"
