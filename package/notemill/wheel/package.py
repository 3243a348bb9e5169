"""A registered version as the files of a Python package: model, its door, its code, and what is known of it."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from notemill import runtime
from notemill.files import canonical_json
from notemill.report.numbered import numbered
from notemill.wheel.renaming import rename_imports, rename_in_model, rename_types, top_level

CODE = "code"
PLAIN = ("schema.json", "golden.json", "card.md", "card.html", "verdict.json", "provenance.json", "plan.json",
         "plan.npz")
OPTIONAL = {"card.html": 300_000}  # bytes: what is larger stays in the registry
INIT = '''"""{summary}

{takes} rows of the source table, less the target: a DataFrame (pandas, polars), a list of dicts, or one dict.
`schema` says what a row holds, `card` is the model card. The model loads on first use.
"""

from functools import cache
from pathlib import Path
from typing import Any

from .model import Model, ModelError
from .rows import BadRows

__all__ = {names}
{version}
schema: dict[str, Any]
card: str
{classes}

@cache
def model() -> Model:
    """The model behind this package's functions."""
    return Model(Path(__file__).parent)


def predict(rows: Any) -> Any:
    """The {what} for each row, as an array (n,); for one dict one plain value. Raises BadRows."""
    return model().predict(rows)

{proba}
def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(model(), name)
    raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
'''
PROBA = '''
def predict_proba(rows: Any) -> Any:
    """Probabilities (n, classes), in the order of `classes`; for one dict {label: probability}. Raises BadRows."""
    return model().predict_proba(rows)

'''
VERSION = '__version__ = ""'  # what is registered has no number yet
MAIN = '''"""What `python -m` runs."""

import sys
from pathlib import Path

from .commands import main

sys.exit(main(Path(__file__).parent))
'''


def import_name(project: str) -> str:
    """breast-cancer -> breast_cancer_model."""
    return re.sub(r"\W", "_", project.lower()) + "_model"


def distribution_name(project: str) -> str:
    """breast-cancer -> breast-cancer-model."""
    return re.sub(r"[-_.]+", "-", f"{project}-model").lower()


def wheel_version(manifest: Mapping) -> str:
    """The registry's version and the commit, in PEP 440's form: 3+g0123456789ab, 3+g0123456789ab.dirty, 3+nocommit."""
    commit = manifest.get("commit")
    local = f"g{commit[:12]}" + (".dirty" if manifest.get("dirty") else "") if commit else "nocommit"
    return f"{manifest['version']}+{local}" if manifest.get("version") else f"0+{local}"


def package_files(manifest: Mapping, read: Callable[[str], bytes], package: str | None = None) -> dict[str, bytes]:
    """{path: content} of the package; `read` gives content by sha256, `package` another name than the usual one."""
    package = package or import_name(manifest["name"])
    prefix, roots = f"{package}.{CODE}", top_level(manifest["code"])
    files = {name: read(manifest["files"][name]) for name in PLAIN if name in manifest["files"]}
    files = {name: data for name, data in files.items() if len(data) <= OPTIONAL.get(name, len(data))}
    files |= {name: numbered(data, manifest.get("version")) for name, data in files.items() if name in OPTIONAL}
    kept = {name: read(sha256) for name, sha256 in manifest.get("runtime", {}).items()}
    files |= kept or runtime_files(manifest)  # versions of earlier notemills have kept none
    files |= {"__init__.py": _with_version(files["__init__.py"], manifest), "py.typed": b"",
              "facts.json": _facts(manifest, package),
              "model.skops": rename_in_model(read(manifest["files"]["model.skops"]), roots, prefix),
              "types.json": _json(rename_types(json.loads(read(manifest["files"]["types.json"])), roots, prefix))}
    for path, sha256 in manifest["code"].items():
        files[f"{CODE}/{path}"] = rename_imports(read(sha256).decode(), roots, prefix).encode()
    if manifest["code"]:
        files[f"{CODE}/__init__.py"] = b""
    return {f"{package}/{name}": files[name] for name in sorted(files)}


def runtime_files(manifest: Mapping) -> dict[str, bytes]:
    """The package's own modules as this notemill writes them, for a version that has no number yet.

    They are kept with the version: another notemill makes the same package of it.
    """
    folder = Path(runtime.__file__).parent
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.py"))}
    return {**files, "__init__.py": _init(manifest), "__main__.py": MAIN.encode()}


def _with_version(text: bytes, manifest: Mapping) -> bytes:
    return text.replace(VERSION.encode(), VERSION.replace('""', f'"{wheel_version(manifest)}"').encode())


def _init(manifest: Mapping) -> bytes:
    classes = manifest["task"] == "classification"
    names = ["BadRows", "ModelError", "card", "predict", "schema", *(["classes", "predict_proba"] if classes else [])]
    return INIT.format(
        summary=summary(manifest), names=sorted(names), version=VERSION, proba=PROBA if classes else "",
        what="label" if classes else "predicted quantity", classes="classes: list[Any]\n" if classes else "",
        takes="`predict` and `predict_proba` take" if classes else "`predict` takes").encode()


def summary(manifest: Mapping) -> str:
    """One line on what the package is."""
    return f"The model {manifest['name']}: predicts {_one_line(manifest['target'])} ({manifest['task']})."


def _one_line(text: str) -> str:
    plain = "".join(sign if sign.isprintable() and sign not in '"\\' else " " for sign in str(text))
    return " ".join(plain.split())


def _facts(manifest: Mapping, package: str) -> bytes:
    return _json({"distribution": distribution_name(manifest["name"]), "package": package, "name": manifest["name"],
                  "version": wheel_version(manifest), "registry_version": manifest.get("version"),
                  "content": manifest["content"], "task": manifest["task"], "target": manifest["target"],
                  "trained_with": manifest["trained_with"]})


def _json(value: object) -> bytes:
    return canonical_json(value).encode()


def requirements(manifest: Mapping) -> list[str]:
    """What the package needs: the exact scikit-learn of training, pandas of the same generation, what the code imports
    in the version of training."""
    used = manifest["trained_with"]
    exact = [f"{name}=={version}" for name, version in sorted(used.items()) if name not in LOOSE]
    return sorted([*exact, *(f"{name}>={used[name]},<{int(used[name].split('.')[0]) + 1}" for name in LOOSE
                             if name in used), "pyarrow>=14"])


LOOSE = ("numpy", "pandas", "skops")  # their later versions read what earlier ones wrote; golden rows tell if not


def write_tree(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the package's files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
