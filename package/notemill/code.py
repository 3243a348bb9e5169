"""The project's own code that a model needs: cells tagged `export`, as modules, and the modules that they import.

What cells tagged `export` define lives in the module PROJECT.NOTEBOOK, in a run as well as in package/PROJECT/: so the
classes of a model can be found again wherever that module can be imported.
"""

import ast
import json
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.files import write_atomic
from notemill.notebook import EXPORT, imports_of, load_cells, tags_of
from notemill.pipeline import Step
from notemill.project import Project

HEAD = '"""Made by `notemill export` from {notebook}: change it there."""'


@dataclass(frozen=True)
class Module:
    """A Python module as a file: `path` is relative to where modules are found."""

    path: str
    text: str

    @property
    def name(self) -> str:
        """As one imports it."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def package_name(project: str) -> str:
    """A name of a project or notebook as Python can import it."""
    name = re.sub(r"\W", "_", project.lower())
    return f"{name}_" if keyword.iskeyword(name) else f"_{name}" if name[:1].isdigit() else name


def module_name(project: str, notebook: Path) -> str:
    """Where a notebook's exported cells live, as one imports it."""
    return f"{package_name(project)}.{package_name(notebook.stem)}"


def export_cells(content: Mapping) -> list[str]:
    """The sources of a notebook's cells tagged `export`."""
    return [cell["source"] for cell in content["cells"] if cell["cell_type"] == "code" and EXPORT in tags_of(cell)]


def exported(project: Project, step: Step, content: Mapping) -> Module | None:
    """The module that a notebook's exported cells make; None where it has none. Raises UsageError where it is no
    Python by itself."""
    cells = export_cells(content)
    if not cells:
        return None
    notebook = project.name_of(step.notebook)
    text = "\n\n\n".join([HEAD.format(notebook=notebook), *(source.strip() for source in cells)]) + "\n"
    try:
        compile(text, notebook, "exec")
    except SyntaxError as error:
        shown = f"{error.msg}: {(error.text or '').strip()}"
        raise UsageError(notebook, f"its cells tagged `{EXPORT}` are no module: {shown}",
                         hint="magics and shell commands belong in other cells") from None
    return Module(module_name(project.pipeline.name, step.notebook).replace(".", "/") + ".py", text)


def modules_to_export(project: Project) -> list[Module]:
    """What `package/` should hold of the notebooks as they stand."""
    contents = {step.notebook: step for step in project.pipeline.steps.values()}
    found = [exported(project, step, load_cells(path, path.read_bytes(), project.name_of(path)))
             for path, step in contents.items()]
    modules = [module for module in found if module]
    twice = [module.path for module in modules if [other.path for other in modules].count(module.path) > 1]
    if twice:
        raise UsageError(f"package/{twice[0]}", "two notebooks would be exported to it", hint="rename one of them")
    return modules


def differing(project: Project) -> list[Module]:
    """The modules whose file in package/ is not what the notebook says."""
    return [module for module in modules_to_export(project) if _text(project.root / "package" / module.path)
            != module.text]


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def write(project: Project, modules: list[Module]) -> list[Path]:
    """Write modules to package/, with the package's `__init__.py` where there is none. A file that was not made from a
    notebook is never replaced."""
    written = []
    for module in modules:
        path = project.root / "package" / module.path
        text = _text(path)
        if text is not None and not text.startswith(HEAD.partition("{")[0]):
            raise UsageError(project.name_of(path), "was not made by `notemill export`, and would be lost",
                             hint="rename it, or rename the notebook")
        if not (path.parent / "__init__.py").exists():
            write_atomic(path.parent / "__init__.py", "")
        write_atomic(path, module.text)
        written.append(path)
    return written


# the code of a run
def code_of_run(project: Project, record: Mapping, step_name: str) -> list[Module]:
    """The modules that a step's model needs, as they were when it ran: the project's that the notebook imports, and
    the exported cells of the executed notebook. Raises NotemillError where they have changed since."""
    facts = next((step for step in record["steps"] if step["step"] == step_name), {})
    step = project.pipeline.step(step_name)
    try:
        executed = json.loads(project.store.read_bytes(facts["executed"]["sha256"]))
    except (KeyError, TypeError):
        raise NotemillError(f"step '{step_name}' of run {record['run']}", "has no executed notebook (any more)",
                            hint="notemill run makes it again") from None
    modules = {module.path: module for module in _imported(project, step, facts)}
    if own := exported(project, step, _as_text(executed)):
        init = own.path.partition("/")[0] + "/__init__.py"
        modules = {init: Module(init, ""), **modules, own.path: own}
    return [modules[path] for path in sorted(modules)]


def _as_text(content: dict) -> dict:
    cells = [{**cell, "source": "".join(cell["source"])} for cell in content["cells"]]
    return {**content, "cells": cells}


def _imported(project: Project, step: Step, facts: Mapping) -> Iterator[Module]:
    for name, digest in facts["components"]["modules"].items():
        path = project.root / name
        if not path.is_file() or project.importer.digest(path) != digest:
            raise NotemillError(name, f"has changed since the run {facts['origin_run']}: the model was not made with "
                                "it as it stands", hint="notemill run makes a model with today's code")
        yield Module(_importable(project, step, path), _read(path, name))


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeError:
        raise NotemillError(name, "is not in UTF-8", hint="a model package holds its modules in UTF-8") from None


def _importable(project: Project, step: Step, path: Path) -> str:
    """A module's path below the folder in which Python finds it."""
    for folder in (project.root / "package", step.notebook.parent):
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    raise NotemillError(project.name_of(path), "is outside package/ and the notebook's folder", hint="move it there")


def stage(modules: list[Module], folder: Path) -> None:
    """Write modules below a folder that goes on Python's path."""
    for module in modules:
        path = folder / module.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(module.text, encoding="utf-8")


def libraries_of(project: Project, modules: list[Module], step_name: str) -> list[str]:
    """The installed distributions that the modules import by themselves."""
    step = project.pipeline.step(step_name)
    names = {name for module in modules for name in imports_of(ast.parse(module.text), "") if not name.startswith(".")}
    own = {module.name.partition(".")[0] for module in modules}
    outside = [name for name in names if name.partition(".")[0] not in own]
    return sorted(project.importer.follow(outside, step.notebook, step.kernel).distributions)


def defined_names(modules: list[Module]) -> list[str]:
    """The dotted names of classes and functions that exported cells define: whoever tagged them has reviewed them."""
    return [f"{module.name}.{node.name}" for module in modules if module.text.startswith(HEAD.partition("{")[0])
            for node in ast.parse(module.text).body
            if isinstance(node, ast.ClassDef | ast.FunctionDef)]
