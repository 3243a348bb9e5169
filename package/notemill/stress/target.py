"""Which service is meant, and whether it may be put under load: addresses of one's own, others on one's word alone."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from notemill.errors import NotemillError, UsageError

OWN = "loopback and private addresses (127.0.0.1, 10.x, 172.16.x, 192.168.x, ...)"
FORM = "http://HOST:PORT or https://HOST:PORT, with a path where a proxy has put the service below one"


@dataclass(frozen=True)
class Target:
    """A service's address, looked up once: what was checked is what is asked."""

    url: str
    host: str  # the IP address
    port: int
    name: str  # as the URL has it: for the Host header and TLS
    path: str
    tls: bool

    @property
    def authority(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"

    @property
    def local(self) -> bool:
        return is_local(self.host)


def find(url: str, *, mine: bool = False) -> Target:
    """Raises UsageError where it is none, or one that others may own; NotemillError where nobody knows it."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise UsageError(url, "has no port between 0 and 65535", FORM) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(url, "is no address of a service", FORM)
    if parts.username is not None:
        raise UsageError(parts.hostname, "passwords in an address are not taken", FORM)
    addresses = looked_up(parts.hostname, port)
    strange = [one for one in addresses if not is_own(one)]
    if strange and not mine:
        raise UsageError(parts.hostname, f"is {strange[0]}: a public address, which may be somebody else's",
                         f"without more words: {OWN}", "if the service is yours, and so is the way to it: --i-own-it")
    return Target(url.rstrip("/"), addresses[0], port, parts.hostname, parts.path.rstrip("/"), parts.scheme == "https")


def looked_up(name: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotemillError(name, f"no address is known for it: {getattr(error, 'strerror', None) or error}") from None
    return list(dict.fromkeys(one[4][0] for one in found))


def is_own(address: str) -> bool:
    found = plain(address)
    return (found.is_loopback or found.is_private or found.is_link_local) and not found.is_unspecified


def is_local(address: str) -> bool:
    return plain(address).is_loopback


def plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4 address that is written as an IPv6 one is that address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found
