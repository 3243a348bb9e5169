"""A target of kind process: the service and the demo as processes of this machine, behind a HAProxy of the target's
own. Nothing is installed; what a reboot took away, `notemill deployments --again` brings back."""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import stat
import sys
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.files import read_json, write_atomic, write_json
from notemill.release.deploy import haproxy, lock, running
from notemill.release.deploy.door import Failed, is_ready
from notemill.release.deploy.haproxy import HEALTH
from notemill.release.deploy.state import REMEDY, Release, State, as_state
from notemill.release.deploy.targets import Target
from notemill.release.deploy.traffic import Proxied, Traffic
from notemill.release.packaged import unpacked

PROGRAM, PLACES = "haproxy", ("/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin")
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH",
             "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KEY = "NOTEMILL_DEPLOY_KEY"
SOCKET_PATH = 90  # bytes: HAProxy makes it under a longer name first
SECONDS = 30.0  # that a request may take
LEAST_DISK = 1 << 16  # bytes without which nobody can say what is wrong
KEPT = 5  # releases whose logs stay


def base_folder(target: Target, environ: Mapping[str, str]) -> Path:
    """Where the target's state is: of this user, whatever folder the project lies in."""
    data = environ.get("XDG_DATA_HOME") or Path(environ.get("HOME") or Path.home()) / ".local" / "share"
    return Path(data).absolute() / "notemill" / "targets" / target.project / target.name


def find_haproxy() -> str | None:
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path=os.pathsep.join(PLACES))


class Process(Proxied):
    """The target's site on this machine."""

    def __init__(self, target: Target, environ: Mapping[str, str], told: Callable[[str], None]):
        self.target, self.environ, self.told = target, environ, told
        self.folder = base_folder(target, environ)
        self.proxy = self.folder / "haproxy"
        self.traffic = Traffic(target, self.tell)

    # what is known
    def read(self) -> State:
        """Raises NotemillError where it was changed."""
        path = self.folder / "state.json"
        if path.exists() and not isinstance(read_json(path), dict):
            raise NotemillError(str(path), "cannot be read: it was changed", "what notemill deploy wrote", REMEDY)
        return as_state(read_json(path), str(path))

    def save(self, state: State) -> None:
        make_private(self.folder)
        write_json(self.folder / "state.json", state.as_json())

    def forget(self) -> None:
        """Nothing is left of it but logs."""
        (self.folder / "state.json").unlink(missing_ok=True)

    def place(self, release: Release, part: str) -> Path:
        return self.folder / "releases" / release.deployment / part

    def held(self, what: str, wait: float):
        """The target's lock. Raises NotemillError that names the holder, after `wait` seconds."""
        make_private(self.folder)
        return lock.held(self.folder, self.target.name, what, wait)

    def prepare(self, manifest: Mapping, files: Mapping[str, bytes]) -> tuple[str, str]:
        """(the package's folder, the digest of its content): kept here, where no `gc` takes it away."""
        make_private(self.folder)
        package = unpacked(files, self.folder / "packages")
        return str(package), content_digest(package)

    # its parts
    def start(self, release: Release) -> None:
        for part in self.target.parts:
            self.start_part(release, part)

    def start_part(self, release: Release, part: str, port: int = 0, host: str = "127.0.0.1",
                   place: Path | None = None) -> None:
        running.start(place or self.place(release, part), self.words(release, part, host, port), self.clean())

    def words(self, release: Release, part: str, host: str, port: int) -> list[str]:
        """The program of a part."""
        target = self.target
        module = {"score": "notemill.serve", "demo": "notemill.demo"}[part]
        words = [sys.executable, "-P", "-m", module, release.package, "--sha256", release.digest, "--host", host,
                 "--port", str(port), "--json"]
        if part == "demo":
            return [*words, "--service", target.url("score"), *(["--origin", target.origin] if target.origin else [])]
        keys = ["--keys", str(target.root.resolve() / target.keys)] if target.keys else []
        return [*words, "--workers", str(target.workers), "--seconds", str(SECONDS), *keys]

    def clean(self) -> dict[str, str]:
        """What a server sees of the environment: nothing that signs, logs in, or belongs to the build."""
        measured = {name: value for name, value in self.environ.items() if name.startswith("COVERAGE_PROCESS")}
        return {**measured, **{name: self.environ[name] for name in PASSED_ON if name in self.environ}}

    def until_ready(self, release: Release, places: Mapping[str, Path] | None = None) -> Release:
        """With its addresses, once all parts answer. Raises Failed."""
        places = places or {part: self.place(release, part) for part in self.target.parts}
        addresses = {part: self.address(part, place) for part, place in places.items()}
        release = replace(release, addresses=addresses)
        for part in addresses:
            if not running.until(partial(is_ready, self.door(release, part), HEALTH[part]), self.target.ready):
                raise Failed(f"the {part} was not ready after {self.target.ready:g} s")
        return release

    def address(self, part: str, place: Path) -> str:
        """HOST:PORT, once it says that it serves. Raises Failed."""
        ended = running.until(lambda: running.said(place) or not running.lives(place), self.target.ready)
        told = running.said(place) or {}
        if "url" in told:
            return told["url"].removeprefix("http://").partition("/")[0]
        if not ended:
            raise Failed(f"the {part} was not ready after {self.target.ready:g} s (`ready` of target "
                         f"'{self.target.name}')")
        full = "the disk is full" if shutil.disk_usage(self.folder).free < LEAST_DISK else ""
        why = in_short(told.get("error")) or running.log_end(place) or full or "it ended without a word"
        raise Failed(f"the {part} did not start: {why}")

    def door(self, release: Release, part: str = "score") -> "Http":
        return Http(f"http://{release.addresses[part]}", self.key())

    def key(self) -> str | None:
        """What lets in who deploys."""
        return self.environ.get(KEY) if self.target.keys else None

    def fresh(self, release: Release) -> Release:
        """With the addresses that it has now."""
        return release

    def down(self, release: Release) -> str | None:
        """What of it does not run now, in words."""
        return self.dead(release)

    def dead(self, release: Release) -> str | None:
        """What of it does not live, in words."""
        for part in self.parts(release):
            if not running.lives(self.place(release, part)):
                end = running.log_end(self.place(release, part))
                return f"its {part} died" + (f": {end}" if end else "")
        return None

    def end(self, release: Release) -> None:
        """Tell its parts to end in order, and wait for that."""
        for part in self.parts(release):
            running.stop(self.place(release, part))

    # traffic
    def ensure(self, state: State) -> None:
        """The file as the state says, and the proxy running, as it says. Raises NotemillError."""
        self.render(state)
        if not self.traffic.answers():
            running.stop(self.proxy)
            self.socket().unlink(missing_ok=True)
            running.start(self.proxy, [find_haproxy() or PROGRAM, "-db", "-f", str(self.folder / "haproxy.cfg")],
                          self.clean())
            running.until(lambda: self.traffic.answers() or not running.lives(self.proxy), haproxy.PATIENCE)
            if not self.traffic.answers():
                raise NotemillError(f"HAProxy of target '{self.target.name}'",
                                    f"does not start: {running.log_end(self.proxy) or 'it ended without a word'}")
        self.traffic.align(state)

    def render(self, state: State) -> None:
        make_private(self.folder)
        hosts = {part: self.target.host_of(part) for part in self.target.parts}
        binds = {part: f"[{hosts[part]}]:{port}" if ":" in hosts[part] else f"{hosts[part]}:{port}"
                 for part, port in self.target.parts.items()}
        write_atomic(self.folder / "haproxy.cfg", haproxy.render(binds, quoted(self.socket()), state), mode=0o600)

    def socket(self) -> Path:
        """Of HAProxy's runtime API: for this user alone."""
        path = self.folder / "haproxy.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH and "'" not in str(path):
            return path
        short = Path("/tmp", f"notemill-targets-{os.getuid()}")  # noqa: S108 - made for this user alone, and looked at
        make_private(short)
        return short / f"{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:24]}.sock"

    def tell(self, command: str) -> str:
        """Its answer. Raises OSError where it does not run."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(10)
            asking.connect(str(self.socket()))
            asking.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: asking.recv(65536), b"")).decode("utf-8", "replace")

    def revive(self, release: Release) -> Release:
        """Start again what does not live: after a reboot. Raises Failed."""
        self.end(release)
        self.start(release)
        return self.until_ready(release)

    def close(self) -> None:
        running.stop(self.proxy)
        with contextlib.suppress(OSError):
            self.socket().unlink(missing_ok=True)

    def tidy(self, state: State) -> None:
        """Take away what earlier deployments left, but for the latest logs."""
        used = {one.deployment for one in (state.serving, state.coming and state.coming.release) if one}
        folders = sorted((self.folder / "releases").glob("*-*"))
        for folder in folders[:-KEPT]:
            if folder.name not in used:
                shutil.rmtree(folder, ignore_errors=True)
        packages = {Path(one.package).parent.name for one in (state.serving, state.coming and state.coming.release)
                    if one}
        for folder in sorted((self.folder / "packages").glob("[0-9a-f]*"), key=os.path.getmtime)[:-KEPT]:
            if folder.name not in packages:
                shutil.rmtree(folder, ignore_errors=True)

    def done(self) -> None:
        """It is not used any more; what serves goes on."""


class Stays(urllib.request.HTTPRedirectHandler):
    """Where an answer sends elsewhere, that is the answer: the key would go there, too."""

    def redirect_request(self, *where):
        return None


class Http:
    """The service at an address of this machine, without any proxy that the environment names."""

    def __init__(self, base: str, key: str | None = None):
        self.base, self.headers = base, {"Authorization": f"Bearer {key}"} if key else {}
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stays)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """As Door has it."""
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.headers, **({"Content-Type": "application/json"} if data else {})}
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with in_whole(), self.opener.open(request, timeout=SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error, in_whole():
                return error.code, error.read()
        except urllib.error.URLError as error:
            raise OSError(f"{error.reason}") from None


@contextlib.contextmanager
def in_whole():
    """A server that dies in the middle of its answer has not answered. Raises OSError."""
    try:
        yield
    except http.client.HTTPException as error:
        raise ConnectionError(f"its answer broke off ({type(error).__name__})") from None


def in_short(error: object) -> str:
    """An error as a server says it in JSON."""
    return f"{error.get('where')}: {error.get('got')}" if isinstance(error, dict) else ""


def quoted(path: Path) -> str:
    """As HAProxy reads it, whatever signs the path has but its quote."""
    return f"'{path}'"


def make_private(folder: Path) -> None:
    """Make it, for this user alone. Raises UsageError where it is somebody else's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise UsageError(str(folder), "is not this user's folder")
    if stat.S_IMODE(facts.st_mode) & 0o077:
        folder.chmod(0o700)


def content_digest(folder: Path) -> str:
    """As the service says it (notemill.serve.loading), which nothing here may import."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest = urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
            lines.append(f"{path.relative_to(folder).as_posix()} sha256={digest}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()
