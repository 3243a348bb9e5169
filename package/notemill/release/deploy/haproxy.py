"""The target's HAProxy: what it is configured with, and what it is told while it runs (its runtime API).

Each part of a target is a backend with two slots, of which one serves, and a third that takes over where the first
dies while the old version is kept warm.

One that is dead refuses its checks at once; one that is busy answers them late, and is the only one there is: it has
more time for that than there is between two of them.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from notemill.errors import NotemillError
from notemill.release.deploy.running import until
from notemill.release.deploy.state import SLOTS, State, SWITCHING, WATCHING

WARM, NOWHERE = "warm", "127.0.0.1:1"
HEALTH = {"score": "/healthz", "demo": "/readyz"}
CHECKED, UP = "3", "2"  # srv_check_result, srv_op_state
PATIENCE = 15.0  # seconds in which a server that answers is found to be up
REMEDY = "notemill deployments says what serves; with --again it is put right"
SLOT = {"demo": " cookie {slot}"}
EXTRA = {"demo": "    cookie NOTEMILL insert indirect nocache httponly\n"}
TOP = """# Written by notemill deploy after each change, so that a restart comes back to the same state: do not edit.
global
    maxconn 4000
    hard-stop-after 30s
    stats socket {socket} mode 600 level admin
    stats timeout 1m
    log stderr local0 warning
defaults
    mode http
    log global
    option forwardfor
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response 503
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout queue 10s
    timeout http-request 30s
    timeout tunnel 1h
    timeout check 5s
    default-server check inter 500ms fastinter 250ms fall 2 rise 1
"""
PART = """frontend {part}-in
    bind {bind}
    default_backend {part}
backend {part}
    option httpchk GET {health}
{extra}"""
Tell = Callable[[str], str]


@dataclass(frozen=True)
class Layout:
    """Of one backend: {slot: (address, whether it takes traffic)}."""

    slots: Mapping[str, tuple[str, bool]]


def layout(state: State, part: str) -> Layout:
    """Which server is where, by the state."""
    slots = dict.fromkeys((*SLOTS, WARM), (NOWHERE, False))
    old, coming = state.serving, state.coming
    new = coming.release if coming and coming.step == WATCHING else None
    if coming and coming.step in (SWITCHING, WATCHING) and part in coming.release.addresses:
        slots[coming.release.slot] = coming.release.addresses[part], bool(new)
    if old and part in old.addresses:
        slots[old.slot] = old.addresses[part], new is None
        if new:
            slots[WARM] = old.addresses[part], True
    return Layout(slots)


def as_it_is(part: str, slot: str, address: str) -> str:
    return address


def render(binds: Mapping[str, str], socket: str, state: State, named: Callable[..., str] = as_it_is) -> str:
    """haproxy.cfg. `binds`: {part: ADDRESS:PORT to listen on}; `named`: how a server is written in it."""
    lines = [TOP.format(socket=socket)]
    for part, bind in binds.items():
        lines.append(PART.format(part=part, bind=bind, health=HEALTH[part], extra=EXTRA.get(part, "")))
        lines += [server(part, slot, named(part, slot, address), on)
                  for slot, (address, on) in layout(state, part).slots.items()]
    return "".join(lines)


def server(part: str, slot: str, address: str, on: bool) -> str:
    backup = " backup" if slot == WARM else ""
    return f"    server {slot} {address}{SLOT.get(part, '').format(slot=slot)}{backup}{'' if on else ' disabled'}\n"


# what it is told
def order(tell: Tell, command: str, *expected: str) -> None:
    """Tell it something. Raises NotemillError where it answers anything but nothing, or what is expected."""
    answer = tell(command).strip()
    if answer and not any(word in answer for word in expected):
        raise NotemillError("HAProxy", f"answers '{answer[:200]}' to '{command}'", None, REMEDY)


def set_state(tell: Tell, part: str, slot: str, state: str) -> None:
    order(tell, f"set server {part}/{slot} state {state}")


def set_address(tell: Tell, part: str, slot: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    order(tell, f"set server {part}/{slot} addr {host} port {port}", "changed", "no need")


def servers(tell: Tell, part: str) -> dict[str, list[str]]:
    """{slot: the columns of `show servers state`}."""
    lines = (line.split() for line in tell(f"show servers state {part}").splitlines())
    return {columns[3]: columns for columns in lines if len(columns) > 12 and columns[1] == part}


def is_up(tell: Tell, part: str, slot: str) -> bool:
    columns = servers(tell, part).get(slot, [""] * 13)
    return columns[5] == UP and columns[11] == CHECKED


def sessions(tell: Tell, part: str, slot: str) -> int:
    """How many it has now."""
    rows = csv.DictReader(io.StringIO(tell("show stat").removeprefix("# ")))
    return next((int(row["scur"] or 0) for row in rows if (row["pxname"], row["svname"]) == (part, slot)), 0)


def states(tell: Tell, part: str) -> Iterator[tuple[str, str, str]]:
    """(slot, HOST:PORT, ready | drain | maint) of each server."""
    for slot, columns in servers(tell, part).items():
        admin = int(columns[6])
        yield slot, f"{columns[4]}:{columns[18]}", "maint" if admin & 1 else "drain" if admin & 8 else "ready"


def state_of(tell: Tell, part: str, slot: str) -> str | None:
    return next((state for name, _, state in states(tell, part) if name == slot), None)


# the order of a switch
def admit(tell: Tell, part: str, slot: str, address: str) -> None:
    """Let it check a new server, which takes no traffic yet. Raises NotemillError where it does not find it up."""
    if not found_up(tell, part, slot, address, PATIENCE):
        raise NotemillError("HAProxy", f"does not find the new {part} at {address} to be up", None, REMEDY)


def found_up(tell: Tell, part: str, slot: str, address: str, patience: float) -> bool:
    """Whether it finds a server up, of which it knew nothing, and which takes no traffic yet."""
    set_state(tell, part, slot, "maint")
    set_address(tell, part, slot, address)
    set_state(tell, part, slot, "drain")
    order(tell, f"set server {part}/{slot} health down")  # leaving maint it would trust an old check for a while
    return until(lambda: is_up(tell, part, slot), patience)


def switch(tell: Tell, part: str, new: str, old: str, warm: str | None, patience: float) -> None:
    """From the slot `old` to the slot `new`, which is up. `warm`: the old one's address, which takes over where the
    new one dies. `patience`: seconds in which what has begun with the old one may end."""
    set_state(tell, part, new, "ready")
    if warm:
        set_address(tell, part, WARM, warm)
        set_state(tell, part, WARM, "ready")
    leave(tell, part, old, patience)


def leave(tell: Tell, part: str, slot: str, patience: float) -> None:
    """No new requests; when what has begun is answered, none at all."""
    if state_of(tell, part, slot) == "maint":
        return
    set_state(tell, part, slot, "drain")
    until(lambda: not sessions(tell, part, slot), patience)
    set_state(tell, part, slot, "maint")


def bring_back(tell: Tell, part: str, slot: str, address: str, patience: float) -> None:
    """The old one takes traffic again, however far the switch had come: once it is found up, or the time is over."""
    if state_of(tell, part, slot) != "ready":
        found_up(tell, part, slot, address, patience)
        set_state(tell, part, slot, "ready")


def align(tell: Tell, part: str, wanted: Layout) -> None:
    """Let it be as the state says, where it is not: first what takes traffic, then what does not."""
    now = {slot: (address, state) for slot, address, state in states(tell, part)}
    if lacking := [slot for slot in wanted.slots if slot not in now]:
        raise NotemillError("HAProxy", f"does not tell of {part}/{lacking[0]}", None, REMEDY)
    for slot, (address, on) in sorted(wanted.slots.items(), key=lambda item: not item[1][1]):
        if on and now[slot] != (address, "ready"):
            if now[slot][0] != address:
                set_state(tell, part, slot, "maint")
                set_address(tell, part, slot, address)
            set_state(tell, part, slot, "ready")
        elif not on and now[slot][1] != "maint":
            set_state(tell, part, slot, "maint")
