"""Names that a project needs: its own, its package's, its steps'."""

import importlib.util
import re
import sys
import unicodedata
from collections.abc import Collection
from pathlib import Path

from notemill.code import package_name
from notemill.errors import UsageError
from notemill.pipeline import NAME

# names that the project's own folders have, or that are installed beside it sooner or later
TAKEN = {"notemill", "tests", "test", "package", "notebooks", "setup", "noxfile", "conftest", "numpy", "pandas",
         "sklearn",
         "skops", "matplotlib", "mlflow", "yaml", "nox", "pytest", "scipy", "pyarrow", "streamlit", "dask"}


def project_name(folder: Path, wanted: str | None) -> str:
    """The project's name: as wanted, or the folder's in letters that a wheel's name may have. Raises UsageError."""
    name = wanted if wanted is not None else bare(folder.resolve().name)
    if not NAME.fullmatch(name):
        raise UsageError("--name" if wanted is not None else str(folder), f"'{name}' can be no project's name",
                         "a letter first, then letters, digits, _ and -", "name it with --name")
    if _hides(package_name(name)):
        raise UsageError("--name" if wanted is not None else str(folder),
                         f"a project called '{name}' would hide the Python module of that name",
                         hint=f"name it otherwise: --name {name}-model")
    return name


def _hides(module: str) -> bool:
    """Whether a package of that name would stand before a module that somebody counts on."""
    if module in TAKEN or module in sys.stdlib_module_names:
        return True
    found = importlib.util.find_spec(module)
    return bool(found and found.origin and "site-packages" in Path(found.origin).parts)


def bare(text: str) -> str:
    """ASCII letters and digits, with - between words: `Größe (2024)` as `Grosse-2024`."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-_")


def step_name(stem: str, taken: Collection[str]) -> str:
    """A step's name from its notebook's: without the number in front, and unlike those that are taken."""
    name = re.sub(r"^[\d\s._-]+", "", bare(stem)).lower() or f"step-{bare(stem)}".rstrip("-").lower()
    name = f"{name}-page" if name == "index" else name
    chosen, count = name, 1
    while chosen in taken:
        count += 1
        chosen = f"{name}-{count}"
    return chosen
