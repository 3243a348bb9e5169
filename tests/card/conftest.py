"""A project with slices, fairness, a contract and hostile names, run and registered once; and facts made by hand."""

import json
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from model_samples import VERDICT
from tiny import Result, cli, code, make_project, run, write

from notemill import card

sys.path.insert(0, str(Path(__file__).parent))
from card_samples import (  # noqa: E402  (a folder of tests is no package)
    CONTRACT, GATE, MANIFEST, PREPARE, RECORD, STEPS, TRAIN, WORDS, git, human_file, make_schema, table)


@dataclass(frozen=True)
class Registered:
    """A project with one registered version."""

    root: Path
    result: Result

    def cli(self, *words):
        return cli("card", *words, project=self.root)

    @property
    def manifest(self):
        (path,) = (self.root / ".notemill-records" / "versions").glob("*.json")
        return json.loads(path.read_text())

    def object(self, sha256):
        return self.root / ".notemill-records" / "objects" / sha256[:2] / sha256[2:]

    def file(self, name):
        return self.object(self.manifest["files"][name]).read_bytes()

    @property
    def facts(self):
        return json.loads(self.file("card.json"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id):
    """`shared(name, make)`: a folder that `make(root)` fills once for all of xdist's workers, and what it gave."""
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent

    def get(name, make):
        root, told = base / f"card-{name}" / "project", base / f"card-{name}.json"
        with FileLock(base / f"card-{name}.lock"):
            if not told.exists():
                told.write_text(json.dumps(make(root)))
        return root, json.loads(told.read_text())
    return get


@pytest.fixture(scope="session")
def made(shared):
    """The project, run offline; nothing is registered."""
    def make(root):
        make_project(
            root, name="tiny.Card", steps=STEPS, gate=GATE, contract="contract.yaml",
            notebooks={"prepare.ipynb": [code('source = train = test = schema = ""', tags=["parameters"]), PREPARE],
                       "train.ipynb": [code('data = model = ""\ndepth = 1', tags=["parameters"]), TRAIN]},
            files={"data/in.csv": table(), ".gitignore": ".notemill*\n",
                   "notebooks/contract.yaml": yaml.safe_dump(CONTRACT)})
        git(root, "init", "--quiet")
        git(root, "add", ".")
        git(root, "commit", "--quiet", "-m", "first")
        result = run(root, OMP_NUM_THREADS="1")
        assert result.code == 0, result.err

    return shared("made", make)[0]


@pytest.fixture(scope="session")
def once(made, shared):
    """Registered with a low risk and half of the human sections."""
    def make(root):
        shutil.copytree(made, root)
        words = {title: WORDS[title] for title in ("Intended use", "Owner")}
        write(root / "model_card.md", human_file({"author": "Ada", "reviewed": "2026-01-05"}, **words, Mine="my own"))
        result = cli("register", project=root)
        assert result.code == 0, result.err
        return asdict(result)

    root, result = shared("once", make)
    return Registered(root, Result(**result))


@pytest.fixture
def registered(once, tmp_path):
    """A copy that a test may spoil."""
    return Registered(shutil.copytree(once.root, tmp_path / "project"), once.result)


@pytest.fixture
def project(made, tmp_path):
    """A copy without any version."""
    return shutil.copytree(made, tmp_path / "project")


@pytest.fixture
def facts():
    """`facts(manifest={...}, verdict=..., schema=..., record=...)`: what card.json holds."""
    def make(**more):
        given = {"manifest": {**MANIFEST, **more.get("manifest", {})}, "verdict": more.get("verdict", VERDICT),
                 "schema": more.get("schema", make_schema()), "record": {**RECORD, **more.get("record", {})}}
        return card.collect(*given.values(), tables=more.get("tables", {}), contract=more.get("contract"))
    return make
