"""What a target serves, and what is under way there: one JSON file, written whole, from which a killed deployment is
finished or undone."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

from notemill.errors import NotemillError

FORMAT = 1
REMEDY = "end what still runs of this target, take the file away, and deploy again"
SLOTS, PORT = ("s1", "s2"), "port"  # PORT: without a proxy, on the target's own port
# the steps of a deployment: all before PASSED are undone where it was killed, PASSED is finished
STARTING, SWITCHING, WATCHING, PASSED, UNDONE, LEAVING = "starting", "switching", "watching", "passed", "undone", \
    "leaving"


@dataclass(frozen=True)
class Release:
    """One deployment of a version. `package`: its folder, with the content `digest`; `urls`: {part: where people reach
    it}; `addresses`: {part: where the proxy does}; `move`: deploy, or previous; `kind`, `keys`, `proxy`: what lasts as
    long as the target serves (see lasting.py)."""

    deployment: str
    version: int
    name: str
    content: str
    manifest: str
    package: str
    digest: str
    slot: str
    since: str
    urls: Mapping[str, str] = field(default_factory=dict)
    move: str = "deploy"
    by: str = ""
    reason: str | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    keys: bool = False
    proxy: str | None = None

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


@dataclass(frozen=True)
class Coming:
    """A deployment under way. `old`: what served before; `why`: for what reason it was undone."""

    release: Release
    step: str = STARTING
    old: Release | None = None
    why: str | None = None


@dataclass(frozen=True)
class State:
    """Of one target."""

    serving: Release | None = None
    coming: Coming | None = None

    def at(self, step: str, **changes: object) -> "State":
        """The same deployment, at another step."""
        return replace(self, coming=replace(self.coming, step=step, **changes))

    def as_json(self) -> dict:
        return {"format": FORMAT, **asdict(self)}

    @property
    def free_slot(self) -> str:
        return next(slot for slot in SLOTS if self.serving is None or self.serving.slot != slot)


def as_state(value: object, where: str, remedy: str = REMEDY) -> State:
    """From what was written; None is a target that was never deployed to. Raises NotemillError."""
    if value is None:
        return State()
    try:
        if value["format"] != FORMAT:
            raise NotemillError(where, f"has the format {value['format']}", f"this notemill reads {FORMAT}",
                                "install a later notemill")
        serving, coming = value["serving"], value["coming"]
        return State(as_release(serving), coming and Coming(**{
            **coming, "release": as_release(coming["release"]), "old": as_release(coming["old"])}))
    except (LookupError, TypeError, AttributeError) as error:
        raise NotemillError(where, f"cannot be read: it was changed ({error})", "what notemill deploy wrote",
                            remedy) from None


def as_release(value: Mapping | None) -> Release | None:
    return value and Release(**value)


def new_id(now: datetime | None = None) -> str:
    """Of a deployment: sorts by time."""
    return f"{now or datetime.now(UTC):%Y%m%d-%H%M%S}-{os.urandom(2).hex()}"
