"""What Compose is told: the file, and its environment made from the settings."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from notemill.ci.stack import images, leftovers, network
from notemill.ci.stack import settings as own
from notemill.ci.stack.engine import Engine, output, without
from notemill.errors import UsageError
from notemill.files import write_atomic

FILES = Path(__file__).parent / "files"
FILE_NAMES = ("compose.yaml", "haproxy.cfg")
SERVICES = ("proxy", "gitea", "drone", "runner-pull-request", "runner-main", "runner-deploy", "registry", "postgres",
            "mlflow", "drop", "steward")
AREAS = ("pull-request", "main", "deploy")    # kinds of builds: a runner each
INDEX = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")    # where the packages of an image come from
VOLUMES = ("gitea", "gitea-config", "drone", "registry", "postgres", "mlflow", "drop", "store")


@dataclass(frozen=True)
class Compose:
    """One stack's project."""

    engine: Engine
    settings: dict
    folder: Path    # where its files are laid

    def run(self, *words: str, stdin: bytes | None = None) -> str:
        return output(self.words(*words), stdin=stdin, environ=self.environ(), hidden=own.hidden(self.settings))

    def words(self, *words: str) -> list[str]:
        return [*self.engine.compose, "-p", self.settings["project"], "-f", str(self.folder / "compose.yaml"), *words]

    def environ(self) -> dict[str, str]:
        return {**os.environ, **environment(self.settings, images.names(self.settings["built"]), self.folder,
                                            self.engine.socket)}

    def log(self, name: str, follow: bool, echo) -> None:
        """The last lines of one service, without the stack's secrets."""
        if name not in SERVICES:
            raise UsageError("notemill stack logs", f"there is no part '{name}'", f"one of {', '.join(SERVICES)}")
        words = self.words("logs", "--no-color", "--tail", "300", *(["--follow"] if follow else []), name)
        hidden = own.hidden(self.settings)
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=self.environ()) as process:
            for line in process.stdout:
                echo(without(line.decode(errors="replace").rstrip("\n"), hidden))


def lay_files(folder: Path, settings: dict) -> None:
    """Copies that stay where they are when notemill is upgraded: containers that start again read them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in FILE_NAMES:
        write_atomic(folder / name, (FILES / name).read_bytes())
    for area in AREAS:
        lines = [f"{name}={value}" for name, value in step_environ(settings, area).items()]
        write_atomic(folder / f"{area}.env", "\n".join(lines) + "\n", mode=0o600)


def lay_volumes(engine: Engine, settings: dict) -> None:
    """The store that builds share, and the same to be read only: a runner knows no read-only volumes."""
    name = store(settings)
    engine.run("volume", "create", *labels(settings), name)
    if engine.ask("volume", "inspect", f"{name}-to-read") is None:
        place = engine.run("volume", "inspect", "-f", "{{.Mountpoint}}", name)
        engine.run("volume", "create", *labels(settings), "-o", "type=none", "-o", f"device={place}", "-o",
                   "o=bind,ro", f"{name}-to-read")


def labels(settings: dict) -> list[str]:
    return ["--label", f"{leftovers.LABEL}={settings['project']}"]


def store(settings: dict) -> str:
    return f"{settings['project']}-store"


def environment(settings: dict, image: Mapping[str, str], folder: Path, socket: str) -> dict[str, str]:
    """Every variable of compose.yaml."""
    urls, tokens, secrets = settings["urls"], settings["tokens"], settings["secrets"]
    ports = {f"PORT_{part.upper()}": str(port) for part, port in own.ports(settings).items()}
    oauth = settings.get("oauth", {})
    return {
        **ports, **{f"{part.upper()}_IMAGE": name for part, name in image.items()},
        "PROJECT": settings["project"], "SUBNET": settings["subnet"], "HOST": settings["host"],
        "BIND": own.before_port(network.bind_address(settings)),
        "REGISTRY_FOR_ENGINE": network.registry_for_engine(settings),
        "URL_FORGE": urls["forge"], "URL_DRONE": urls["drone"], "URL_MLFLOW": urls["mlflow"],
        "URL_REPORTS": urls["reports"], "DOCKER_SOCKET": socket,
        "FOLDER": str(folder), "CONFIG_DIGEST": _digest(folder),
        "MLFLOW_USER": settings["mlflow"]["name"], "MLFLOW_HASH": settings["mlflow"].get("hash", "*"),
        "REGISTRY_USER": settings["registry"]["name"], "REGISTRY_HASH": settings["registry"].get("hash", "*"),
        "GITEA_SECRET_KEY": secrets["gitea_key"], "GITEA_INTERNAL_TOKEN": secrets["gitea_internal"],
        "GITEA_JWT_SECRET": secrets["gitea_jwt"], "POSTGRES_PASSWORD": secrets["postgres"],
        "DRONE_HOST": own.drone_host(settings),
        "DRONE_CLIENT_ID": oauth.get("client_id", ""), "DRONE_CLIENT_SECRET": oauth.get("client_secret", ""),
        "DRONE_RPC_SECRET": secrets["drone_rpc"], "DRONE_COOKIE_SECRET": secrets["drone_cookie"],
        "DRONE_DATABASE_SECRET": secrets["drone_database"], "DRONE_TOKEN": tokens["drone"],
        "STEWARD_TOKEN": tokens.get("forge_steward", ""), "STEWARD_REVIEWS": str(settings.get("reviews", 0)),
        "ADMIN_NAME": settings["admin"]["name"],
        "DROP_TOKEN_PULL_REQUEST": tokens["drop_pull_request"], "DROP_TOKEN_MAIN": tokens["drop_main"],
        "STORE": store(settings), "STORE_TO_READ": f"{store(settings)}-to-read"}


def step_environ(settings: dict, area: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every step of a build of this kind sees."""
    drop = "drop_pull_request" if area == "pull-request" else "drop_main"
    seen = {"NOTEMILL_DROP": settings["urls"]["reports"], "NOTEMILL_STORE": "/store/cache",
            "NOTEMILL_RECORDS": "/store/records", "UV_CACHE_DIR": "/opt/uv-cache", "NOX_ENVDIR": "/opt/nox",
            "NOTEMILL_DROP_TOKEN": settings["tokens"][drop]}
    known = {} if area == "pull-request" else {"MLFLOW_TRACKING_URI": settings["urls"]["mlflow"]}
    return seen | known | (deploy_environ(settings, environ) if area == "deploy" else {})


def deploy_environ(settings: dict, environ: Mapping[str, str]) -> dict[str, str]:
    """What the runner that has the engine at hand adds: the registry, as the engine names it, and its login."""
    who = settings["registry"]
    index = {name: environ[name] for name in INDEX if environ.get(name, "").isprintable() and environ.get(name)}
    address = network.bind_address(settings)    # everywhere is no address that a browser could follow
    where = {} if settings["own_address"] or address in network.EVERY else {"NOTEMILL_DEPLOY_HOST": address}
    return {"NOTEMILL_REGISTRY": settings["registry_engine"], "NOTEMILL_REGISTRY_USERNAME": who["name"],
            "NOTEMILL_REGISTRY_PASSWORD": who["password"], "NOTEMILL_PINS": "/store/pins", **where, **index}


def _digest(folder: Path) -> str:
    files = [folder / "haproxy.cfg", *(folder / f"{area}.env" for area in AREAS)]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files if file.is_file())).hexdigest()[:16]
