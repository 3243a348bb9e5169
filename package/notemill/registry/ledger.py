"""The ledger of a model: every move of its champion, in numbered objects, each holding the digest of the one before.

An entry is created only if there is none of its number: of several who move at once one comes through, and the others
look again. Nothing is changed, and nothing taken out.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from notemill.errors import NotemillError
from notemill.files import canonical_json, sha256_text
from notemill.registry.records import Records

FORMAT = 1
MOVES = ("promote", "rollback", "approve", "retire")
TEXT, NUMBER, NONE, LIST = str, int, type(None), list
FACTS = {"format": (NUMBER,), "number": (NUMBER,), "previous": (TEXT, NONE), "at": (TEXT,), "by": (TEXT,),
         "move": (TEXT,), "name": (TEXT,), "version": (NUMBER, NONE), "content": (TEXT, NONE), "manifest": (TEXT, NONE),
         "from": (NUMBER, NONE), "reason": (TEXT, NONE), "run": (TEXT, NONE), "verdict": (TEXT, NONE),
         "risk": (TEXT, NONE), "author": (TEXT, NONE), "notes": (LIST,), "sha256": (TEXT,)}
REMEDY = ("nobody is promoted, and no champion is read, until it is whole: bring the ledger back from a backup of the "
          "records")
PATIENCE = 20  # tries after which a place that neither takes an entry nor shows another one is called broken


@dataclass(frozen=True)
class Ledger:
    """What was read and found whole. `hashes`: the digest of each entry's bytes."""

    name: str
    entries: tuple[Mapping, ...] = ()
    hashes: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """Of the last entry; 0 where there is none."""
        return len(self.entries)

    @property
    def head(self) -> str | None:
        """The digest of the last entry."""
        return self.hashes[-1] if self.hashes else None

    @cached_property
    def line(self) -> tuple[Mapping, ...]:
        """The promotions that stand, the champion's last: a rollback takes the last one away, `retire` all."""
        standing: list[Mapping] = []
        for entry in self.entries:
            if entry["move"] == "promote":
                standing.append(entry)
            elif entry["move"] == "rollback":
                standing.pop()
            elif entry["move"] == "retire":
                standing.clear()
        return tuple(standing)

    @property
    def champion(self) -> Mapping | None:
        """The promotion of the version in production."""
        return self.line[-1] if self.line else None

    @cached_property
    def left(self) -> Mapping[str, Mapping]:
        """{content: the rollback that left it}, of what has not been promoted since."""
        found, standing = {}, []
        for entry in self.entries:
            if entry["move"] == "promote":
                standing.append(entry["content"])
                found.pop(entry["content"], None)
            elif entry["move"] == "rollback":
                found[standing.pop()] = entry
            elif entry["move"] == "retire":
                standing.clear()
        return found

    def approvals(self, content: str) -> list[Mapping]:
        """Who approved the version with this content."""
        return [entry for entry in self.entries if entry["move"] == "approve" and entry["content"] == content]

    def versions(self) -> dict[int, Mapping]:
        """{version: the last entry that names it}."""
        return {entry["version"]: entry for entry in self.entries if entry["version"] is not None}


def object_name(name: str, number: int) -> str:
    return f"ledger/{name}/{number:08}.json"


def read_ledger(records: Records, name: str, after: Ledger | None = None) -> Ledger:
    """The whole ledger, each entry checked; `after`: what was read before, and need not be read again.

    Raises NotemillError that names the entry where it is not whole.
    """
    ledger, problem = read_entries(records, name, after)
    if problem:
        raise problem
    return ledger


def read_entries(records: Records, name: str, after: Ledger | None = None) -> tuple[Ledger, NotemillError | None]:
    """(the entries up to where it is whole, why it is not)."""
    ledger = after or Ledger(name)
    try:
        while data := read_entry(records, name, ledger.number + 1):
            ledger = add(records, ledger, data)
    except NotemillError as error:
        return ledger, error
    return ledger, None


def read_entry(records: Records, name: str, number: int) -> bytes | None:
    """An entry as it stands; None where the ledger ends before it."""
    data = read_object(records, name, number)
    if data is None and highest(records, name) >= number:
        data = read_object(records, name, number)  # it may have come between the two looks
        if data is None:
            raise broken(records, name, number, "is missing, and later entries are there")
    if data == b"":
        raise broken(records, name, number, "is empty")
    return data


def read_object(records: Records, name: str, number: int) -> bytes | None:
    try:
        return records.place_.read(object_name(name, number))
    except OSError as error:
        raise broken(records, name, number, f"cannot be read: {error.strerror}") from None


def highest(records: Records, name: str) -> int:
    """The highest number that an entry has; names of another form are none of ours."""
    ends = (one.rpartition("/")[2].removesuffix(".json") for one in records.place_.names(f"ledger/{name}"))
    return max((int(end) for end in ends if end.isdecimal()), default=0)


def broken(records: Records, name: str, number: int, got: str, allowed: str | None = None) -> NotemillError:
    where = f"entry {number} of the ledger of '{name}' ({records.place_.shown(object_name(name, number))})"
    return NotemillError(where, got, allowed, REMEDY)


def add(records: Records, ledger: Ledger, data: bytes) -> Ledger:
    """The ledger with its next entry. Raises NotemillError where it is not as it was written, or not the next."""
    number = ledger.number + 1
    entry = parse(data)
    problem = problem_of(entry, data) or misfit(ledger, entry, number)
    if problem:
        raise broken(records, ledger.name, number, *problem)
    return Ledger(ledger.name, (*ledger.entries, entry), (*ledger.hashes, hashlib.sha256(data).hexdigest()))


def parse(data: bytes) -> object:
    """What it holds; None where it is no JSON, or has numbers that JSON does not have."""
    try:
        value = json.loads(data)
        canonical_json(value)
    except (ValueError, RecursionError):
        return None
    return value


def problem_of(entry: object, data: bytes) -> tuple[str, str | None] | None:
    """What is wrong with an entry by itself."""
    if not isinstance(entry, dict):
        return "cannot be read: it was changed", "a JSON object, as it was written"
    if isinstance(entry.get("format"), int) and entry["format"] > FORMAT:
        return f"has the format {entry['format']}", f"this notemill reads up to {FORMAT}: install a later one"
    if entry.get("sha256") != seal(entry) or data != encoded(entry):
        return "was changed: its content has another digest than it had", f"sha256 {entry.get('sha256')}"
    wrong = [name for name, kinds in FACTS.items() if type(entry.get(name, ...)) not in kinds]
    if entry.get("move") != "retire":
        wrong += [name for name in ("version", "content", "manifest") if entry.get(name) is None]
    if wrong or entry["move"] not in MOVES:
        return f"is not well formed: {', '.join(wrong) or entry['move']}", f"moves are {', '.join(MOVES)}"
    return None


def misfit(ledger: Ledger, entry: Mapping, number: int) -> tuple[str, str | None] | None:
    """What is wrong with a good entry as the next of this ledger."""
    if (entry["name"], entry["number"]) != (ledger.name, number):
        return f"is entry {entry['number']} of '{entry['name']}'", f"entry {number} of '{ledger.name}'"
    if entry["previous"] != ledger.head:
        return ("does not follow the entry before it: that was changed, or exchanged",
                f"it names {entry['previous']}, and the one before is {ledger.head}")
    before = ledger.champion and ledger.champion["version"]
    if entry["move"] != "approve" and entry["from"] != before:
        return f"moves away from version {entry['from']}", f"the champion was version {before}"
    if entry["move"] == "rollback" and (len(ledger.line) < 2 or entry["content"] != ledger.line[-2]["content"]):
        return "goes back to a version that was not the champion before", None
    return None


def seal(entry: Mapping) -> str:
    """The digest of an entry, less the digest that it carries."""
    return sha256_text(canonical_json({name: fact for name, fact in entry.items() if name != "sha256"}))


def encoded(entry: Mapping) -> bytes:
    return (canonical_json(entry) + "\n").encode("utf-8", "surrogatepass")


def append(records: Records, name: str, decide: Callable[[Ledger], Mapping | None],
           ledger: Ledger | None = None) -> tuple[Ledger, Mapping | None]:
    """Write the move that `decide` makes of the ledger as it stands: (the ledger after it, the entry).

    Where somebody else was first, it decides again; None as its answer means that there is nothing to do.
    """
    ledger, standing = read_ledger(records, name, ledger), 0
    while (move := decide(ledger)) is not None:
        number, data = ledger.number + 1, encoded(next_entry(ledger, move))
        after = put(records, ledger, data)
        if after.number >= number and after.hashes[number - 1] == hashlib.sha256(data).hexdigest():
            return after, after.entries[number - 1]  # also where it was there: the answer to a first try had been lost
        standing = 0 if after.number >= number else standing + 1
        pause(records, after, standing)
        ledger = after
    return ledger, None


def put(records: Records, ledger: Ledger, data: bytes) -> Ledger:
    """Try to write the next entry: the ledger after that, with ours or somebody else's; as it was where none shows."""
    if records.place_.create(object_name(ledger.name, ledger.number + 1), data):
        return add(records, ledger, data)
    return read_ledger(records, ledger.name, ledger)


def pause(records: Records, ledger: Ledger, standing: int) -> None:
    """Before the next try. Raises NotemillError after too many that neither took an entry nor showed one."""
    if standing == PATIENCE:
        raise broken(records, ledger.name, ledger.number + 1,
                     "cannot be written: the place says that it is there, and shows none")
    time.sleep(0.05 * standing)


def next_entry(ledger: Ledger, move: Mapping) -> dict:
    entry = {"format": FORMAT, "number": ledger.number + 1, "previous": ledger.head, "name": ledger.name,
             "at": datetime.now(UTC).isoformat(), **move}
    return {**entry, "sha256": seal(entry)}
