"""`python start.py MODULE SETTINGS.json ...`: one of the modules beside this file, as a process of its own."""

import importlib.util
import os
import sys

NAME = "_notemill"  # no notebook's module is called so


def load_package(folder: str) -> None:
    """Make the folder a package; its path stays out of `sys.path`, where notebooks look for theirs."""
    spec = importlib.util.spec_from_file_location(NAME, os.path.join(folder, "__init__.py"),
                                                  submodule_search_locations=[folder])
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])


if __name__ == "__main__":
    folder = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(folder):  # `-P` would be passed on to workers
        del sys.path[0]
    load_package(folder)
    importlib.import_module(f"{NAME}.{sys.argv.pop(1)}").main(sys.argv)
