"""A project is written whole, from its table, and never over what is there."""

import os
import subprocess
from pathlib import Path

import pandas
import pytest
import yaml
from init_samples import HEAD, HOSTILE, csv_text
from tiny import run

import notemill
from notemill import code
from notemill.contract import check, load
from notemill.init import laying
from notemill.init.files import TEMPLATES
from notemill.init.starter import template
from notemill.memory import Memory
from notemill.notebook import read_notebook
from notemill.release.deploy import read_targets

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "notebooks/pipeline.yaml", "notebooks/contract.yaml", "notebooks/prepare.ipynb", "notebooks/train.ipynb",
    "notebooks/evaluate.ipynb", "package/project/__init__.py", "setup.py", "noxfile.py", "tests/test_exported.py",
    "tests/test_pipeline.py", ".drone.yml", "Dockerfile", ".dockerignore", "model_card.md", ".pre-commit-config.yaml",
    ".flake8", "deploy/targets.yaml",
    ".gitignore", "README.md", "constraints.txt", "data/in.csv"}


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(folder).parts}


def pipeline_of(folder):
    return yaml.safe_load((folder / "notebooks" / "pipeline.yaml").read_bytes())


@pytest.fixture
def made(init, table, rows, tmp_path):
    done = init(table(rows), "bought", "--owner", "Ada L.", "--purpose", "Who buys.", "--risk", "high")
    assert done.code == 0, done.err
    return tmp_path / "project"


def test_all_files_are_there(made):
    there = files_of(made)
    wheels = {name for name in there if name.startswith("wheels/")}
    assert there - wheels == FILES
    assert not list(made.parent.glob(".notemill-init-*")) and not list(made.glob(".notemill-init-*"))


def test_the_notebooks_are_the_starters(made):
    for name in ("prepare", "train", "evaluate"):
        path = Path("notebooks", f"{name}.ipynb")
        assert (made / path).read_bytes() == (ROOT / path).read_bytes()


def test_the_pins_say_whose_they_are(made):
    lines = (made / "constraints.txt").read_text().splitlines()
    assert lines[0].startswith("# The versions with which Notemill 0.")
    assert "==" in lines[1] and "#" not in "".join(lines[1:])


def test_the_table_is_copied_as_it_is(made, tmp_path):
    assert (made / "data" / "in.csv").read_bytes() == (tmp_path / "in.csv").read_bytes()


def test_the_table_keeps_the_contract(made):
    result = check(load(made / "notebooks" / "contract.yaml"), made / "data" / "in.csv")
    assert (result.breaches, result.rows) == ((), 120)


def test_pipeline(made):
    pipeline = pipeline_of(made)
    assert (pipeline["name"], pipeline["task"], pipeline["risk"]) == ("project", "classification", "high")
    assert pipeline["steps"]["prepare"]["inputs"] == {"source": "data/in.csv", "contract": "notebooks/contract.yaml"}
    assert pipeline["steps"]["prepare"]["params"] == {
        "target": "bought", "task": "classification", "positive": "yes", "split": "stratified", "test_size": 0.3}
    assert "floor" not in pipeline["gate"] and pipeline["gate"]["metric"] == "roc_auc"
    assert set(pipeline["smoke"]) == {"train", "evaluate"}


def test_every_parameter_is_one_of_its_notebook(made):
    pipeline = pipeline_of(made)
    for name, step in pipeline["steps"].items():
        path = made / "notebooks" / step["notebook"]
        known = read_notebook(path, Memory(Path(os.devnull)), path.name).parameters
        asked = {*step["inputs"], *step["outputs"], *step.get("params", {}), *pipeline["smoke"].get(name, {})}
        assert asked <= set(known)


def test_the_card_says_who_and_what_for(made):
    card = (made / "model_card.md").read_text()
    assert 'owner: "Ada L."' in card and "\nWho buys.\n" in card and "reviewed:  " in card


def test_a_card_without_words_says_what_is_missing(init, table, rows, tmp_path):
    init(table(rows), "bought", "--owner", "Ada")
    card = (tmp_path / "project" / "model_card.md").read_text()
    assert 'owner: "Ada"' in card and "@purpose@" not in card and "-->\n\n\n\n## Out-of-scope uses" in card
    init(table(rows), "bought", "--purpose", "Who buys.", folder=tmp_path / "other")
    assert "\nowner:\n" in (tmp_path / "other" / "model_card.md").read_text()


def test_it_is_deployed_to_ports_of_its_own(made, init, table, rows, tmp_path):
    init(table(rows), "bought", folder=tmp_path / "other")
    first, second = (find_ports(folder) for folder in (made, tmp_path / "other"))
    assert not first & second and len(first | second) == 8 and all(20000 <= port < 30000 for port in first | second)


def find_ports(folder):
    found = read_targets(folder, folder.name)
    assert list(found) == ["laptop", "staging", "production"]
    return {port for name in ("staging", "production") for port in found[name].parts.values()}


def test_the_python_in_it_is_python(made):
    for path in made.rglob("*.py"):
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
        assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 120
    assert "@" not in "".join(line for line in (made / "setup.py").read_text() + (made / "Dockerfile").read_text())


def test_no_place_of_a_template_is_left(made):
    left = {name for name in FILES - {"constraints.txt", "notebooks/evaluate.ipynb", "notebooks/train.ipynb",
                                      "notebooks/prepare.ipynb", "data/in.csv"}
            if any(f"@{word}@" in (made / name).read_text() for word in ("name", "package", "python", "table", "risk"))}
    assert left == set()


def test_the_server_calls_nox_alone(made):
    text = (made / ".drone.yml").read_text()
    commands = [command for pipeline in yaml.safe_load_all(text) for step in pipeline["steps"]
                for command in step["commands"]]
    assert all(command.startswith("nox -s ") for command in commands) and f"step:{notemill.__version__}" in text
    words = [word for command in commands for word in command.partition(" -- ")[0].split()[2:]]
    sessions = {word for word in words if not word.startswith("--")}
    noxfile = (made / "noxfile.py").read_text()
    assert sessions == {"lint", "test", "train", "gate", "register", "package", "score", "image", "deploy", "approve"}
    assert all(f"def {session}(session" in noxfile for session in sessions)


def test_the_package_has_the_name_that_exported_code_gets(init, table, rows, tmp_path):
    assert init(table(rows), folder=tmp_path / "My-Model").code == 0
    assert (tmp_path / "My-Model" / "package" / code.package_name("My-Model") / "__init__.py").exists()


def test_this_repositorys_own_image_is_made_as_a_new_projects_is():
    own = template(TEMPLATES["Dockerfile"], {"python": "3.11"})
    assert (ROOT / "Dockerfile").read_text(encoding="utf-8") == own and "ARG BASE=python:3.11-slim" in own


# Where the table stands

def test_a_large_table_is_referred_to(init, table, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("notemill.init.project.SMALL", 100)
    path = table(rows, name="in [1].csv")
    done = init(path, "bought", "--json")
    assert done.json["data"] == {"kind": "referred", "source": f"{tmp_path}/in [[]1].csv", "read_as": []}
    assert not (tmp_path / "project" / "data").exists()
    copied = init(path, "bought", "--copy", folder=tmp_path / "other")
    assert "data/in-1.csv, a copy of in [1].csv" in copied.out
    assert (tmp_path / "other" / "data" / "in-1.csv").exists()


def test_a_table_in_the_project_stays_there(init, tmp_path, rows):
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "in.csv").write_text(csv_text(rows))
    assert init(folder / "data" / "in.csv").code == 0
    assert pipeline_of(folder)["steps"]["prepare"]["inputs"]["source"] == "data/in.csv"


def test_an_odd_table_in_the_project_gets_a_plain_copy_beside_it(init, tmp_path, rows):
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "in.csv").write_text(csv_text(rows, separator=";"))
    done = init(folder / "data" / "in.csv")
    assert "read as    separator ';'" in done.out
    assert pipeline_of(folder)["steps"]["prepare"]["inputs"]["source"] == "data/in-plain.csv"
    assert "# read so: separator ';'" in (folder / "notebooks" / "pipeline.yaml").read_text()
    assert (folder / "data" / "in-plain.csv").read_text() == csv_text(rows)


def test_a_table_of_scikit_learn_stays_where_it_is(init, tmp_path):
    done = init("sklearn:wine", "target", "--json")
    assert done.json["data"]["source"] == "sklearn:wine"
    assert pipeline_of(tmp_path / "project")["steps"]["prepare"]["inputs"]["source"] == "sklearn:wine"
    assert not (tmp_path / "project" / "data").exists()


def test_hostile_names_reach_the_notebook_as_they_are(init, table, tmp_path):
    for number, name in enumerate(name for name in HOSTILE if name.strip() and "\r" not in name):
        frame = pandas.DataFrame({name: ["p: q", "- r", "p: q"] * 10, "x": range(30), "other": [0.5, 1.25, 2.5] * 10})
        path = tmp_path / "in.parquet"
        frame.to_parquet(path, index=False)
        done = init(path, name, folder=tmp_path / f"p{number}")
        assert done.code == 0, done.err
        params = pipeline_of(tmp_path / f"p{number}")["steps"]["prepare"]["params"]
        assert (params["target"], params["positive"]) == (name, "- r")


# Never over what is there

def test_a_file_that_is_there_is_not_overwritten(init, table, rows, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    (folder / "notebooks").write_text("a file where a folder should be")
    done = init(table(rows))
    assert done.code == 2
    assert "README.md" in done.err and "notebooks" in done.err and "nothing was written" in done.err
    assert files_of(folder) == {"README.md", "notebooks"} and (folder / "README.md").read_text() == "mine"
    assert not (folder / ".git").exists()


def test_a_second_time_lists_what_is_there(made, init, table, rows):
    before = {name: (made / name).stat().st_mtime_ns for name in files_of(made)}
    done = init(table(rows))
    assert done.code == 2 and "notebooks/pipeline.yaml" in init(table(rows), "bought",
                                                                "--json").json["error"]["got"] + done.err
    assert {name: (made / name).stat().st_mtime_ns for name in files_of(made)} == before


def test_what_fails_midway_leaves_nothing(tmp_path, monkeypatch):
    real, calls = os.link, []

    def fails(source, target):
        calls.append(target)
        if len(calls) == 3:
            raise FileExistsError(target)
        real(source, target)

    monkeypatch.setattr(os, "link", fails)
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(Exception, match="has appeared"):
        laying.lay_out(tmp_path / "new" / "project", {"a/b": b"1", "c": b"2", "d": b"3"})
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


def test_a_folder_that_is_a_file(init, table, rows, tmp_path):
    (tmp_path / "project").write_text("x")
    done = init(table(rows))
    assert done.code == 2 and "is a file" in done.err


def test_an_error_leaves_no_folder(init, table, rows, tmp_path):
    done = init(table(rows), "nothing")
    assert done.code == 2 and not (tmp_path / "project").exists()


# The repository

def test_a_new_project_is_a_repository(made):
    done = subprocess.run(["git", "status", "--porcelain"], cwd=made, capture_output=True, text=True, check=True)
    assert "?? notebooks/" in done.stdout


def test_a_project_in_a_repository_is_none_of_its_own(init, table, rows, tmp_path):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert init(table(rows)).code == 0
    assert not (tmp_path / "project" / ".git").exists()


def test_without_git_it_says_so(init, table, rows, monkeypatch):
    monkeypatch.setenv("PATH", "")
    done = init(table(rows))
    assert done.code == 0 and "git is not installed" in done.out


# The command

def test_json(init, table, rows):
    done = init(table(rows), "bought", "--json")
    facts = done.json
    told = [facts[key] for key in ("project", "rows", "columns", "target", "error")]
    assert told == ["project", 120, 4, "bought", None]
    assert facts["data"]["kind"] == "copied" and facts["next"][-1] == "nox -s gate register package"
    assert set(facts["files"]) - {name for name in facts["files"] if name.startswith("wheels/")} == FILES


def test_text(init, table, rows):
    out = init(table(rows)).out
    for words in ("120 rows, 4 columns", "a new git repository", "a copy of in.csv", "2 classes (yes", "to detect: yes",
                  "stratified", "nox -s train"):
        assert words in out


@pytest.mark.parametrize("words, says", [
    (["--data", "x.csv"], "--data is there, and --target is not"), (["--target", "x"],
                                                                    "--target is there, and --data is not"),
    (["--data", "x.csv", "--target", "x", "--header", "a", "--no-header"], "exclude each other"),
    (["--data", "x.csv", "--target", "x", "--separator", "ab"], "is not one character"),
    (["--data", "x.csv", "--target", "x", "--task", "guess"], "guess"),
    (["--data", "x.csv", "--target", "x"], "there is no such file")])
def test_misuse(init, words, says):
    done = init(None, None, *words)
    assert done.code == 2 and says in done.err and "Traceback" not in done.err


def test_no_heading_asks_and_takes_names(init, table, rows, tmp_path):
    path = table(rows, head=None)
    assert init(path).code == 2 and "--header a,b,c" in init(path).err
    assert init(path, "bought", "--header", ",".join(HEAD)).code == 0
    assert (tmp_path / "project" / "data" / "in.csv").read_text() == csv_text(rows)


def test_a_tab_can_be_named(init, table, rows):
    assert "separator tab" in init(table(rows, separator="\t"), "bought", "--separator", "\\t").out


@pytest.mark.slow
def test_the_project_runs(init, table, rows, tmp_path):
    assert init(table(rows * 2)).code == 0
    done = run(tmp_path / "project", "--smoke", "--json")
    assert done.code == 0, done.err
    assert {step["status"] for step in done.json["steps"]} == {"done"}
