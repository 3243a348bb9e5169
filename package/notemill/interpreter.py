"""What a step's code runs on: this interpreter, or a Jupyter kernel's, asked once and remembered."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import machinery, metadata
from pathlib import Path
from string import Template

from notemill.errors import UsageError, did_you_mean
from notemill.files import canonical_json, sha256_text
from notemill.memory import Memory

RULES = 3  # raised when an interpreter would be asked otherwise
PROCESS = "process"  # the kernel that is a process of this interpreter
WARM = "warm"  # the same, forked from a process that has the libraries loaded
OWN = (WARM, PROCESS)
DEFAULT_KERNEL = WARM if sys.platform == "linux" else PROCESS  # elsewhere a fork is not safe
INSTALLED = (".dist-info", ".egg-info", ".egg")  # how what describes a distribution is called
OWN_WORDS = ("python", f"python{sys.version_info[0]}", "python{}.{}".format(*sys.version_info))  # as Jupyter has it
NOT_SEEN = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH")  # of notemill's own process, not of the kernel's
PATIENCE = 60  # seconds
ASK = """
import json, sys
sys.path[:] = [folder for folder in sys.path if folder]
from importlib import machinery, metadata
def tops(found):
    listed = (found.read_text("top_level.txt") or "").split()
    return listed or {file.parts[0].partition(".")[0] for file in found.files or () if file.suffix in (".py", ".so")}
imports, versions = {}, {}
for found in metadata.distributions():
    name = found.metadata["Name"]
    if name and name not in versions:
        versions[name] = found.version
        for top in tops(found):
            imports.setdefault(top, set()).add(name)
import os, sysconfig
folder = sysconfig.get_path("stdlib")
places = [folder, sysconfig.get_path("platstdlib"), os.path.join(folder, "lib-dynload")]
builtin = set(sys.builtin_module_names)
names = getattr(sys, "stdlib_module_names", NAMES)
standard = [name for name in names if name in builtin or machinery.PathFinder.find_spec(name, places)]
print("\\n" + json.dumps({"python": ".".join(map(str, sys.version_info[:2])), "path": sys.path, "versions": versions,
    "imports": {top: sorted(names) for top, names in imports.items()}, "standard": sorted(standard),
    "builtin": sorted(builtin)}))
"""


@dataclass(frozen=True)
class Interpreter:
    """What a kernel's code runs on.

    `python` is its minor version (None: another language), `spec` the digest of a kernel.json, and `note` says what
    is not known. `facts` gives the rest when it is first needed.
    """

    python: str | None
    facts: Callable[[], Mapping] = field(default=dict, compare=False, repr=False)
    spec: str | None = None
    note: str | None = None

    @property
    def imports(self) -> Mapping[str, list[str]]:
        """Which distributions give what can be imported."""
        return self.facts().get("imports", {})

    @property
    def versions(self) -> Mapping[str, str]:
        """The installed distributions' versions."""
        return self.facts().get("versions", {})

    @property
    def standard(self) -> frozenset[str]:
        """The standard library's modules."""
        return frozenset(self.facts().get("standard", ()))

    @property
    def builtin(self) -> frozenset[str]:
        """Those that come before everything in sys.path."""
        return frozenset(self.facts().get("builtin", ()))

    def owners(self, name: str) -> dict[str, str | None]:
        """The distributions that a top-level name comes from, with versions (None: not installed)."""
        return {owner: self.versions.get(owner) for owner in self.imports.get(name) or [name]}


def own(memory: Memory) -> Interpreter:
    """This interpreter."""
    return Interpreter(minor(), cache(lambda: _own_facts(memory)))


def _own_facts(memory: Memory) -> dict:
    key, stamp = "distributions:" + sys.prefix, stamp_of(sys.path, sys.version)
    known = memory.get(key)
    if not known or known["stamp"] != stamp:
        known = {"stamp": stamp, **installed(), "standard": list(standard_modules()),
                 "builtin": list(sys.builtin_module_names)}
        memory.set(key, known)
    return known


def minor() -> str:
    """Python's minor version, as 3.11."""
    return ".".join(map(str, sys.version_info[:2]))


def installed() -> dict:
    """All installed distributions, by what they can be imported as."""
    imports: dict[str, set[str]] = {}
    versions: dict[str, str] = {}
    for distribution in metadata.distributions():
        about = described(distribution)
        name = about["Name"]
        for top in top_names(distribution) if name else ():  # no name: a folder that an uninstallation left
            imports.setdefault(top, set()).add(name)
        if name:
            versions.setdefault(name, about["Version"])  # the path's first is imported
    return {"imports": {top: sorted(names) for top, names in imports.items()}, "versions": versions}


def described(distribution: metadata.Distribution) -> Mapping:
    """Its metadata, read and parsed anew each time that it is asked for."""
    try:
        return distribution.metadata
    except FileNotFoundError:  # as importlib_metadata has it, where a step's tool has loaded that
        return {"Name": None}


def top_names(distribution: metadata.Distribution) -> set[str]:
    """What the distribution can be imported as: as it declares, or else by its files."""
    declared = (distribution.read_text("top_level.txt") or "").split()
    return set(declared) or {file.parts[0] if len(file.parts) > 1 else file.name.partition(".")[0]
                             for file in distribution.files or () if file.suffix in (".py", ".so", ".pyd")}


def standard_modules() -> Iterator[str]:
    """The standard library's modules that this system has: the rest of their names is free."""
    import sysconfig

    folder = sysconfig.get_path("stdlib")
    places = [folder, sysconfig.get_path("platstdlib"), os.path.join(folder, "lib-dynload")]
    for name in sorted(sys.stdlib_module_names):
        if name in sys.builtin_module_names or machinery.PathFinder.find_spec(name, places):
            yield name


def stamp_of(folders: list[str], *more: object) -> str:
    """Changes whenever a distribution is installed, upgraded or removed in any of the folders."""
    found = [[folder, _described_in(folder or ".")] for folder in folders]
    return sha256_text(canonical_json([RULES, *more, [one for one in found if one[1]]]))


def _described_in(folder: str) -> list[list]:
    """Name and time of what describes each distribution there: other files come and go, as in the current folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted([e.name, e.stat().st_mtime_ns] for e in entries if e.name.endswith((*INSTALLED, ".pth")))
    except OSError:
        return []


# kernels that Jupyter knows by name
def of_kernel(name: str, memory: Memory, environ: Mapping[str, str], where: str) -> Interpreter:
    """The interpreter of a Jupyter kernel. Raises UsageError, which names `where`, for one that is not installed."""
    spec = find_spec(name, where)
    digest = sha256_text(canonical_json([spec.get("argv"), spec.get("env") or {}, str(spec.get("language")).lower()]))
    if str(spec.get("language")).lower() != "python":
        return Interpreter(None, spec=digest, note=f"the kernel '{name}' is not Python: of what its code rests on, "
                           "only its kernel.json counts")
    facts = _remembered(name, spec, digest, memory, environ, where)
    if facts is None:
        return Interpreter(None, spec=digest, note=f"the interpreter of the kernel '{name}' does not say what is "
                           "installed there: only its kernel.json counts")
    return Interpreter(facts["python"], lambda: facts, spec=digest)


def find_spec(name: str, where: str) -> dict:
    """The kernel.json of that name, where Jupyter looks for it. Raises UsageError."""
    there = kernel_specs()
    if name.lower() not in there:
        raise UsageError(where, f"there is no Jupyter kernel '{name}'",
                         f"there are: {', '.join([*OWN, *sorted(there)])}", did_you_mean(name, [*OWN, *there]))
    path = there[name.lower()]
    try:
        spec = json.loads(path.read_bytes()) if path else {"argv": [sys.executable], "language": "python"}
    except (OSError, ValueError) as error:
        raise UsageError(where, f"the kernel '{name}': {path} cannot be read: {error}") from None
    if not isinstance(spec, dict) or not isinstance(spec.get("argv"), list) or not spec["argv"]:
        raise UsageError(where, f"the kernel '{name}': {path} has no argv")
    return spec


def kernel_specs() -> dict[str, Path | None]:
    """Each kernel's kernel.json, by name in small letters; None for `python3` where ipykernel alone knows it."""
    from importlib.util import find_spec as find_module

    from jupyter_core.paths import jupyter_path  # jupyter_client would do, at ten times the cost

    found: dict[str, Path | None] = {}
    for folder in map(Path, jupyter_path("kernels")):
        for path in sorted(folder.glob("*/kernel.json")):
            found.setdefault(path.parent.name.lower(), path)
    return found if "python3" in found or not find_module("ipykernel") else {**found, "python3": None}


def _remembered(name: str, spec: dict, digest: str, memory: Memory, environ: Mapping, where: str) -> dict | None:
    """What the kernel's interpreter says of itself; asked again when it or its distributions changed."""
    words = command(spec)
    key = f"kernel:{name}:{digest}"
    known = memory.get(key)
    if not known or known["stamp"] != _stamp(words, known["path"]):
        known = _ask(name, words, _environment(spec, environ), where)
        if known is None:
            return None
        known["stamp"] = _stamp(words, known["path"])
        memory.set(key, known)
    return known


def command(spec: dict) -> list[str]:
    """The words that start the kernel's interpreter: those before `-m`, so that wrappers are taken along."""
    argv = [str(word) for word in spec["argv"]]
    words = argv[:argv.index("-m")] if "-m" in argv[1:] else argv[:1]
    return [sys.executable if words[0] in OWN_WORDS else words[0], *words[1:]]


def _stamp(words: list[str], folders: list[str]) -> str:
    from shutil import which

    found = which(words[0])
    status = os.stat(found) if found else None
    return stamp_of(folders, words, found, status and [status.st_size, status.st_mtime_ns, status.st_ino])


def _environment(spec: dict, environ: Mapping[str, str]) -> dict[str, str]:
    seen = {name: value for name, value in environ.items() if name not in NOT_SEEN}
    return {**seen, **{str(name): Template(str(value)).safe_substitute(environ)
                       for name, value in (spec.get("env") or {}).items()}}


def _ask(name: str, words: list[str], environ: dict[str, str], where: str) -> dict | None:
    """What the interpreter says of itself; None where it does not understand the question. Raises UsageError."""
    question = f"NAMES = {sorted(sys.stdlib_module_names)}\n{ASK}"
    try:
        done = subprocess.run([*words, "-c", question], capture_output=True, text=True, timeout=PATIENCE, env=environ,
                              stdin=subprocess.DEVNULL)
    except OSError as error:
        raise UsageError(where, f"the kernel '{name}' cannot be started: {words[0]}: {error.strerror}",
                         hint="install the kernel again, or choose another") from None
    except subprocess.TimeoutExpired:
        return None
    try:
        told = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return told if isinstance(told, dict) and {"python", "path", "standard"} <= told.keys() else None
