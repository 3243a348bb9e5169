"""Two checkouts of a tiny project that share a store, and what their steps left. `from shared_samples import ...`."""

import json
import os
import shutil
import subprocess

from tiny import cli, command, make_project, notebook

from notemill.plan import Options, get_ready
from notemill.project import open_project
from notemill.run.sharing import settled

STEPS = {"a": {"notebook": "a.ipynb", "outputs": {"out": "a.txt"}},
         "b": {"notebook": "b.ipynb", "inputs": {"data": "a.out"}, "outputs": {"out": "b.txt"}},
         "c": {"notebook": "c.ipynb", "inputs": {"data": "b.out"}, "outputs": {"out": "c.txt"}}}
SECOND_NAMESPACE = "mount --bind {0} {0} && mount -o remount,ro,bind {0} && exec \"$@\""


class Team:
    """Checkouts `one`, `two`, ... of the same project; each step notes in a file that it was executed."""

    def __init__(self, base, store="../shared", ran_file=None):
        self.base, self.store, self.ran_file = base, store, ran_file or base / "ran"

    def checkout(self, name, **more):
        cell = (f"open({str(self.ran_file)!r}, 'a').write(name)\n"
                "open(out, 'w').write(name + (open(data).read() if data else ''))")
        return make_project(self.base / name, **({"store": self.store} if self.store else {}), steps=STEPS, notebooks={
            f"{step}.ipynb": notebook(cell, parameters=f"name = '{step}'\nout = ''\ndata = ''") for step in "abc"},
            **more)

    def ran(self):
        """The steps that were executed since this was last asked."""
        text = self.ran_file.read_text() if self.ran_file.exists() else ""
        self.ran_file.unlink(missing_ok=True)
        return text

    def run(self, project, *args):
        """A run that ends well: its JSON."""
        done = cli("run", "--offline", "--json", *args, project=project)
        assert done.code == 0, done.err
        return done.json


def actions(told):
    return {step["step"]: step["action"] for step in told["steps"]}


def reasons(told):
    return {step["step"]: step["reasons"] for step in told["steps"]}


def planned(project, *args):
    told = cli("plan", "--json", *args, project=project)
    assert told.code == 0, told.err
    return told.json


def taken(project):
    """({step: action}, {step: reasons}, what was told) of a run that then executes nothing."""
    opened = open_project(project)
    steps = settled(opened, get_ready(opened, Options()), Options()).steps
    return {one.step: one.action for one in steps}, {one.step: list(one.reasons) for one in steps}, opened.remote.told


def objects(folder):
    return sorted(path for path in (folder / "objects").rglob("*") if path.is_file())


def result_of(folder, step):
    """(file, facts) of a step's result in a shared folder."""
    found = [(path, facts) for path in (folder / "results").glob("*.json")
             if (facts := json.loads(path.read_text()))["step"] == step]
    assert len(found) == 1
    return found[0]


def object_of(folder, sha256):
    return folder / "objects" / sha256[:2] / sha256[2:]


def overwrite(path, data):
    """What the store itself never does."""
    path.chmod(0o644)
    path.write_bytes(data)


def read_only(folder, *words, project=None, **environ):
    """`notemill WORDS` in a process for which `folder` may really only be read: (exit code, output, errors)."""
    script = SECOND_NAMESPACE.format(str(folder))
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", *command(*words, project=project)],
                          capture_output=True, text=True, timeout=300, env={**os.environ, **environ})
    return done.returncode, done.stdout, done.stderr


def can_unshare():
    """Whether this user may have a mount of his own."""
    return shutil.which("unshare") is not None and subprocess.run(
        ["unshare", "--mount", "true"], capture_output=True).returncode == 0
