"""The stack's network on this machine: which addresses are free, and who holds a port."""

import ipaddress
import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from notemill.ci.stack import settings as own
from notemill.ci.stack.engine import Engine
from notemill.errors import UsageError

SUBNETS = [*(f"172.30.{n}.0/24" for n in range(73, 90)), *(f"10.213.{n}.0/24" for n in range(73, 90))]
EVERY = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Listener:
    """A port that is taken."""

    address: str
    port: int
    by: str


def choose(taken: Iterable[str]) -> tuple[str, str]:
    """(subnet, this machine's address in it): the first that overlaps with nothing."""
    used = [ipaddress.ip_network(one, strict=False) for one in taken]
    for subnet in map(ipaddress.ip_network, SUBNETS):
        if not any(subnet.version == one.version and subnet.overlaps(one) for one in used):
            return str(subnet), str(subnet[1])
    raise UsageError("notemill stack", "every network that it would take is in use", hint="name an address: --host")


def check_subnet(settings: dict, used: Iterable[str]) -> None:
    """Raises UsageError where something else has come to use the stack's network."""
    own_one = ipaddress.ip_network(settings["subnet"])
    for one in used:
        other = ipaddress.ip_network(one, strict=False)
        if other.version == own_one.version and other.overlaps(own_one):
            raise UsageError("notemill stack up", f"its network {own_one} overlaps with {other}, which is in use here",
                             hint="docker network ls shows whose it is")


def taken(engine: Engine, but: str = "") -> list[str]:
    """The networks of the engine and of this machine's interfaces, but for one of the engine's by its name."""
    names = engine.run("network", "ls", "-q").split()
    known = {one["Name"]: one for one in (json.loads(engine.run("network", "inspect", *names)) if names else [])}
    of_engine = {name: subnets(facts) for name, facts in known.items()}
    cards = [str(ipaddress.ip_network(f"{one.address}/{one.netmask}", strict=False))
             for card in psutil.net_if_addrs().values() for one in card if one.family.name == "AF_INET" and one.netmask]
    left_out = of_engine.get(but, [])
    return [one for one in [*cards, *(one for found in of_engine.values() for one in found)] if one not in left_out]


def subnets(network: dict) -> list[str]:
    """Of what `docker network inspect` says."""
    configs = (network.get("IPAM") or {}).get("Config") or []
    return [config["Subnet"] for config in configs if config.get("Subnet")]


def bind_address(settings: dict) -> str:
    """Where the ports are published: the network's own address, the host's if it is one, else what `up` found."""
    host = settings["host"]
    return str(ipaddress.ip_address(host)) if is_address(host) else settings.get("bind", EVERY[0])


def is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def resolve(host: str, before: str | None = None) -> str:
    """The address of this machine that a name stands for; everywhere where that is none of its own, or not one.

    `before`: what it was, which counts where nobody knows the name just now.
    """
    cards = {one.address for card in psutil.net_if_addrs().values() for one in card}
    found = named(host) or [before]
    here = [address for address in found if address in cards and not ipaddress.ip_address(address).is_loopback]
    fours = [address for address in here if ":" not in address]
    return (fours or here)[0] if len(fours or here) == 1 else EVERY[0]


def named(host: str) -> list[str]:
    """What this machine takes a name for."""
    try:
        return list(dict.fromkeys(one[4][0] for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
    except (OSError, UnicodeError):
        return []


def registry_for_engine(settings: dict) -> str:
    """The engine pushes without TLS to the loopback only; where all is published, that is in it already."""
    port = own.ports(settings)["registry"] if bind_address(settings) not in EVERY else ""
    return f"{own.LOOPBACK}:{port}:7302"


def check_host(host: str) -> None:
    """Raises UsageError for an address that containers would take for their own."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost" or host.endswith(".localhost")
    if loopback:
        raise UsageError("--host", f"{host} means another machine in each container",
                         "an address of this machine that its network knows; left out: one that the stack makes")


def conflicts(settings: dict, listeners: Iterable[Listener]) -> list[Listener]:
    """Those that hold a port that the stack needs, at an address that it needs."""
    ports, address = own.ports(settings), bind_address(settings)
    wanted = {(address, port) for port in ports.values()} | {(own.LOOPBACK, ports["registry"])}
    return [one for one in listeners
            if any(one.port == port and (one.address == at or one.address in EVERY or at in EVERY)
                   for at, port in wanted)]


def listeners() -> list[Listener]:
    """Every port of this machine that somebody listens on."""
    found = (one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN)
    return [Listener(one.laddr.ip, one.laddr.port, _named(one.pid)) for one in found]


def _named(pid: int | None) -> str:
    try:
        return f"{psutil.Process(pid).name()} (process {pid})" if pid else "a process of another user"
    except psutil.Error:
        return f"process {pid}"


def check(settings: dict, found: Iterable[Listener]) -> None:
    """Raises UsageError naming each port and who has it."""
    held = list(dict.fromkeys((one.port, one.by) for one in conflicts(settings, found)))
    if held:
        said = "; ".join(f"port {port} is taken by {by}" for port, by in held)
        raise UsageError("notemill stack up", said, "five ports in a row that are free",
                         f"end that, or choose others: notemill stack up --port {settings['port'] + 100}")
