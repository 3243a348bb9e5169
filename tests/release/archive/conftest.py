"""A registered version with a run, a ledger and attempts, and its archive; no kernel and no MLflow."""

import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import skops.io
from model_samples import VERDICT, make_version, mixed_files, train
from sklearn.preprocessing import FunctionTransformer
from tiny import make_project, notebook

from notemill.files import canonical_json, sha256_text
from notemill.project import open_project
from notemill.registry import open_records
from notemill.release import export

SECRET = "hunter2-hunter2"  # pragma: allowlist secret
CODE = {"tools/__init__.py": "", "tools/numbers.py": "FACTOR = 2.0  # a remark\n",
        "mixed/train.py": "import os, tools.numbers\nimport tools.numbers as n\nimport tools\n"
                          "from tools import numbers\n\n\ndef stretch(x):\n"
                          "    from tools.numbers import FACTOR\n    return x * FACTOR\n"}


def stretch(table):
    return table


@dataclass
class Case:
    """A project, and what is registered in it."""

    root: Path
    manifest: dict
    secret: str = SECRET

    @property
    def project(self):
        return open_project(self.root, {"TOKEN": SECRET, "HOME": str(self.root.parent)})

    @property
    def records(self):
        return open_records(self.project)

    def export(self, target, **environ):
        project = open_project(self.root, {"TOKEN": SECRET, "HOME": str(self.root.parent), **environ})
        return export(project, self.records, self.manifest, target)


def keep_run(project, run):
    """A run of one step, whose report is kept, and of one whose executed notebook lies in the store alone."""
    root, add = project.root, project.store.add_bytes
    cells = notebook(f"print('{root}/.notemill/runs/{run}/train/model.skops')", "1")
    steps = [{"step": name, "notebook": f"notebooks/{name}.ipynb", "status": "done", "origin_run": run,
              "params": {"table": f"{root.parent}/outside/x.csv"}, "inputs": {}, "outputs": {}, "warnings":
              [f"{root}/package/a.py: slow, {SECRET}"], "executed": {"sha256": add(json.dumps(cells).encode())}}
             for name in ("prepare", "train")]
    record = {"format": 1, "run": run, "project": "mixed", "status": "done", "started": "2026-11-20T10:00:00+00:00",
              "machine": {"host": "alice-laptop", "cpus": 2}, "steps": steps,
              "git": {"commit": "a" * 40, "diff": add(f"+token = '{SECRET}'\n+place = '{root}'\n".encode())},
              "environment": {"python": "3.11", "distributions": add(b'{"numpy": "2.4.0"}')}}
    folder = project.runs / run
    (folder / "reports").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "reports" / "train.html").write_text(f"<p>kept, of {root}/notebooks</p>", encoding="utf-8")


def keep_ledger(records, manifest, moves=3):
    """Some entries, as promotions leave them."""
    previous, digest = None, sha256_text(canonical_json(manifest))
    for number in range(1, moves + 1):
        entry = {"format": 1, "number": number, "previous": previous, "name": manifest["name"],
                 "at": f"2026-11-20T1{number}:00:00+00:00", "by": "Ada <ada@example.org>", "move": "approve",
                 "version": 3, "content": manifest["content"], "manifest": digest, "from": None, "reason": "good",
                 "run": None, "verdict": None, "risk": "low", "author": None, "notes": []}
        text = canonical_json({**entry, "sha256": sha256_text(canonical_json(entry))}) + "\n"
        records.place_.create(f"ledger/{manifest['name']}/{number:08}.json", text.encode())
        previous = sha256_text(text)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("linear")
    return train(folder, **mixed_files(folder))


@pytest.fixture(scope="session")
def whole(tmp_path_factory, trained):
    """The case, which nobody may change."""
    root = make_project(tmp_path_factory.mktemp("archive") / "project", name="mixed", secrets=["TOKEN"], steps={
        "train": {"notebook": "train.ipynb", "outputs": {"model": "model.skops"}}},
        notebooks={"train.ipynb": notebook("1", parameters="model = ''")})
    project = open_project(root, {"TOKEN": SECRET})
    records = open_records(project)
    manifest = own_types(records, make_version(records, trained, code=CODE, types=["mixed.train.stretch"]))
    keep_run(project, "r1")
    keep_ledger(records, manifest)
    records.note_attempt("d" * 64, manifest["content"], {"run": "r1", "verdict": "passed"})
    records.note_attempt("d" * 64, "e" * 64, {"run": "r0", "verdict": "refused"})
    shutil.rmtree(root / ".notemill-records" / "bundle")
    return Case(root, {**manifest, "version": 3})


def own_types(records, manifest):
    """The same with a model that is made of a function of the project's own."""
    from notemill.registry import content_of

    module, stretch.__module__ = stretch.__module__, "mixed.train"
    model = skops.io.dumps(FunctionTransformer(stretch))
    stretch.__module__ = module
    changed = {**manifest, "files": {**manifest["files"], "model.skops": records.add(model),
                                     "verdict.html": records.add(b"<h1>passed</h1>")}}
    verdict = {**VERDICT, "content": content_of(changed)}
    proof = {"subject": [{"name": "model.skops", "digest": {"sha256": changed["files"]["model.skops"]}}]}
    changed["files"] |= {"verdict.json": records.add(json.dumps(verdict).encode()),
                         "provenance.json": records.add(json.dumps(proof).encode())}
    return {**changed, "content": content_of(changed)}


@pytest.fixture
def case(whole, tmp_path):
    """A copy to change."""
    return Case(shutil.copytree(whole.root, tmp_path / "project"), whole.manifest)


@pytest.fixture(scope="session")
def archive(whole, tmp_path_factory):
    """The archive, unsigned."""
    target = tmp_path_factory.mktemp("written") / "mixed.zip"
    whole.export(target)
    return target


@pytest.fixture
def unpacked(archive, tmp_path):
    """Its folder."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked" / "mixed-3"
