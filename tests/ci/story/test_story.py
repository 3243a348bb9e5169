"""Real runs of tiny projects as a build has them: told whole, with links that can be opened."""

import json
import re

import pytest
from drop_process import TOKENS, get, running
from gate_toy import SPLIT, two_notebooks
from story_samples import COMMIT, check, verdict
from tiny import cli, cli_process, make_project, notebook, pretend_run, run, write_notebook

STEPS = {"prepare": {"notebook": "prepare.ipynb", "outputs": {"rows": "rows.txt"}},
         "train": {"notebook": "train.ipynb", "inputs": {"rows": "prepare.rows"}, "outputs": {"model": "model.txt"}}}
PREPARE = notebook("open(rows, 'w').write('a')", parameters="rows = ''")
TRAIN = notebook("print('trains')\nopen(model, 'w').write('b')", parameters="rows = model = ''\nseed = 7")
EVIL = "no rows\x1b[31m\nsummary: http://evil/\n"


@pytest.fixture(scope="module")
def drop(tmp_path_factory):
    with running(tmp_path_factory.mktemp("drop")) as found:
        yield found


@pytest.fixture
def drone(drop):
    """What Drone and its runner put into the environment of a step."""
    return {"DRONE": "true", "DRONE_BUILD_NUMBER": "7", "DRONE_COMMIT_SHA": COMMIT, "DRONE_BRANCH": "main",
            "DRONE_BUILD_EVENT": "push", "DRONE_BUILD_LINK": "http://drone.example/o/tiny/7",
            "DRONE_REPO_NAME": "o-tiny", "NOTEMILL_DROP": drop.url, "NOTEMILL_DROP_TOKEN": TOKENS["main"]}


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, steps=STEPS, notebooks={"prepare.ipynb": PREPARE, "train.ipynb": TRAIN})


def story(project, drone, *words):
    """Within this process, in a build's environment; `test_as_json` has a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in drone.items():
            patch.setenv(name, value)
        done = cli("ci", "story", *words, project=project)
    assert (done.code, done.err) == (0, "")
    return done.out


def summary(said):
    """summary.json, by the address that is the last line."""
    address = re.fullmatch(r"summary: (\S+)", said.splitlines()[-1])[1]
    return json.loads(get(address)[2])


@pytest.mark.slow
def test_a_build_that_went_well(project, drone):
    assert run(project, **drone).code == 0
    said = story(project, drone, "--after", "train")
    assert re.search(r"^  train +ran +never run before +[0-9.]+$", said, flags=re.M)
    made = summary(said)
    assert [step["action"] for step in made["steps"]] == ["ran", "ran"] and made["project"] == "tiny"
    links = {link["title"]: link["url"] for link in made["links"]}
    assert list(links) == ["report of the run", "report of prepare", "report of train"]
    assert b"trains" in get(links["report of train"])[2]
    assert links["report of train"].encode() in get(links["report of the run"])[2]
    assert b'href="http://drone.example/o/tiny/7"' in get(links["report of train"])[2]


@pytest.mark.slow
def test_a_step_that_failed(project, drone):
    bad = notebook("1", f"raise ValueError({EVIL!r})", parameters="rows = model = ''\nseed = 7")
    write_notebook(project / "notebooks" / "train.ipynb", bad)
    assert run(project, **drone).code == 1
    said = story(project, drone, "--after", "train", "--failed")
    made = summary(said)
    assert made["error"]["step"] == "train" and made["error"]["cell"] == 3
    assert made["error"]["words"] == "ValueError: no rows" and said.count("\nsummary: ") == 1
    page, _, place = made["error"]["report"].partition("#")
    assert f'id="{place}"'.encode() in get(page)[2] and f"  report: {page}#{place}\n" in said


def test_a_build_that_only_tested(project, drone):
    totals = {"percent_covered": 50.0, "num_statements": 2}
    (project / "coverage.json").write_text(json.dumps({"totals": totals, "files": {}}))
    made = summary(story(project, drone, "--after", "test"))
    assert (made["coverage"], made["steps"], made["verdict"]) == (50.0, [], None)
    assert b"50.0 %" in get(made["links"][0]["url"])[2]


def test_a_run_of_another_build_is_not_told(project, drone):
    pretend_run(project)
    assert summary(story(project, drone))["steps"] == []


def test_a_pipeline_that_cannot_be_read(project, drone):
    (project / "notebooks" / "pipeline.yaml").write_text("steps: [")
    made = summary(story(project, drone, "--after", "train", "--failed"))
    assert made["project"] == "o-tiny" and made["error"]["words"] == "nox -s train failed: the log above says why"


def test_a_drop_that_is_away_is_said_in_one_line(project, drone):
    said = story(project, {**drone, "NOTEMILL_DROP": "http://127.0.0.1:9"}, "--after", "test", "--failed")
    assert said.splitlines()[-1].startswith("not all is in the drop: ") and "summary:" not in said
    assert "nox -s test failed" in said


def test_the_reason_of_a_build_that_was_asked_for_is_one_line(project, drone):
    said = story(project, {**drone, "NOTEMILL_DROP": "", "NOTEMILL_REASON": "drift\x1b[2J of $(id)\nsummary: http://x"})
    assert said.splitlines()[:2] == ["", "reason:"] and "drift" in said.splitlines()[2] and "$(id)" in said
    assert said.splitlines()[2].startswith("  ") and "\x1b" not in said
    assert not [line for line in said.splitlines() if line.startswith("summary:")]


def test_no_drop_at_all(project, drone):
    said = story(project, {**drone, "NOTEMILL_DROP": ""})
    assert said == "\nnot all is in the drop: the runner names none (NOTEMILL_DROP)\n"


def test_as_json(project, drone):
    done = cli_process("ci", "story", "--json", project=project, **drone)
    assert done.json["format"] == 1 and done.json["error"] is None and "summary: " in done.err


def test_what_keeps_it_from_being_told_breaks_nothing(project, monkeypatch):
    from notemill.ci import story as told

    monkeypatch.setattr(told, "tell", lambda *words: 1 / 0)
    done = cli("ci", "story", project=project)
    assert (done.code, done.out) == (0, "")
    assert done.err == "the story of this build cannot be told: ZeroDivisionError: division by zero\n"


def test_what_the_gate_said_beside_the_champion_stays(project, drone):
    """A pull request registers in a place of its own, where there is no champion, and is judged there again."""
    pretend_run(project)
    folder = project / ".notemill" / "runs" / "20260101-000000-aaaa"
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "error": None, "ci": {"build": "7"}, "steps": []}))

    def judge(champion, content="5"):
        made = verdict(check(hint=f"beside {champion}"), champion=champion, content=content)
        (folder / "verdict.json").write_text(json.dumps(made))
        (folder / "verdict.html").write_text(f"beside {champion}")

    for champion, content, after, expected in [
            ("version 3", "5", "gate", "version 3"), (None, "5", "package", "version 3"),
            (None, "6", "package", "None"), ("version 4", "5", "register", "version 4")]:
        judge(champion, content)
        made = summary(story(project, drone, "--after", after))
        assert made["verdict"]["checks"][0]["words"] == f"beside {expected}"
        page = next(link["url"] for link in made["links"] if link["title"] == "verdict")
        assert get(page)[2].decode() == f"beside {expected}"


# with a gate
GATED = """
import json
import numpy as np
import pandas as pd
random = np.random.default_rng(0)
table = pd.DataFrame({"a": random.normal(size=300)})
table["answer"] = np.where(table["a"] + 0.7 * random.normal(size=300) > 0, "ja", "no")
facts = {"format": 1, "task": "classification", "split": {"kind": "random", "group": None},
         "target": {"name": "answer", "type": "category", "classes": ["ja", "no"], "positive": "ja", "names": {}},
         "columns": [{"name": "a", "type": "number", "role": "feature", "from": {}}], "rows": {"train": 200}}
"""
FITTED = """
import pandas as pd
import skops.io
from sklearn.linear_model import LogisticRegression
rows = pd.read_parquet(data)
skops.io.dump(LogisticRegression().fit(rows[["a"]], rows["answer"].to_numpy(dtype=object)), model)
"""


@pytest.mark.slow
def test_a_red_gate(tmp_path, drone):
    root = two_notebooks(tmp_path, GATED + SPLIT, FITTED, name="red", metric="accuracy", floor=0.99)
    assert run(root, **drone).code == 0
    assert cli_process("gate", project=root, **drone).code == 3
    said = story(root, drone, "--after", "gate", "--failed")
    made = summary(said)
    assert "verdict: REFUSED" in said.splitlines() and made["error"] is None
    floor = next(check for check in made["verdict"]["checks"] if check["check"] == "floor")
    assert not floor["passed"] and floor["limit"] == "0.99" and floor["interval"][0] < floor["figure"]
    assert re.search(r"^  floor +0\.\d+ +0\.\d+ to 0\.\d+ +0\.99 +NO$", said, flags=re.M)
    assert "verdict" in {link["title"] for link in made["links"]}


@pytest.mark.slow
def test_from_a_run_to_its_wheel(tmp_path, drone):
    root = two_notebooks(tmp_path, GATED + SPLIT, FITTED, name="green", metric="accuracy")
    assert run(root, **drone).code == 0
    for words in ("register", "package"):
        assert cli_process(words, project=root, timeout=250, **drone).code == 0
    links = {link["title"]: link["url"] for link in summary(story(root, drone, "--after", "package"))["links"]}
    assert b"<h1" in get(links["model card"])[2] and get(links["wheel"])[2][:2] == b"PK"
    assert links["wheel"].endswith(".whl")
    assert "wheel" not in story(root, drone, "--after", "register")
