"""What the warm process imports for its kernels: modules of installed distributions, and of those only such as start
no thread, for a forked process has none of its parent's threads."""

import contextlib
import fcntl
import gc
import importlib
import importlib.util
import os
import select
import signal
import sys
import sysconfig
import types
import warnings
from collections.abc import Iterator

from threadpoolctl import ThreadpoolController

from .names import modules_in, top_of

HARMLESS = ("jemalloc_bg_thd", "polars-ooc-clea")  # native threads that are known to survive their loss in a fork
OF_THE_SHELL = ("matplotlib_inline.",)  # they change the shell when they are imported, before anybody has asked
OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
LONGEST = 120  # seconds that imports may take; who asks has given up by then
PLACES = tuple({os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib", "stdlib", "platstdlib")})


@contextlib.contextmanager
def ending_with(owner: int | None) -> Iterator[None]:
    """Here the process ends also in native code that does not return: with the run that owns it, and in any case after
    LONGEST."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.alarm(LONGEST)
    own = None if owner is None else os.open(f"/proc/self/fd/{owner}", os.O_RDONLY | os.O_NONBLOCK)  # not others'
    try:
        if own is not None:
            fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC)  # its end is a SIGIO
            if select.select([own], [], [], 0)[0]:
                os._exit(1)
        yield
    finally:
        if own is not None:
            os.close(own)
        signal.alarm(0)


class Preload:
    """Imports once what is asked for; `spoiled` names a module that started threads or brought one of a project: this
    process is of no use then, as `why` says."""

    spoiled = why = ""
    pools: list = []
    looked = counted = 0
    loaded: set[str] = set()
    uses: dict[str, set[str]] = {}

    def __init__(self, owner: int | None = None):
        self.owner = owner  # the reading end of a pipe that is closed when the run ends
        self.tried: set[str] = set()
        self.filters: list[tuple[str, tuple]] = []  # with the library that has added it, the newest first
        self.noted: list[tuple[str, str, str]] = []  # variables that libraries set, with the library
        self.asked: list[str] = []  # what was to be imported for the next kernel
        self.variables: dict[str, str] = {}  # that these set when they are imported
        self.base = set(sys.modules)  # those that an ordinary kernel has, too
        self.judge("the start of Python", set())

    def import_all(self, names: list[str]) -> None:
        self.asked = names
        wanted = [name for name in dict.fromkeys(names) if name not in self.tried]
        self.tried.update(wanted)
        with ending_with(self.owner) if wanted else contextlib.nullcontext():
            for name in wanted:
                if not self.why:
                    self._import(name)
        if not self.why and threads():
            self.why = "has a thread that started late"

    def _import(self, name: str) -> None:
        if name in sys.modules or name.startswith(OF_THE_SHELL) or not self._installed(top_of(name)):
            return
        before = set(sys.modules)
        with self._filters_noted(), self._variables_noted(), contextlib.suppress(BaseException):
            importlib.import_module(name)  # the notebook meets the error itself
        self.judge(name, before)

    @contextlib.contextmanager
    def _filters_noted(self) -> Iterator[None]:
        """Filters of warnings that libraries set are their users' alone."""
        add, noted = warnings._add_filter, []

        def note(*item, append: bool) -> None:
            adder = sys._getframe(2).f_globals.get("__name__", "")
            noted.insert(len(noted) if append else 0, (top_of(adder), item))
            add(*item, append=append)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings._add_filter = note
            try:
                yield
            finally:
                warnings._add_filter = add
                self.filters[:0] = [each for each in noted if each[1] in warnings.filters]  # some were for a moment

    @contextlib.contextmanager
    def _variables_noted(self) -> Iterator[None]:
        """Likewise variables of the environment, also where another library has set them before."""
        environ, kept = type(os.environ), (type(os.environ).__setitem__, type(os.environ).setdefault)

        def set_item(self_, name: str, value: str) -> None:
            self.noted.append((_setter(), name, value))
            kept[0](self_, name, value)

        def set_default(self_, name: str, value: str) -> str:
            self.noted.append((_setter(), name, value))
            return kept[1](self_, name, value)

        environ.__setitem__, environ.setdefault = set_item, set_default
        try:
            yield
        finally:
            environ.__setitem__, environ.setdefault = kept

    def judge(self, name: str, before: set[str]) -> None:
        """Whether this process may go on after an import."""
        foreign = [module for module in sys.modules.keys() - before if not is_installed(sys.modules[module])]
        if threads():
            self.spoiled, self.why = name, f"has a thread that importing {name} started"
        elif foreign:
            self.spoiled, self.why = name, f"has loaded the project's '{min(foreign)}' with {name}"

    def _installed(self, name: str) -> bool:
        """Whether the module is a distribution's and no project's, which may change at any time."""
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return False
        found = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
        places = [str(place) for place in found if place and place not in ("built-in", "frozen")]
        return bool(places) and all(os.path.join(place, "").startswith(PLACES) for place in places)

    def hidden(self, folders: list[str]) -> str:
        """A library that is loaded although these folders have a module of its name, which a notebook would find
        first; "" where there is none."""
        if len(sys.modules) != self.counted:
            self.counted, self.loaded = len(sys.modules), {top_of(name) for name in sys.modules.keys() - self.base}
        return min(self.loaded & {name for folder in folders for name in modules_in(folder)}, default="")

    def filters_for(self, names: list[str]) -> list:
        """The filters of warnings that importing these sets: they, and what they use, have added them."""
        found = self._used_by(names)
        return [item for adder, item in self.filters if adder in found]

    def _used_by(self, names: list[str]) -> set[str]:
        """The packages of these modules, and those that they use; what an ordinary kernel has uses no library."""
        found, new, usual = set(), {top_of(name) for name in names}, {top_of(name) for name in self.base}
        while new:
            found |= new
            new = {used for top in new - usual for used in self.uses.get(top, ())} - found
        return found

    def settle(self) -> None:
        """Before a fork: find the thread pools, for that takes long; and let the garbage collector not look at what is
        there by now, or it would be copied."""
        if len(sys.modules) != self.looked:
            self.looked = len(sys.modules)
            self.pools = ThreadpoolController().lib_controllers
            self.uses = packages_used() if self.filters or self.noted else {}
            gc.collect()
        found = self._used_by(self.asked)
        self.variables = {name: value for setter, name, value in reversed(self.noted) if setter in found}
        gc.freeze()


def _setter() -> str:
    """The package whose module sets a variable, past `os.environ` and what it is built upon."""
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__") in ("os", "_collections_abc"):
        frame = frame.f_back
    return top_of(frame.f_globals.get("__name__", "")) if frame else ""


def is_installed(module: object) -> bool:
    """Whether a module that is loaded is a distribution's, the standard library's, or made by one of them."""
    file = getattr(module, "__file__", None)
    return not isinstance(file, str) or file.startswith((*PLACES, OWN))


def packages_used() -> dict[str, set[str]]:
    """For each package the others that its modules have names from."""
    uses: dict[str, set[str]] = {}
    for name, module in list(sys.modules.items()):
        found = uses.setdefault(top_of(name), set())
        for value in list(getattr(module, "__dict__", {}).values()):
            if isinstance(value, types.ModuleType):
                found.add(top_of(value.__name__))
            elif isinstance(value, type | types.FunctionType):
                found.add(top_of(str(value.__module__)))
    return uses


def threads() -> list[str]:
    """The names of this process's other threads, harmless ones left out."""
    found = []
    for number in os.listdir("/proc/self/task"):
        if int(number) != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/self/task/{number}/comm") as file:
                found.append(file.read().strip())
    return [name for name in found if name not in HARMLESS]
