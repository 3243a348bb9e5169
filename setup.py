"""Builds the distribution from package/.

The metadata and the place of the code (`packages.find.where`) are in pyproject.toml. A bare `find_packages()` would
search beside this file, find nothing, and build an empty wheel without a word; tests/test_packaging.py looks into it.

The files that a new project shares with this repository (notebooks, pre-commit hooks, pins) stand in the repository
once; they are copied into the wheel here, where `notemill init` finds them.
"""

from pathlib import Path
from shutil import copyfile

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
INIT = Path("notemill", "init")
SHARED = (ROOT / "package" / INIT / "shared.txt").read_text(encoding="utf-8").split()


class BuildWithStarter(build_py):
    """Adds the shared files; an editable installation finds them in the checkout."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for name in SHARED:
                target = Path(self.build_lib, INIT, "starter", name)
                target.parent.mkdir(parents=True, exist_ok=True)
                copyfile(ROOT / name, target)


setup(cmdclass={"build_py": BuildWithStarter})
