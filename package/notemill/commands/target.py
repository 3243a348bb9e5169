"""Where a command may write: not over what the project needs, and not over what is no file."""

from collections.abc import Iterator
from pathlib import Path

from notemill.commands.look import check_folder
from notemill.errors import UsageError
from notemill.project import Project
from notemill.sources import FileSource

PAGE, ARCHIVE = (".html", ".htm"), (".zip",)
HUMAN = "model_card.md"
OWN = ("notebooks", "package", ".notemill", ".notemill-records", ".git")  # folders of a project


def check_target(project: Project, file: Path, suffixes: tuple[str, ...]) -> None:
    """Raise UsageError where the file may not be written, by its name or by what is there."""
    check_folder(file)
    if file.suffix.lower() not in suffixes:
        raise UsageError(str(file), "does not say what is to be written", f"a name that ends in {suffixes[0]}")
    if file.is_symlink():
        raise UsageError(str(file), "is a link, and would be replaced", "a plain file, or a new name",
                         f"the file it leads to: {file.resolve()}")
    if file.exists() and not file.is_file():
        raise UsageError(str(file), "is there, and is no plain file", "a plain file, or a new name")
    if is_needed(project, file):
        raise UsageError(str(file), "is the project's own, and would be overwritten", "another name",
                         "what people write of the model stands in model_card.md; the card takes it from there"
                         if file.name == HUMAN else None)


def is_needed(project: Project, file: Path) -> bool:
    """Whether the project is made of it: people's words, the pipeline, notebooks, modules, records, source data."""
    path = file.absolute().parent.resolve() / file.name
    if any(path.is_relative_to(project.root / folder) for folder in OWN):
        return True
    return any(path == one or (path.exists() and one.exists() and path.samefile(one)) for one in needed(project))


def needed(project: Project) -> Iterator[Path]:
    pipeline = project.pipeline
    yield from (project.root / HUMAN, pipeline.path, *filter(None, [pipeline.contract]))
    for step in pipeline.steps.values():
        yield project.root / step.notebook
        yield from (project.root / named.path for named in step.inputs.values() if isinstance(named, FileSource))
