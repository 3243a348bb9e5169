"""What is said to be tracked is what is tracked."""

import contextlib
import json
import sqlite3

from overview_samples import git, record_run, sample_project
from tiny import write, write_notebook

READS = "reads data/extra.csv, which is not among its inputs: a change of it is not noticed"


def add(root, text):
    path = root / "notebooks" / "pipeline.yaml"
    write(path, f"{path.read_text()}{text}\n")


def test_outside_data(root, about):
    words = "1 declared input, by whole content (sha256): other content, and the step runs again."
    assert about(root, "Data from outside") == ("tracked", f"{words} clean.source: data/in.csv")


def test_no_outside_data(tmp_path, about):
    root = sample_project(tmp_path / "p")
    path = root / "notebooks" / "pipeline.yaml"
    write(path, path.read_text().replace("    inputs:\n      source: data/in.csv\n", ""))
    assert about(root, "Data from outside")[0] == "not tracked"


def test_files_read_without_being_declared(root, about):
    topic = "Files read without being declared"
    assert about(root, topic)[0] == "not known"
    record_run(root, "20260101-000000-aaaa")
    assert about(root, topic)[0] == "tracked"
    record_run(root, "20260102-000000-bbbb", clean={"warnings": ["something else", READS]})
    state, words = about(root, topic)
    assert state == "not tracked" and words.endswith(f"clean: {READS}")


def test_code_and_what_lies_beside(root, about):
    assert about(root, "Code")[1].endswith("notebooks/clean.ipynb notebooks/fit.ipynb package/helper.py")
    assert about(root, "Files beside")[0] == "tracked"
    write(root / "package" / "unused.py", "Y = 1\n")
    write(root / "package" / "__init__.py", "")
    write(root / "data" / "other.parquet", "x")
    write_notebook(root / "draft.ipynb", ["1"])
    for name in (".venv/lib.py", "env/pyvenv.cfg", "env/a.ipynb", "reports/a.ipynb",
                 "notebooks/.ipynb_checkpoints/a.ipynb", "tests/test_a.py"):
        write(root / name, "x = 1")
    state, words = about(root, "Files beside")
    assert state == "not tracked" and words.startswith("3 files in the project")
    assert words.endswith("draft.ipynb (notebook that is no step) package/unused.py (module that no step imports) "
                          "data/other.parquet (table that no step declares)")


def test_very_many_files_are_not_all_looked_at(root, about, monkeypatch):
    monkeypatch.setattr("notemill.overview.files.MOST", 4)
    for n in range(10):
        write(root / "a" / f"{n}.csv", "x")
    state, words = about(root, "Files beside")
    assert "Only the first" in words


def test_git(root, about):
    assert about(root, "Git")[0] == "not tracked"
    git(root, "init", "-q", "-b", "main")
    assert about(root, "Git")[1].startswith("There is no commit yet. data/in.csv notebooks/clean.ipynb")
    git(root, "add", ".")
    assert about(root, "Git")[1].startswith("There is no commit yet. data/in.csv notebooks/clean.ipynb")
    git(root, "commit", "-qm", "first")
    state, words = about(root, "Git")
    assert state == "tracked" and "on main: all 5 files of the pipeline are committed as they are" in words
    write(root / "package" / "helper.py", "X = 2\n")
    git(root, "rm", "-q", "--cached", "notebooks/fit.ipynb")
    write(root / "unrelated.txt", "x")
    state, words = about(root, "Git")
    assert state == "partly" and "3 of the pipeline's files are committed as they are, 2 are not" in words
    assert words.endswith("package/helper.py (changed) notebooks/fit.ipynb (untracked)")


def test_git_of_a_project_within_a_repository(tmp_path, about):
    root = sample_project(tmp_path / "all" / "project")
    git(tmp_path / "all", "init", "-q", "-b", "main")
    git(tmp_path / "all", "add", ".")
    git(tmp_path / "all", "commit", "-qm", "first")
    write(root / "package" / "helper.py", "X = 2\n")
    assert about(root, "Git")[1].endswith("package/helper.py (changed)")


def test_variables_and_secrets_by_name_alone(root, about, told, monkeypatch):
    assert about(root, "Environment variables")[1].startswith("None is declared")
    assert about(root, "Secrets") == ("tracked", "None is declared.")
    monkeypatch.setenv("TOKEN", "hunter2-hunter2")
    monkeypatch.setenv("MODE", "fast-mode-1")
    add(root, "env: [MODE]\nsecrets: [TOKEN]")
    path = root / "notebooks" / "pipeline.yaml"
    write(path, path.read_text().replace("n: 4", "n: hunter2-hunter2"))
    write(root / "notebooks" / "clean.ipynb", (root / "notebooks" / "clean.ipynb").read_text().replace(
        "what is wrong", "hunter2-hunter2"))
    assert about(root, "Environment variables")[1].endswith(" MODE")
    assert about(root, "Secrets")[0] == "not tracked" and about(root, "Secrets")[1].endswith(" TOKEN")
    text = (root / "reports" / "project.html").read_text() + str(told(root))
    assert "hunter2" not in text and "fast-mode" not in text and "******" in text


def test_contract(root, about, told):
    assert about(root, "Contract of the data")[0] == "not tracked"
    write(root / "notebooks" / "contract.yaml", "columns: {a: {}}\n")
    add(root, "contract: contract.yaml")
    state, words = about(root, "Contract of the data")
    assert state == "tracked" and words.startswith("notebooks/contract.yaml: the source table is held against it")
    assert "notebooks/contract.yaml" in told(root)["files"]["covered"]


GATE = "gate: {model: fit.model, data: fit.model, metric: accuracy, floor: 0.5, budgets: {size_mb: 1}, warn: [floor]}"


def test_judgement(root, about, told):
    assert about(root, "Judgement")[0] == "not tracked"
    add(root, GATE)
    checks = {one["check"]: one for one in told(root)["gate"]["checks"]}
    assert checks["floor"]["asked"] and checks["budgets.size"]["asked"] and checks["floor"]["warns"]
    assert not checks["slices"]["asked"] and not checks["budgets.latency"]["asked"]
    assert checks["slices"]["key"] == "slices" and checks["budgets.latency"]["key"] == "budgets.latency_p95_ms"
    state, words = about(root, "Judgement")
    assert state == "partly" and words.endswith("Not judged yet.")


def test_judgement_by_the_last_verdict(root, about, told):
    """What came to be asked for since has no outcome; what did not apply is not asked for."""
    add(root, GATE)
    record_run(root, "20260101-000000-aaaa")
    record_run(root, "20260102-000000-bbbb")
    for name, made, outcome in (("20260101-000000-aaaa", "2026-02", "refused"),
                                ("20260102-000000-bbbb", "2026-01", "passed")):
        checks = [{"check": "metric", "outcome": outcome}, {"check": "floor", "outcome": "not asked for"},
                  {"check": "calibration.residuals", "outcome": "not asked for", "hint": "no residuals"},
                  {"check": "slices", "outcome": "passed"}]
        write(root / ".notemill" / "runs" / name / "verdict.json", json.dumps(
            {"verdict": outcome, "run": name, "made": made, "checks": checks}))
    gate = told(root)["gate"]
    found = {one["check"]: (one["asked"], one["outcome"]) for one in gate["checks"]}
    assert gate["verdict"] == "refused" and gate["run"] == "20260101-000000-aaaa"
    assert found["metric"] == (True, "refused") and found["floor"] == (True, None)
    assert found["slices"] == (False, None) and found["calibration.residuals"] == (False, "not asked for")
    assert "The last verdict: refused, run 20260101-000000-aaaa" in about(root, "Judgement")[1]
    assert "no residuals" in str(gate)


def test_libraries(root, about):
    assert about(root, "Libraries")[0] == "not known"
    record_run(root, "20260101-000000-aaaa")
    assert about(root, "Libraries")[1].startswith("Python 3.11.7 in the last run")


def test_runs_that_wait_for_mlflow(root, about):
    record_run(root, "20260101-000000-aaaa")
    write(root / ".notemill" / "runs" / "20260101-000000-aaaa" / "mlflow.pending", "{}")
    state, words = about(root, "MLflow")
    assert state == "not known" and "1 run waits here to be sent. 20260101-000000-aaaa" in words
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as database:
        database.execute("CREATE TABLE model_versions (name, version, current_stage)")
        database.execute("CREATE TABLE registered_model_aliases (name, alias)")
    state, words = about(root, "MLflow")
    assert state == "partly" and words.startswith("Lineage goes to mlflow.db, the database in the project.")


def listed(facts, topic="Files beside"):
    one = next(one for one in facts["tracked"] if one["topic"] == topic)
    return one["items"], one["more"]


def test_a_folder_of_many_files_is_one_line(root, told):
    for n in range(50):
        write(root / "data" / "raw" / str(n) / "x.csv", "x")
        write(root / "package" / "own" / f"m{n}.py", "x = 1")
    for n in range(3):
        write(root / "data" / "few" / f"{n}.csv", "x")
    items, more = listed(told(root))
    assert items == ["package/own/: 50 modules that no step imports",
                     *(f"data/few/{n}.csv (table that no step declares)" for n in range(3)),
                     "data/raw/: 50 tables that no step declares"] and more == 0


def test_folders_of_many_folders_are_one_line_too(root, told):
    for n in range(40):
        write(root / "data" / str(n) / "x.csv", "x")
    assert listed(told(root)) == (["data/: 40 tables that no step declares"], 0)


def test_of_very_many_lines_only_the_first_are_listed(root, told):
    for n in range(30):
        write(root / f"top{n:02}" / "x.csv", "x")
    items, more = listed(told(root))
    assert (len(items), more) == (20, 10)


def test_what_git_ignores_stands_apart(root, about):
    git(root, "init", "-q", "-b", "main")
    write(root / ".gitignore", "made/\n")
    for n in range(5):
        write(root / "made" / f"{n}.csv", "x")
    state, words = about(root, "Files beside")
    assert state == "tracked" and words.startswith("No notebook, module or table lies beside the pipeline, but for 5 "
                                                   "files that git ignores. made/: 5 tables")
    write(root / "data" / "other.csv", "x")
    state, words = about(root, "Files beside")
    assert state == "not tracked" and words.startswith("6 files in the project, 5 of them ignored by git, on which")
    assert words.index("data/other.csv") < words.index("made/: 5 tables")


def test_many_files_that_are_not_committed_are_one_line(root, about):
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    path = root / "notebooks" / "pipeline.yaml"
    write(path, path.read_text().replace("data/in.csv", "data/*.csv"))
    for n in range(30):
        write(root / "data" / f"{n}.csv", "x")
    state, words = about(root, "Git")
    assert state == "partly" and words.endswith("notebooks/pipeline.yaml (changed) data/: 30 untracked")
