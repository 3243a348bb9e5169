"""A pull request's build: its steps come from the shared store, its champion from records that it may only read."""

import json
import shutil

import pytest
from ledger_samples import ADA
from own_model import EXPORTED, FILES, PREPARE, TRAIN
from shared_samples import can_unshare, read_only
from tiny import cli, code, make_project

from notemill.project import open_project
from notemill.registry import open_records

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not can_unshare(), reason="this user may not mount")]
WORSE = TRAIN.replace('rows["answer"].to_numpy', 'rows["answer"].sample(frac=1, random_state=1).to_numpy')


def checkout(root, train=TRAIN, **more):
    steps = {"prepare": {"notebook": "prepare.ipynb",
                         "outputs": {"train": "train.parquet", "test": "test.parquet", "schema": "schema.json"}},
             "train": {"notebook": "train.ipynb", "inputs": {"data": "prepare.train"},
                       "outputs": {"model": "model.skops"}}}
    return make_project(
        root, steps=steps, name="tiny", gate={"model": "train.model", "data": "prepare.test",
                                              "schema": "prepare.schema", "metric": "accuracy"}, **more,
        notebooks={"prepare.ipynb": [code('train = test = schema = ""', tags=["parameters"]), PREPARE],
                   "train.ipynb": [code('data = model = ""', tags=["parameters"]), code(EXPORTED, tags=["export"]),
                                   train]}, files={**FILES, "README.md": str(root)})


@pytest.fixture(scope="module")
def main(tmp_path_factory):
    """What main's builds left: a shared store, and records with a champion. Their MLflow is not there any more."""
    base = tmp_path_factory.mktemp("main")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTEMILL_STORE", str(base / "store"))
        patch.setenv("NOTEMILL_RECORDS", str(base / "records"))
        patch.setenv("OMP_NUM_THREADS", "1")
        root = checkout(base / "checkout")
        for words in (["run", "--offline"], ["register"], ["promote", "1", "--by", ADA]):
            told = cli(*words, project=root)
            assert told.code == 0, told.err
    assert not (root / ".notemill-records").exists()
    shutil.move(root, base / "gone")
    return base


@pytest.fixture
def variables(main, monkeypatch):
    """What a build is told."""
    for name in ("STORE", "RECORDS"):
        monkeypatch.setenv(f"NOTEMILL_{name}", str(main / name.lower()))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def call(main, variables):
    """notemill, where all that main's builds left may only be read: (exit code, JSON, errors)."""
    def call_it(*words, project):
        code, out, err = read_only(main, *words, "--json", project=project)
        return code, json.loads(out), err

    return call_it


def state(folder):
    return {path: path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def check_of(verdict, name):
    return next(check for check in verdict["checks"] if check["check"] == name)


def compared(verdict):
    return check_of(verdict, "champion")["hint"]


def test_what_a_pull_request_takes_and_makes(main, call, tmp_path, monkeypatch):
    root, before = checkout(tmp_path / "build"), state(main)
    code, told, err = call("run", "--offline", project=root)
    assert code == 0 and {step["action"] for step in told["steps"]} == {"reuse"} and told["warnings"] == []

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    code, verdict, err = call("gate", project=root)
    assert (code, check_of(verdict, "champion")["figure"]) == (0, 0) and "the champion (version 1)" in compared(verdict)
    assert "http://127.0.0.1:9 cannot be reached" in err and "the champion is version 1, as the ledger says" in err

    monkeypatch.setenv("NOTEMILL_RECORDS", "trial/records")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'trial.db'}")
    code, told, err = call("register", project=root)
    assert (code, told["version"], told["champion"]) == (0, 1, False), err
    code, wheel, err = call("package", project=root)
    assert (code, wheel["version"]) == (0, 1) and list((root / "dist").glob("tiny_model-1*.whl"))
    assert state(main) == before and not (root / ".notemill-records").exists()
    (kept,) = (root / "trial" / "records" / "versions").iterdir()
    run = json.loads(kept.read_text())["run"]  # the one that trained it, not the one that reused it
    assert (main / "gone/.notemill/runs" / run / "run.json").is_file() and open_project(root).record(run) is None


def test_who_is_worse_than_mains_champion_is_refused(main, call, tmp_path):
    root, before = checkout(tmp_path / "build", WORSE), state(main)
    code, told, err = call("run", "--offline", project=root)
    assert code == 0 and told["warnings"] == [
        f"the shared store {main / 'store'} may only be read here: what this run makes is not shared"]
    code, verdict, err = call("gate", project=root)
    assert code == 3 and check_of(verdict, "champion")["outcome"] == "refused"
    assert err == (f"note: the records in {main / 'records'} may only be read: nothing is written there, nor that this "
                   "model was judged on these rows\n")
    assert state(main) == before


def test_main_judges_beside_its_champion(main, variables, tmp_path):
    root = checkout(tmp_path / "next")
    assert cli("run", "--offline", project=root).code == 0
    told = cli("gate", "--json", project=root)
    assert (told.code, told.err) == (0, "") and "the champion (version 1)" in compared(told.json)


def test_results_of_a_run_that_nobody_knows_can_be_registered(main, variables, tmp_path, monkeypatch):
    """As those of a project that had another name then."""
    shutil.copytree(main / "store", tmp_path / "store")
    shutil.rmtree(tmp_path / "store" / "runs")
    monkeypatch.setenv("NOTEMILL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("NOTEMILL_RECORDS", str(tmp_path / "records"))
    root = checkout(tmp_path / "next")
    told = cli("run", "--json", project=root)
    assert told.code == 0 and {step["action"] for step in told.json["steps"]} == {"reuse"}
    told = cli("register", "--json", project=root)
    assert (told.code, told.json.get("version")) == (0, 1), told.err or told.out


def test_records_may_be_named_by_the_environment(tmp_path, monkeypatch):
    root = checkout(tmp_path / "build", records="../elsewhere")
    monkeypatch.setenv("NOTEMILL_RECORDS", str(tmp_path / "records"))
    assert open_records(open_project(root)).root == tmp_path / "records"
    monkeypatch.setenv("NOTEMILL_RECORDS", "gs://x")
    told = cli("ledger", project=root)
    assert told.code == 2 and "NOTEMILL_RECORDS: 'gs://x' is no place for records" in told.err
    monkeypatch.setenv("NOTEMILL_RECORDS", " ")
    assert open_records(open_project(root)).root == root / "../elsewhere"
