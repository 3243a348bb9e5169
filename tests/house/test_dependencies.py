"""Every third-party import is a declared dependency, every dependency is imported, pinned, and has a known licence."""

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Declared, though nothing in package/ or notebooks/ imports them.
NOT_IMPORTED = {
    "ipykernel": "the kernel that runs the notebooks",
    "ipython": "the shell of that kernel",
    "sqlalchemy": "pandas reads databases through it",
    "pyarrow": "pandas reads and writes Parquet through it",
}
# Import names that differ from the distribution's and that need not be installed beside the tests.
IMPORT_NAMES = {"dask": "dask", "distributed": "dask", "optuna": "optuna", "streamlit": "streamlit"}


def normalise(requirement):
    """`dask[dataframe]>=2026` -> `dask`."""
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-").replace(".", "-")


def imported_modules(source):
    """The first words of all imports in Python text, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def read_sources(*folders):
    """Texts of all Python files, and of the code of all notebooks, in these folders."""
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*"))):
        if path.suffix == ".py":
            yield path.read_text(encoding="utf-8")
        elif path.suffix == ".ipynb" and not {".ipynb_checkpoints", "resources"} & set(path.parts):  # some are broken
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            code = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
            yield "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", text, flags=re.M) for text in code)


def imported_distributions(sources, own):
    known = packages_distributions() | {name: [dist] for name, dist in IMPORT_NAMES.items()}
    modules = {module for source in sources for module in imported_modules(source)}
    foreign = modules - set(sys.stdlib_module_names) - own
    return {normalise(min(known.get(module, [module]), key=len)) for module in foreign}


def declared():
    return {normalise(requirement) for requirement in PROJECT["project"]["dependencies"]}


def extras():
    parts = PROJECT["project"]["optional-dependencies"]
    return {normalise(requirement) for name, part in parts.items() if name != "all" for requirement in part}


def groups(*names):
    return {normalise(requirement) for name in names for requirement in PROJECT["dependency-groups"][name]}


def pins():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, flags=re.M))


def test_every_import_is_declared():
    assert imported_distributions(read_sources("package", "notebooks"), {"notemill"}) <= declared() | extras()


def test_every_dependency_is_imported():
    imported = imported_distributions(read_sources("package", "notebooks"), {"notemill"})
    assert declared() - imported == set(NOT_IMPORTED) - imported


def test_every_import_of_the_tests_is_declared():
    own = {"notemill", "conftest", "tests"} | {path.stem for path in (ROOT / "tests").rglob("*")}
    imported = imported_distributions(read_sources("tests"), own)
    assert imported <= declared() | extras() | groups("test", "bench")


def test_constraints_pin_every_direct_dependency():
    assert declared() | extras() | groups("test", "lint", "house", "bench") <= set(pins())


def test_constraints_name_no_address():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.findall(r"://|index|--|@", text)


def test_hooks_have_the_versions_of_the_constraints():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    hooks = dict(re.findall(r"^ +- ([a-z0-9-]+)==(\S+)", text, flags=re.M))
    assert hooks and hooks == {name: pins()[name] for name in hooks}


def test_every_direct_dependency_has_a_free_licence():
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \|", text, flags=re.M))
    rows.pop("distribution", None)
    assert set(rows) == declared() | extras() | groups("test", "lint", "house")
    assert not {name for name, licence in rows.items() if not re.search(r"Apache|BSD|MIT|MPL|ISC", licence)}


@pytest.mark.parametrize("source, modules", [
    ("import a.b, c", {"a", "c"}),
    ("def f():\n    from d.e import f", {"d"}),
    ("from . import g", set()),
])
def test_imported_modules(source, modules):
    assert set(imported_modules(source)) == modules
