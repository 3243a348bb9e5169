"""The ledger of deployments: what each target served, when and why. Numbered objects, each of which holds the digest of
the one before and is created only if absent, as in the ledger of champions; but a ledger of its own, so that nobody's
deployment stands between two promotions."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from notemill.errors import NotemillError
from notemill.registry.ledger import PATIENCE, encoded, parse, seal
from notemill.registry.records import Records

FORMAT = 1
DEPLOY, PREVIOUS, UNDEPLOY = MOVES = ("deploy", "previous", "undeploy")
SERVING, ROLLED_BACK, GONE = STATUSES = ("serving", "rolled-back", "undeployed")
TEXT, NUMBER, NONE = str, int, type(None)
FACTS = {"format": (NUMBER,), "number": (NUMBER,), "previous": (TEXT, NONE), "at": (TEXT,), "by": (TEXT,),
         "name": (TEXT,), "move": (TEXT,), "target": (TEXT,), "deployment": (TEXT,), "version": (NUMBER,),
         "content": (TEXT,), "manifest": (TEXT,), "from": (NUMBER, NONE), "status": (TEXT,), "reason": (TEXT, NONE),
         "sha256": (TEXT,)}
REMEDY = "bring the records back from a backup; `notemill deploy VERSION` does without, `previous` does not"


@dataclass(frozen=True)
class Deployments:
    """What was read and found whole. `hashes`: the digest of each entry's bytes."""

    name: str
    entries: tuple[Mapping, ...] = ()
    hashes: tuple[str, ...] = ()

    def line(self, target: str) -> list[Mapping]:
        """What the target served, one upon the other: `previous` takes the last one away."""
        standing: list[Mapping] = []
        for entry in self.entries:
            if entry["target"] != target or entry["status"] != SERVING:
                continue
            if entry["move"] == PREVIOUS and len(standing) > 1:
                standing.pop()
            if not standing or standing[-1]["content"] != entry["content"]:
                standing.append(entry)
        return standing

    def serving(self, target: str) -> Mapping | None:
        """The last entry of what it serves; None where it was never deployed to, or undeployed since."""
        found = [entry for entry in self.entries if entry["target"] == target and entry["status"] != ROLLED_BACK]
        return found[-1] if found and found[-1]["status"] == SERVING else None

    def before(self, target: str) -> Mapping | None:
        """What it served before what it serves; after `undeploy`, what it served last."""
        line = self.line(target)
        return line[-2] if len(line) > 1 and self.serving(target) else line[-1] if line and not self.serving(target) \
            else None

    def has(self, deployment: str, status: str) -> bool:
        """Whether that is written down."""
        return any((entry["deployment"], entry["status"]) == (deployment, status) for entry in self.entries)


def object_name(name: str, number: int) -> str:
    return f"deployments/{name}/{number:08}.json"


def read_deployments(records: Records, name: str, after: Deployments | None = None) -> Deployments:
    """All entries, each checked. Raises NotemillError that names the one where it is not whole."""
    found = after or Deployments(name)
    while data := records.place_.read(object_name(name, len(found.entries) + 1)):
        found = add(records, found, data)
    if data == b"" or highest(records, name) > len(found.entries) and \
            records.place_.read(object_name(name, len(found.entries) + 1)) is None:
        raise broken(records, name, len(found.entries) + 1, "is missing, or empty")
    return found


def highest(records: Records, name: str) -> int:
    ends = (one.rpartition("/")[2].removesuffix(".json") for one in records.place_.names(f"deployments/{name}"))
    return max((int(end) for end in ends if end.isdecimal()), default=0)


def broken(records: Records, name: str, number: int, got: str) -> NotemillError:
    where = f"entry {number} of the deployments of '{name}' ({records.place_.shown(object_name(name, number))})"
    return NotemillError(where, got, None, REMEDY)


def add(records: Records, found: Deployments, data: bytes) -> Deployments:
    """With the next entry. Raises NotemillError where it is not as it was written, or not the next."""
    entry, number = parse(data), len(found.entries) + 1
    if problem := problem_of(entry, data, found, number):
        raise broken(records, found.name, number, problem)
    return Deployments(found.name, (*found.entries, entry), (*found.hashes, hashlib.sha256(data).hexdigest()))


def problem_of(entry: object, data: bytes, found: Deployments, number: int) -> str | None:
    """What is wrong with an entry."""
    if not isinstance(entry, dict):
        return "cannot be read: it was changed"
    if isinstance(entry.get("format"), int) and entry["format"] > FORMAT:
        return f"has the format {entry['format']}, and this notemill reads up to {FORMAT}: install a later one"
    if entry.get("sha256") != seal(entry) or data != encoded(entry):
        return "was changed: its content has another digest than it had"
    wrong = [name for name, kinds in FACTS.items() if type(entry.get(name, ...)) not in kinds]
    if wrong or entry["move"] not in MOVES or entry["status"] not in STATUSES:
        return f"is not well formed: {', '.join(wrong) or 'move or status'}"
    if (entry["name"], entry["number"]) != (found.name, number):
        return f"is entry {entry['number']} of '{entry['name']}'"
    if entry["previous"] != (found.hashes[-1] if found.hashes else None):
        return "does not follow the entry before it: that was changed, or exchanged"
    return None


# which of them an MLflow has: a mark for each, for whoever deploys next may be another machine
def marks_of(name: str, mlflow: str) -> str:
    return f"deployments-sent/{name}/{hashlib.sha256(mlflow.encode()).hexdigest()[:16]}"


def unsent(records: Records, name: str, mlflow: str) -> list[Mapping]:
    """The entries without a mark for the MLflow at this address, oldest first."""
    folder = marks_of(name, mlflow)
    marks = set(records.place_.names(folder))
    return [entry for entry in read_deployments(records, name).entries if f"{folder}/{entry['number']:08}" not in marks]


def mark_sent(records: Records, entry: Mapping, mlflow: str) -> None:
    records.place_.create(f"{marks_of(entry['name'], mlflow)}/{entry['number']:08}", mlflow.encode())


def append_deployment(records: Records, name: str,
                      decide: Callable[[Deployments], Mapping | None]) -> Mapping | None:
    """Write the entry that `decide` makes of what is there, decided again where somebody else was first: the entry;
    None where there is nothing to write."""
    found = read_deployments(records, name)
    for standing in range(PATIENCE):
        facts = decide(found)
        if facts is None:
            return None
        entry = {"format": FORMAT, "number": len(found.entries) + 1, "name": name, "at": datetime.now(UTC).isoformat(),
                 "previous": found.hashes[-1] if found.hashes else None, **facts}
        entry["sha256"] = seal(entry)
        if records.place_.create(object_name(name, entry["number"]), encoded(entry)):
            return entry
        found = read_deployments(records, name, found)
        time.sleep(0.05 * standing)
    raise broken(records, name, len(found.entries) + 1, "cannot be written")
