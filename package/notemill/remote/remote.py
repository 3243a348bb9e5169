"""A store that several machines share, as a run sees it: what it does not give, or take, is told once and done without.

`results/FINGERPRINT.json` says what a step's result is, `objects/` holds content by its sha256, and
`runs/PROJECT/RUN.json` says of which run it came.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.files import canonical_json
from notemill.memory import Memory
from notemill.place import Denied, Folder, Place, check_named, open_place
from notemill.remote.facts import read_result, read_run, result_facts, run_facts

PATIENCE = 5  # seconds that it has for its first answer
MOST = 4_000_000  # bytes of facts
NONE = "none"  # as a name: there is no shared store


def open_remote(named: str | None, root: Path, where: str, noted: Path) -> "Remote | None":
    """The store of that name, not looked at yet; None where none is named. `noted`: a file for what was found damaged.

    Raises UsageError for what is no name.
    """
    if not named or named == NONE:
        return None
    check_named(named, where, "a shared store")
    return Remote(named, lambda: open_place(named, root, where, "a shared store", patient=False), Memory(noted))


class Remote:
    """Asked for facts when a step has no result here, and for content when somebody needs it."""

    def __init__(self, named: str, opened: Callable[[], Place], damaged: Memory):
        self.named, self.opened, self.lock = named, opened, threading.RLock()
        self.damaged = damaged  # content that is not what its digest says; also what earlier commands have found
        self.place: Place | None = None
        self.away = self.sealed = False
        self.results: dict[str, dict | None] = {}
        self.rejected: set[str] = set()  # results that were found damaged
        self.malformed: set[str] = set()  # names of facts that are none
        self.told: list[str] = []
        self.tell: Callable[[str], object] = self.told.append

    @property
    def far(self) -> bool:
        """Whether it takes a network to ask it."""
        return "://" in self.named

    # reading
    def result(self, fingerprint: str, outputs: Mapping[str, str]) -> dict | None:
        """The result with this fingerprint, if all its content is there; asked once."""
        if fingerprint in self.rejected:
            return None
        if fingerprint not in self.results:
            name = f"results/{fingerprint}.json"
            self.results[fingerprint] = self._facts(name, lambda data: read_result(data, outputs))
            if self.results[fingerprint] and not self._is_whole(self.results[fingerprint]):
                self.reject(fingerprint)
        return None if fingerprint in self.rejected else self.results[fingerprint]

    def _is_whole(self, result: Mapping) -> bool:
        """Whether content of the right size is there; what it is shows when it is read."""
        sizes = {one["sha256"]: one["bytes"] for one in (result["executed"], *result["outputs"].values())}
        return all(not self.is_damaged(sha256) and self._size(sha256) == size for sha256, size in sizes.items())

    def is_damaged(self, sha256: str) -> bool:
        return self.damaged.get(sha256) is True

    def reject(self, fingerprint: str) -> None:
        """Its content is damaged or gone: the step runs again."""
        self.rejected.add(fingerprint)
        if not self.away:
            self.tell(f"the shared store {self.named}: the content of result {fingerprint[:12]} is damaged or gone: "
                      "the step runs again")

    def run(self, project: str, run: str) -> dict | None:
        """The facts of the run that made a result."""
        return self._facts(f"runs/{project}/{run}.json", lambda data: read_run(data, run))

    def content(self, sha256: str) -> Iterator[bytes]:
        """What stands under this digest, unchecked; nothing where it is not there."""
        blocks = None if self.is_damaged(sha256) else self._asked(lambda place: place.blocks(object_name(sha256)))
        while blocks and (block := self._asked(lambda place: next(blocks, None))):
            yield block

    def note_damage(self, sha256: str) -> None:
        """Content was not what its digest says."""
        if not self.away:
            self.damaged.set(sha256, True)
            self._note()

    def _note(self) -> None:
        with contextlib.suppress(OSError):
            self.damaged.save()

    def _facts(self, name: str, read: Callable[[bytes], dict | None]) -> dict | None:
        size = self._asked(lambda place: place.size(name))
        if size is None:
            return None
        data = self._asked(lambda place: place.read(name)) if size <= MOST else b""
        found = read(data) if data is not None else None
        if found is None and not self.away:
            self.malformed.add(name)
            self.tell(f"the shared store {self.named}: {name} has not the form of what notemill writes: not used")
        return found

    def _size(self, sha256: str) -> int | None:
        return self._asked(lambda place: place.size(object_name(sha256)))

    def _asked(self, ask: Callable[[Place], object]) -> object:
        """What the place says; None, told once, where it is away."""
        with self.lock:
            self._open()
        if self.away:
            return None
        try:
            return ask(self.place)
        except (NotemillError, OSError) as error:
            self._give_up(error)
            return None

    def _open(self) -> None:
        if self.place is None and not self.away:
            try:
                self.place = in_time(lambda: looked_at(self.opened()))
            except UsageError as error:
                self._give_up(error, error.hint)
            except (NotemillError, OSError) as error:
                self._give_up(error)

    def _give_up(self, error: Exception, hint: str | None = None) -> None:
        with self.lock:
            if not self.away:
                self.away = True
                self.tell(f"the shared store {self.named} is not used: {words_of(error)}" + (f" ({hint})" if hint
                                                                                             else ""))

    # writing
    def put_content(self, sha256: str, size: int, blocks: Callable[[], Iterator[bytes]]) -> bool:
        """Put content where it is not there whole: whether it is there now."""
        name, damaged = object_name(sha256), self.is_damaged(sha256)
        there = self._put(lambda place: (not damaged and place.size(name) == size) or place.put(name, blocks()))
        if there and damaged:
            self.damaged.remove(sha256)
            self._note()
        return there

    def put_result(self, fingerprint: str, result: Mapping, *, anew: bool = False) -> bool:
        """Say what the result is, after its content. The first one stays, unless its content was damaged, or `anew`."""
        name, data = f"results/{fingerprint}.json", canonical_json(result_facts(result)).encode()
        return self._put_facts(name, data, anew or fingerprint in self.rejected)

    def put_run(self, record: Mapping) -> bool:
        name, data = f"runs/{record['project']}/{record['run']}.json", canonical_json(run_facts(record)).encode()
        return self._put_facts(name, data)

    def _put_facts(self, name: str, data: bytes, anew: bool = False) -> bool:
        anew = anew or name in self.malformed
        return self._put(lambda place: (not anew and place.size(name) is not None) or place.put(name, [data]))

    def _put(self, put: Callable[[Place], object]) -> bool:
        with self.lock:
            self._open()
        if self.away or self.sealed:
            return False
        try:
            put(self.place)
        except (NotemillError, OSError) as error:
            self._seal(error)
        return not self.sealed

    def _seal(self, error: Exception) -> None:
        read_only = isinstance(error, Denied)
        with self.lock:
            if not self.sealed:
                self.sealed = True
                self.tell(f"the shared store {self.named} may only be read here: what this run makes is not shared"
                          if read_only else f"the shared store {self.named} takes nothing: {words_of(error)}")


def object_name(sha256: str) -> str:
    return f"objects/{sha256[:2]}/{sha256[2:]}"


def looked_at(place: Place) -> Place:
    """The place, after it has answered. Raises OSError or NotemillError."""
    if isinstance(place, Folder) and not place.root.is_dir() and not place.root.parent.is_dir():
        raise NotemillError(str(place.root), "neither this folder nor the one above it is there")
    place.size("results")
    return place


def in_time(act: Callable[[], Place]) -> Place:
    """What `act` gives within our patience: a share whose server is gone lets everybody wait who looks at it."""
    found: list = []

    def work():
        try:
            found.append(act())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not found:
        raise TimeoutError(f"no answer within {PATIENCE} s")
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def words_of(error: Exception) -> str:
    """One line."""
    text = f"{error.where}: {error.got}" if isinstance(error, NotemillError) else str(error)
    return (text or type(error).__name__).splitlines()[0][:300]
