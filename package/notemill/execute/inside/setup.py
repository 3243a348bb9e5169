"""What a kernel is given before its first cell: modules, a share of threads, the module of its exported cells."""

import functools
import hashlib
import importlib.util
import os
import sys
import types

from . import reads


def before(settings: dict) -> None:
    """What must be there before IPython. Without a `root` the kernel belongs to no project."""
    if settings["root"]:
        reads.watch_reads(settings["root"], frozenset(settings["declared"]), settings["log"],
                          (sys.prefix, sys.base_prefix))


def after(app, settings: dict, modules: int = 0) -> None:
    """What needs the shell. The thread pools of so many `modules` have their share already."""
    find_modules(settings["root"] and os.path.join(settings["root"], "package"))
    if settings["threads"]:
        limit_threads(app.shell.events, settings["threads"], modules)
    export_cells(app.shell, settings["exported"], frozenset(settings["export_cells"]))
    if settings["script"]:  # what every script knows of itself, and no notebook
        app.shell.user_ns["__file__"], sys.argv = settings["script"], [settings["script"]]
    app.shell.keepkernel_on_exit = True  # `exit()` is told to the client, which ends the notebook and the kernel


def find_modules(package: str | None) -> None:
    """Modules beside the notebook, then those of the project: as in Jupyter after the standard library's own."""
    installed = (i for i, path in enumerate(sys.path) if path.endswith(("site-packages", "dist-packages")))
    place = next(installed, len(sys.path))
    sys.path[place:place] = ["", package] if package else [""]
    if package:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))  # children


def limit_threads(events, threads: int, seen: int = 0) -> None:
    """Hold native thread pools to their share, those also that a cell loads; those of the first `seen` modules are."""
    from threadpoolctl import ThreadpoolController

    os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "True")  # as it does at its import, which may have been before a fork

    def hold(*_) -> None:
        nonlocal seen
        if len(sys.modules) == seen:  # to look for libraries takes longer than most cells
            return
        seen = len(sys.modules)
        for pool in ThreadpoolController().lib_controllers:
            if (pool.num_threads or 0) > threads:
                pool.set_num_threads(threads)

    events.register("post_run_cell", hold)


def export_cells(shell, name: str, digests: frozenset[str]) -> None:
    """What the cells of these digests define belongs to the module `name`, where it will be found later, and not to
    `__main__`; the module's names are the notebook's."""
    if not digests:
        return
    module, parent = types.ModuleType(name), name.partition(".")[0]
    module.__getattr__ = functools.partial(find_name, shell.user_ns, name)
    sys.modules[name] = module
    if importlib.util.find_spec(parent) is None:
        sys.modules[parent] = types.ModuleType(parent)

    def begin(info) -> None:
        if hashlib.sha256(info.raw_cell.encode("utf-8", "surrogatepass")).hexdigest() in digests:
            shell.user_ns["__name__"] = name

    def end(result) -> None:
        shell.user_ns["__name__"] = "__main__"

    shell.events.register("pre_run_cell", begin)
    shell.events.register("post_run_cell", end)


def find_name(names: dict, module: str, name: str) -> object:
    """A module's attribute (PEP 562)."""
    try:
        return names[name]
    except KeyError:
        raise AttributeError(f"module {module!r} has no attribute {name!r}") from None
