"""`notemill warm`: the processes that kernels are forked from, where they outlive a run."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from notemill.commands.shared import print_json
from notemill.errors import UsageError
from notemill.execute.folders import own_folder
from notemill.execute.kernel import kernel_environment
from notemill.execute.warm import learnt
from notemill.execute.warm.before import changes_imports
from notemill.execute.warm.kept import all_kept, facts_of, stop_all, warm_up
from notemill.execute.warm.process import WarmProcess, key_of, lasting_environment, withheld
from notemill.interpreter import WARM
from notemill.notebook import load_cells
from notemill.pipeline import Step
from notemill.project import Project, open_project
from notemill.text import duration, style_for, table
from notemill.warmth import VARIABLE, keep_warm


def warm(folder: Path, status: bool, stopping: bool, *, as_json: bool) -> None:
    """Warm up, or tell how things are, or stop."""
    if status and stopping:
        raise UsageError("notemill warm", "--status and --stop are two things", hint="one after the other")
    if stopping:
        tell_stopped(stop_all(), as_json)
    elif status:
        tell(facts(all_kept()), [], as_json)
    else:
        check_possible()
        project = open_project(folder)
        found = list(warm_up_project(project))
        project.save()
        news = {process.folder.name for process, is_new in found if is_new}
        tell(facts(dict.fromkeys(process for process, _ in found), news), notes_for(project, found), as_json)


def check_possible() -> None:
    """Raises UsageError where there are no warm processes."""
    if sys.platform != "linux":
        raise UsageError("notemill warm", f"there are no warm processes on {sys.platform}: a fork is not safe there",
                         hint="notemill run works as ever, each notebook in a kernel of its own")
    if own_folder() is None:
        raise UsageError("notemill warm", "there is no safe place for a socket that others may not reach",
                         "XDG_RUNTIME_DIR or the temporary folder, writable, with a short name, this user's alone",
                         "notemill run works as ever; its warm process ends with it")


def warm_up_project(project: Project) -> Iterator[tuple[WarmProcess, bool]]:
    """A process for each environment that the project's steps have. Raises WarmError."""
    wanted: dict[str, list] = {}
    for step in project.pipeline.steps.values():
        if step.kernel == WARM:
            env = kernel_environment(project.environ, (*step.env, *step.secrets), 1)
            bare = is_bare(project, step)
            key = key_of(lasting_environment(env, step.secrets), bool(withheld(env, step.secrets)), bare)
            one = wanted.setdefault(key, [env, step.secrets, bare, []])
            one[3] += [] if bare else names_for(project, step, env)
    for env, secrets, bare, names in wanted.values():
        yield warm_up(env, secrets, dict.fromkeys(names), bare=bare)


def is_bare(project: Project, step: Step) -> bool:
    """Whether nothing may be imported before the step's notebook."""
    cells = load_cells(step.notebook, step.notebook.read_bytes(), project.name_of(step.notebook))
    beside = learnt.beside(step.notebook.parent, project.root)
    return changes_imports(cells, project.notebook(step).imports, beside)


def names_for(project: Project, step: Step, env: dict) -> list[str]:
    """What the step's notebook imports, as far as it may be imported beforehand."""
    beside = learnt.beside(step.notebook.parent, project.root)
    return learnt.to_import(project.notebook(step).imports, bool(withheld(env, step.secrets)), beside)


def facts(processes: Iterable[WarmProcess], news: Iterable[str] = ()) -> list[dict]:
    """How each of them is."""
    found = [(process, facts_of(process)) for process in processes]
    return [{**told, "new": process.folder.name in news} for process, told in found if told]


def notes_for(project: Project, found: list) -> list[str]:
    """What to know beside it."""
    if not found:
        return ["no step of this project has a kernel that is forked from a warm process"]
    if keep_warm(project.environ, terminal=True):
        return []
    why = f"{VARIABLE}=0" if project.environ.get(VARIABLE) else "CI is set"
    return [f"{why}: `notemill run` does not use it; {VARIABLE}=1 says otherwise"]


def tell(found: list[dict], notes: list[str], as_json: bool) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)
    if as_json:
        print_json({"processes": found, "notes": notes, "error": None})
    elif found:
        head = ["process", "since", "memory", "kernels", "running", "idle", "ends"]
        click.echo(table(head, list(map(row, found)), style_for(sys.stdout)))
        what = "it" if len(found) == 1 else "them"
        click.echo(f"\nnotemill warm --stop ends {what} now, or when the kernels that run have ended")
    elif not notes:
        click.echo("no warm process is there: notemill warm")


def row(told: dict) -> list[str]:
    since = told["began"].replace("T", " ")[:16] + " UTC"
    if not told["answers"]:
        return [str(told["pid"]), since, "", "", "", "", "does not answer"]
    kernels = f"{told['running']} kernel{'' if told['running'] == 1 else 's'}"
    ends = f"after {kernels}" if told["running"] else f"in {duration(told['ends_in'])}"
    return [str(told["pid"]), since, f"{told['memory_mb']:.0f} MB", str(told["served"]), str(told["running"]),
            duration(told["idle"]), ends]


def tell_stopped(stopped: list[dict], as_json: bool) -> None:
    if as_json:
        print_json({"stopped": stopped, "error": None})
        return
    click.echo(f"stopped: {len(stopped)} warm process{'' if len(stopped) == 1 else 'es'} of user {user()}")
    for one in stopped:
        if one["running"]:
            click.echo(f"  {one['pid']} takes no new kernels and ends after its kernels: {one['running']}")


def user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "this"
