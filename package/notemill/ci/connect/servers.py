"""Which servers are meant, and what opens them: the stack of this machine, or what the environment says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from notemill.ci import drone, gitea
from notemill.ci.http import Server, origin
from notemill.ci.stack import settings
from notemill.errors import NotemillError, UsageError

STEWARD = "notemill-steward"
NEEDED = {"GITEA_SERVER": "the forge's address", "GITEA_TOKEN": "made on the forge's page: Settings, Applications",
          "DRONE_SERVER": "Drone's address", "DRONE_TOKEN": "shown on Drone's page: User settings"}


@dataclass(frozen=True)
class Login:
    """A name and a password, which no text of this object shows."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Servers:
    """A forge, the Drone that builds for it, and what builds need of the rest."""

    forge: Server
    drone: Server
    git: Login | None = None        # for git's own requests; None: git asks as it is set up to
    mlflow: Login | None = None
    steward: str = STEWARD


def find_servers(url: str | None, environ: Mapping[str, str]) -> Servers:
    """Those at `url`, else the stack's of this machine, else what the environment says. Raises UsageError."""
    if url is not None:
        _check_address("URL", url)
    stack = of_this_machine(environ)
    if stack and (url is None or origin(url) in _origins(stack["urls"])):
        return of_stack(stack)
    servers = of_environment(url, environ, stack)
    if url is not None and origin(url) not in (origin(servers.forge.url), origin(servers.drone.url)):
        raise UsageError("URL", f"{url} is neither GITEA_SERVER ({servers.forge.url}) nor DRONE_SERVER "
                                f"({servers.drone.url})")
    return servers


def known_servers(environ: Mapping[str, str]) -> list[Servers]:
    """All that can be asked: the stack's of this machine, and what the environment says. Raises UsageError for none."""
    stack = of_this_machine(environ)
    found = [of_stack(stack)] if stack else []
    if not found or all(environ.get(name) for name in NEEDED):
        found.append(of_environment(None, environ, stack))
    return found


def of_this_machine(environ: Mapping[str, str]) -> dict | None:
    """What `notemill stack up` wrote down for this user; None where there is no stack. Raises NotemillError."""
    found = settings.read(environ)
    if found and not {"forge_admin", "drone"} <= found["tokens"].keys():
        raise NotemillError("notemill stack", "did not come up to its end yet", hint="notemill stack up")
    return found


def of_stack(stack: Mapping) -> Servers:
    urls, tokens, admin, mlflow = stack["urls"], stack["tokens"], stack["admin"], stack["mlflow"]
    return Servers(gitea.server(urls["forge"], tokens["forge_admin"], direct=True),
                   drone.server(urls["drone"], tokens["drone"], direct=True),
                   Login(admin["name"], tokens["forge_admin"]),
                   Login(mlflow["name"], mlflow["password"]), stack["steward"]["name"])


def of_environment(url: str | None, environ: Mapping[str, str], stack: Mapping | None) -> Servers:
    missing = {name: words for name, words in NEEDED.items() if not environ.get(name)}
    if missing:
        raise _unknown(url, missing, stack)
    for variable in ("GITEA_SERVER", "DRONE_SERVER"):
        _check_address(variable, environ[variable])
    name, password = environ.get("MLFLOW_TRACKING_USERNAME"), environ.get("MLFLOW_TRACKING_PASSWORD")
    return Servers(gitea.server(environ["GITEA_SERVER"], environ["GITEA_TOKEN"]),
                   drone.server(environ["DRONE_SERVER"], environ["DRONE_TOKEN"]), None,
                   Login(name, password) if name and password else None,
                   environ.get("NOTEMILL_STEWARD") or STEWARD)


def _check_address(where: str, url: str) -> None:
    """Addresses are shown; so they hold no password."""
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise UsageError(where, "holds a login", "an address alone, as https://ci.example.org")
    if origin(url) is None:
        raise UsageError(where, f"'{url}' is no address", "Drone's or the forge's, as http://172.30.0.1:7301")


def _unknown(url: str | None, missing: Mapping[str, str], stack: Mapping | None) -> UsageError:
    """Nothing says how to come into these servers."""
    known = f"the stack of this machine has {stack['urls']['forge']} and {stack['urls']['drone']}" if stack \
        else "there is no stack on this machine (notemill stack up)"
    needed = "; ".join(f"{name} ({words})" for name, words in missing.items())
    return UsageError(url or "notemill ci", f"{known}, and for other servers the environment lacks {needed}")


def _origins(urls: Mapping[str, str]) -> set:
    return {origin(urls[name]) for name in ("forge", "drone")}
