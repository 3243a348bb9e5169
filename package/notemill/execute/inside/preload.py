"""What the warm process imports for its kernels: modules of installed distributions, and of those only such as start
no thread, for a forked process has none of its parent's threads."""

import contextlib
import gc
import importlib
import importlib.util
import os
import sys
import sysconfig
import warnings

from threadpoolctl import ThreadpoolController

HARMLESS = ("jemalloc_bg_thd",)  # native threads that are known to survive their loss in a fork


def state() -> dict:
    """What imports change and a notebook sees."""
    return {"filters": list(warnings.filters), "defaultaction": getattr(warnings, "defaultaction", "default")}


def restore(before: dict) -> None:
    """As in a process that has just begun."""
    warnings.filters[:] = before["filters"]
    warnings._filters_mutated()


class Preload:
    """Imports once what is asked for; `spoiled` names a module that started threads: this process is of no use then."""

    spoiled = ""
    pools: list = []
    looked = 0

    def __init__(self):
        self.tried: set[str] = set()
        self.places = tuple({os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib", "stdlib")})

    def import_all(self, names: list[str]) -> None:
        for name in names:
            if name not in self.tried and not self.spoiled:
                self.tried.add(name)
                self._import(name)

    def _import(self, name: str) -> None:
        if name in sys.modules or not self._installed(name.partition(".")[0]):
            return
        with contextlib.suppress(BaseException), warnings.catch_warnings():  # the notebook meets the error itself
            warnings.simplefilter("ignore")
            importlib.import_module(name)
        if threads():
            self.spoiled = name

    def _installed(self, name: str) -> bool:
        """Whether the module is a distribution's and no project's, which may change at any time."""
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return False
        places = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
        return any(str(place).startswith(self.places) for place in places if place)

    def settle(self) -> None:
        """Before a fork: find the thread pools, for that takes long; and let the garbage collector not look at what is
        there by now, or it would be copied."""
        if len(sys.modules) != self.looked:
            self.looked = len(sys.modules)
            self.pools = ThreadpoolController().lib_controllers
        gc.collect()
        gc.freeze()


def threads() -> list[str]:
    """The names of this process's other threads, harmless ones left out."""
    found = []
    for number in os.listdir("/proc/self/task"):
        if int(number) != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/self/task/{number}/comm") as file:
                found.append(file.read().strip())
    return [name for name in found if name not in HARMLESS]
