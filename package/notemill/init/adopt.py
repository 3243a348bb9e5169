"""`notemill init .` where there are notebooks: a pipeline.yaml that runs them as they are."""

from dataclasses import dataclass
from pathlib import Path

from notemill.errors import UsageError
from notemill.init.found import Found, Left, find_notebooks
from notemill.init.laying import lay_out
from notemill.init.names import project_name, step_name
from notemill.init.quote import comment, text
from notemill.pipeline import FILE

HEAD = """\
# The notebooks and scripts that were found, in the order of their names, one after the other: as they are, with the
# parameters of their own `parameters` cells. Notemill does not know yet what they read and write. Where you say so, it
# runs only what changed, and hands files over:
#   inputs: {table: data/table.csv}     the notebook gets the path in its parameter `table`
#   outputs: {model: model.skops}       likewise; another step takes it by `inputs: {model: train.model}`,
#                                       and no longer needs its `after:`
"""


@dataclass(frozen=True)
class Adopted:
    """What init made of a folder with notebooks."""

    folder: Path
    name: str
    steps: dict[str, Found]
    left: tuple[Left, ...]


def adopt(folder: Path, name: str | None = None) -> Adopted:
    """Write notebooks/pipeline.yaml. Raises UsageError where there is one, or nothing that it could run."""
    if (folder / FILE).exists():
        raise UsageError(str(folder / FILE), "is there already: this is a project",
                         hint="notemill run; or name another folder for a new one")
    found, left = find_notebooks(folder) if folder.is_dir() else ([], [])
    if not found:
        raise UsageError(str(folder), "has no notebook and no script to run",
                         "notemill init DIR --data FILE --target COLUMN makes a project from a table",
                         "to try it: notemill init DIR --data sklearn:breast_cancer --target target")
    steps: dict[str, Found] = {}
    for one in found:
        steps[step_name(Path(one.path).stem, steps)] = one
    name = project_name(folder, name)
    lay_out(folder, {FILE: pipeline_text(name, steps).encode()})
    return Adopted(folder, name, steps, tuple(left))


def pipeline_text(name: str, steps: dict[str, Found]) -> str:
    """pipeline.yaml: each step after the one before it."""
    lines, before = [], None
    for step, found in steps.items():
        lines += [f"  {step}:", f"    notebook: {text(from_notebooks(found.path))}"]
        lines += [f"    kernel: {text(found.kernel)}"] if found.kernel else []
        lines += [f"    after: [{before}]"] if before else []
        lines += [f"    # its parameters: {comment(', '.join(found.parameters), 150)}"] if found.parameters else []
        before = step
    return HEAD + "\n".join([f"name: {text(name)}", "steps:", *lines]) + "\n"


def from_notebooks(path: str) -> str:
    """A path in the project as pipeline.yaml has it: relative to notebooks/."""
    return path.removeprefix("notebooks/") if path.startswith("notebooks/") else f"../{path}"
