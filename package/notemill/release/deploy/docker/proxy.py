"""The target's HAProxy in a container: what it is told while it runs, and the files beside it, which its volume keeps.
"""

import io
import posixpath
import tarfile

from notemill.errors import NotemillError, UsageError
from notemill.release.deploy import haproxy, running
from notemill.release.deploy.docker.owned import Owned
from notemill.release.deploy.haproxy import NOWHERE, WARM
from notemill.release.deploy.state import State
from notemill.release.deploy.traffic import Traffic
from notemill.release.image.base import present
from notemill.release.image.engine import in_words
from notemill.release.image.inside import run

USUAL, OWN = "haproxy:2.8", "notemill/haproxy:2.6"  # OWN: what `notemill stack up --build` has made
PORTS = {"score": 8000, "demo": 8501}
STATE, KEYS = "/state", "/keys"
CONTROL = 9999  # on the loopback of the proxy's container alone
RESOLVERS = ("resolvers docker\n    nameserver dns 127.0.0.11:53\n    timeout resolve 1s\n    hold valid 1s\n"
             "    hold nx 1s\n")
BY_NAME = " resolvers docker init-addr {}"  # an address may be another one after the engine's restart
AT_ONCE, LATER = "last,libc,none", "none"  # without a way out a name that nobody has is looked for half a minute
TELL = 'IFS= read -r told && exec 3<>/dev/tcp/127.0.0.1/$1 && printf "%s\\n" "$told" >&3 && cat <&3'
MOVE = 'sync "$1" && mv -f "$1" "$2" && sync "$3"'
LOG_LINES = 15  # its first word on ten rows that it answers wrongly is among them


class Proxy:
    """Of one target. Raises NotemillError for what the engine refuses, OSError where it does not run."""

    def __init__(self, owned: Owned):
        self.owned, self.target, self.where = owned, owned.target, f"HAProxy of {owned.where}"
        self.traffic = Traffic(self.target, self.tell)

    def found(self):
        """Its container; None where there is none."""
        return self.owned.container(self.owned.called("proxy"))

    def there(self):
        """Its container, made where it was not, with the network and the volumes that it needs."""
        if (found := self.found()) is None:
            keys = [self.owned.called("keys")] if self.target.keys else []
            self.owned.make_shared(self.owned.called(), *keys)
            found = self.made()
        return found

    def made(self):
        volumes = {self.owned.called(): {"bind": STATE, "mode": "rw"}}
        if self.target.keys:
            volumes[self.owned.called("keys")] = {"bind": KEYS, "mode": "rw"}
        ports = {f"{PORTS[part]}/tcp": (self.target.listens(part), port) for part, port in self.target.parts.items()}
        return self.owned.create(
            self.owned.called("proxy"), self.image(), ["-db", "-f", f"{STATE}/haproxy.cfg"], entrypoint=["haproxy"],
            ports=ports, volumes=volumes, stop_signal="SIGUSR1")

    def image(self) -> str:
        """The one of targets.yaml; else the usual one, or, where that cannot be had, the server's own."""
        asked, client = self.target.proxy or USUAL, self.owned.client
        with in_words(self.where):
            if present(client, asked) is not None:
                return asked
            if not self.target.proxy and present(client, OWN) is not None:
                return OWN
            return self.fetched(asked)

    def fetched(self, asked: str) -> str:
        import docker.errors

        tag = {} if ":" in asked.rpartition("/")[2] else {"tag": "latest"}
        try:
            self.owned.client.images.pull(asked, **tag)
        except docker.errors.APIError as error:
            raise UsageError(asked, f"is not here, and cannot be fetched: {str(error.explanation or error)[:200]}",
                             "an image with HAProxy and bash", "docker pull or docker load it; or name another one: "
                             f"proxy: in target '{self.target.name}'") from None
        return asked

    # while it runs
    def run(self, state: State) -> None:
        """Running, with the file as the state says. Raises NotemillError where it does not start."""
        self.render(state)
        found = self.there()
        with in_words(self.where):
            if found.status != "running":
                found.start()
            if not running.until(self.traffic.answers, haproxy.PATIENCE):
                said = found.logs(tail=LOG_LINES).decode("utf-8", "replace").strip()
                raise NotemillError(self.where, f"does not start: {said or 'it says nothing'}")

    def render(self, state: State) -> None:
        binds = {part: f":{PORTS[part]}" for part in self.target.parts}
        text = haproxy.render(binds, f"ipv4@127.0.0.1:{CONTROL}", state, named) + RESOLVERS
        self.put("haproxy.cfg", text.encode())

    def tell(self, command: str) -> str:
        """Its answer."""
        found = self.found()
        if found is None or found.status != "running":
            raise OSError(f"the container {self.owned.called('proxy')} does not run")
        with in_words(self.where):
            code, out, err = run(found, ["bash", "-c", TELL, "-", str(CONTROL)], f"{command}\n".encode())
        if code or out != b"\n" and not out.endswith(b"\n\n"):  # as all its answers end
            raise OSError(f"HAProxy does not answer '{command}': {err.decode('utf-8', 'replace')[:200] or 'no words'}")
        return out.decode("utf-8", "replace")

    def close(self) -> None:
        """The port is free; what lies beside it stays."""
        if found := self.found():
            self.owned.end(found, 10)

    # files beside it
    def put(self, name: str, data: bytes, folder: str = STATE) -> None:
        """Where the container runs, whole or not at all, also after a power cut: under another name first, then moved.
        """
        found = self.there()
        moving = found.status == "running"
        with in_words(self.where):
            if not found.put_archive(folder, packed(f".{name}.new" if moving else name, data)):
                raise NotemillError(self.where, f"{name} cannot be written")
            if moving:
                words = [posixpath.join(folder, f".{name}.new"), posixpath.join(folder, name), folder]
                code, _, err = run(found, ["bash", "-c", MOVE, "-", *words], user="root")
                if code:
                    raise NotemillError(self.where, f"{name} cannot be written: {err.decode()[:200]}")

    def got(self, name: str, folder: str = STATE) -> bytes | None:
        """None where there is no such file."""
        import docker.errors

        if (found := self.found()) is None:
            return None
        with in_words(self.where):
            try:
                data = b"".join(found.get_archive(posixpath.join(folder, name))[0])
            except docker.errors.NotFound:
                return None
        return unpacked(name, data, self.where)


def unpacked(name: str, data: bytes, where: str) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            return archive.extractfile(name).read()
    except (tarfile.TarError, LookupError, AttributeError) as error:
        raise NotemillError(where, f"{name} does not come whole: {error}", hint="say it again") from None


def packed(name: str, data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), 0o644
        archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def named(part: str, slot: str, address: str) -> str:
    """By its name where that is fixed: the container in a slot is found whatever address it has."""
    when = LATER if address == NOWHERE else AT_ONCE
    return address if slot == WARM else f"{part}-{slot}:{PORTS[part]}{BY_NAME.format(when)}"
