"""Tiny projects made from Python data, and the command line called on them. `from tiny import make_project, ...`."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """Standard output as the one JSON object that it must be."""
        return json.loads(self.out)


def code(source, *, tags=(), **metadata):
    """A code cell."""
    return {"cell_type": "code", "source": source, "metadata": {**metadata, **({"tags": list(tags)} if tags else {})},
            "outputs": [], "execution_count": None}


def markdown(source):
    """A text cell."""
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def notebook(*cells, parameters=None, kernel="python3", language="python"):
    """nbformat's dictionary. A cell is its code, or what `code` and `markdown` give; `parameters` is the first cell."""
    first = [] if parameters is None else [code(parameters, tags=["parameters"])]
    made = [*first, *(code(cell) if isinstance(cell, str) else dict(cell) for cell in cells)]
    return {"nbformat": 4, "nbformat_minor": 5, "cells": [{"id": f"c{n}", **cell} for n, cell in enumerate(made, 1)],
            "metadata": {"kernelspec": {"name": kernel, "display_name": "Python 3", "language": language}}}


def make_project(root, *, steps=None, notebooks=None, files=None, pipeline=None, **more):
    """A project at `root`; returns `root`.

    `steps` and `more` (params, gate, env, ...) become pipeline.yaml, or `pipeline` is its text. `notebooks`: name ->
    what `notebook` gives, a list of cells, or text. `files`: path in the project -> text or bytes.
    """
    text = pipeline if pipeline is not None else yaml.safe_dump({"name": "tiny", **more, "steps": steps or {}},
                                                                sort_keys=False)
    write(root / "notebooks" / "pipeline.yaml", text)
    for name, content in (notebooks or {}).items():
        write_notebook(root / "notebooks" / name, content)
    for name, content in (files or {}).items():
        write(root / name, content)
    return root


def write(path, content):
    """Text or bytes, in folders that are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_notebook(path, content):
    """What `notebook` gives, a list of cells, or text as it is."""
    content = notebook(*content) if isinstance(content, list | tuple) else content
    return write(path, content if isinstance(content, str | bytes) else json.dumps(content, indent=1))


def cli(*args, project=None):
    """`notemill ARGS` within this process."""
    from notemill.cli import main

    out, err = io.StringIO(), io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(_words(args, project))
        ended = 0
    except SystemExit as done:
        ended = done.code or 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return Result(ended, out.getvalue(), err.getvalue())


def cli_process(*args, project=None, timeout=120, **environ):
    """`python -m notemill ARGS` in a process of its own, with `environ` added."""
    done = subprocess.run(command(*args, project=project), capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **environ})
    return Result(done.returncode, done.stdout, done.stderr)


def command(*args, project=None):
    """The words of that process, for tests that start it themselves."""
    return [sys.executable, "-m", "notemill", *_words(args, project)]


def _words(args, project):
    return [*map(str, args), *(["--project", str(project)] if project is not None else [])]


def run(project, *args, **environ):
    """`notemill run --offline ARGS` in a process of its own: kernels leave sockets behind for pytest to warn of."""
    return cli_process("run", "--offline", *args, project=project, **environ)


def plan(project, *args):
    """`notemill plan` as {step: (action, [reasons])}."""
    result = cli("plan", "--json", *args, project=project)
    assert result.code == 0, result.err
    return {step["step"]: (step["action"], step["reasons"]) for step in result.json["steps"]}


def last_record(project):
    """run.json of the newest run."""
    return json.loads(max(Path(project).glob(".notemill/runs/*/run.json")).read_text())


def pretend_run(root, name="20260101-000000-aaaa", **texts):
    """Leave what a run of all steps leaves, without kernels. An output holds `texts`[STEP_NAME], else "STEP.NAME"."""
    from notemill.plan import Options, get_ready, outputs_of, plan_step
    from notemill.project import open_project

    project, known, steps = open_project(root), {}, []
    for step, ready in get_ready(project, Options()).items():
        planned = plan_step(project, ready, known, Options())
        outputs = {key: {"file": file, **_kept(project, texts.get(f"{step}_{key}", f"{step}.{key}"))}
                   for key, file in ready.step.outputs.items()}
        result = {"outputs": outputs, "executed": _kept(project, json.dumps(notebook("1"))), "metrics": {},
                  "origin_run": name, "warnings": [], "stored_bytes": 1}
        facts = {"components": planned.components, "fingerprint": planned.fingerprint, "status": "done"}
        project.keep_result(planned.fingerprint, result)
        project.keep_latest(step, {**facts, "cell_numbers": [cell.number for cell in ready.notebook.cells],
                                   "cell_texts": [cell.digest for cell in ready.notebook.cells]})
        known.update(outputs_of(step, result))
        steps.append({**result, **facts, "step": step, "action": "run", "params": dict(ready.params),
                      "inputs": dict(planned.inputs)})
    project.save()
    write(project.runs / name / "run.json", json.dumps({
        "format": 1, "run": name, "status": "done", "started": "2026-01-01T00:00:00+00:00", "steps": steps}))
    return root


def _kept(project, text):
    return {"sha256": project.store.add_bytes(text.encode()), "bytes": len(text.encode())}
