"""Git's credential protocol: git asks for the login of a host, and gets that of the stack's own forge alone."""

from collections.abc import Iterable, Mapping

from notemill.ci.connect.servers import of_stack, of_this_machine
from notemill.ci.http import origin


def answer(operation: str, lines: Iterable[str], environ: Mapping[str, str]) -> str:
    """What git is told; nothing for other hosts, other users and other operations."""
    stack = of_this_machine(environ) if operation == "get" else None
    if stack is None:
        return ""
    asked, servers = _asked(lines), of_stack(stack)
    url = f"{asked.get('protocol', '')}://{asked.get('host', '')}"
    if origin(url) is None or origin(url) != origin(servers.forge.url):
        return ""
    if asked.get("username", servers.git.name) != servers.git.name:
        return ""
    return f"username={servers.git.name}\npassword={servers.git.password}\n"


def _asked(lines: Iterable[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        key, equals, value = line.rstrip("\n").partition("=")
        if not equals:
            break
        found[key] = value
    return found
