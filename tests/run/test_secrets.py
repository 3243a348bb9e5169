"""Only what is named reaches a notebook, and the value of a secret stays nowhere."""

import base64
import html
import json
import subprocess
import urllib.parse
from pathlib import Path

import pytest
from processes import started, until
from tiny import cli, cli_process, last_record, make_project, notebook, write

VALUE = "s3cr3t/Wert+mit \"Zeichen\" & <mehr>"
FORMS = {"plain": VALUE, "repr": repr(VALUE)[1:-1], "json": json.dumps(VALUE)[1:-1],
         "url": urllib.parse.quote(VALUE), "url-plus": urllib.parse.quote_plus(VALUE),
         "base64": base64.b64encode(VALUE.encode()).decode(), "hex": VALUE.encode().hex(),
         "html": html.escape(VALUE), "core": "s3cr3t"}

TELLS = """import base64, json, logging, os, sys, urllib.parse
secret = os.environ['API_TOKEN']
print(secret); print([secret]); print(json.dumps({'token': secret})); print(urllib.parse.quote(secret))
print(base64.b64encode(secret.encode()).decode(), secret.encode().hex())
sys.stdout.write(secret[:9]); sys.stdout.flush(); sys.stdout.write(secret[9:] + '\\n')
print(secret, file=sys.stderr); logging.warning('token %s', secret)
from IPython.display import HTML, display
import html
display(HTML(f'<b title="{html.escape(secret)}">{html.escape(secret)}</b>'))
secret"""
LOGS = """import mlflow, os
mlflow.log_param('token', os.environ['API_TOKEN']); mlflow.set_tag('t', os.environ['API_TOKEN'])
mlflow.log_metric('roc_auc', 0.5); mlflow.log_text(os.environ['API_TOKEN'], 'notes.txt')"""


def files_with_secret(*places):
    """The files below the places that hold the text in one of its forms."""
    paths = [path for place in places for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file()]
    return {str(path): name for path in paths for name, form in FORMS.items() if form.encode() in path.read_bytes()}


def places(project):
    every = (project / name for name in (".notemill", "reports", "mlflow.db", "mlartifacts"))
    return [place for place in every if place.exists()]


def test_a_secrets_value_stays_nowhere(tmp_path, monkeypatch):
    project = make_project(tmp_path / "project", secrets=["API_TOKEN"], steps={
        "tells": {"notebook": "tells.ipynb", "outputs": {"out": "out.txt"}},
        "fails": {"notebook": "fails.ipynb", "inputs": {"data": "tells.out"}}}, notebooks={
        "tells.ipynb": notebook(TELLS, LOGS, "open(out, 'w').write('fine')", parameters="out = ''"),
        "fails.ipynb": notebook(f"pasted = {VALUE!r}", "import os\nraise ValueError('no ' + os.environ['API_TOKEN'])",
                                parameters="data = ''")})
    for words in (["init", "-q"], ["add", "."],
                  ["-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(project), *words], check=True)
    write(project / "notes.txt", "")
    with (project / "notebooks" / "pipeline.yaml").open("a") as file:
        file.write(f"# by mistake: {VALUE}\n")
    result = cli_process("run", "--json", project=project, API_TOKEN=VALUE)
    assert result.code == 1 and "ValueError: no ******" in result.json["error"]["got"]
    for text in (result.out, result.err):
        assert not [name for name, form in FORMS.items() if form in text]
    assert "no ******" in result.err
    assert last_record(project)["git"]["diff"] and (project / "mlflow.db").exists()
    assert files_with_secret(*places(project)) == {}
    assert "******" in (project / "reports" / "tells.html").read_text()
    assert "tells.html" in (project / "reports" / "index.html").read_text()
    for command in (["why", "fails"], ["lineage", result.json["run"]]):
        told = cli_process(*command, project=project, API_TOKEN=VALUE)
        assert VALUE not in told.out + told.err


def test_nor_while_the_notebook_runs(tmp_path):
    goes_on = "import time\nfor n in range(300):\n    print(n, flush=True)\n    time.sleep(0.1)"
    project = make_project(tmp_path, secrets=["API_TOKEN"], steps={"one": {"notebook": "one.ipynb"}}, notebooks={
        "one.ipynb": notebook(TELLS, goes_on)})
    with started("run", "--offline", project=project, API_TOKEN=VALUE) as process:
        saved = until(lambda: next(project.glob(".notemill/runs/*/one/executed.ipynb"), None))
        assert until(lambda: "******" in saved.read_text())
        assert files_with_secret(*places(project)) == {}
        process.kill()


def test_only_what_is_named_reaches_a_notebook(tmp_path, run_here, monkeypatch):
    for name in ("LISTED", "STEPS_OWN", "API_TOKEN", "OTHER_TOKEN", "UNLISTED"):
        monkeypatch.setenv(name, f"value of {name}")
    look = "import os, json\njson.dump({name: name in os.environ for name in wanted.split()}, open(out, 'w'))"
    step = {"outputs": {"out": "seen.json"}}
    names = "LISTED STEPS_OWN API_TOKEN OTHER_TOKEN UNLISTED HOME PATH"
    project = make_project(tmp_path, env=["LISTED"], secrets=["API_TOKEN"], params={"wanted": names}, steps={
        "one": {"notebook": "look.ipynb", "env": ["STEPS_OWN"], **step},
        "two": {"notebook": "look.ipynb", "secrets": ["OTHER_TOKEN"], **step}},
        notebooks={"look.ipynb": notebook(look, parameters="wanted = ''\nout = ''")})
    assert run_here(project).code == 0
    seen = {}
    for name in ("one", "two"):
        assert cli("get", f"{name}.out", tmp_path / name, project=project).code == 0
        seen[name] = {key for key, there in json.loads(Path(tmp_path, name).read_text()).items() if there}
    assert seen == {"one": {"LISTED", "STEPS_OWN", "API_TOKEN", "HOME", "PATH"},
                    "two": {"LISTED", "OTHER_TOKEN", "API_TOKEN", "HOME", "PATH"}}


def test_what_one_step_is_given_another_may_print(tmp_path, run_here, monkeypatch):
    monkeypatch.setenv("API_TOKEN", VALUE)
    project = make_project(tmp_path, steps={
        "one": {"notebook": "one.ipynb", "secrets": ["API_TOKEN"], "outputs": {"out": "o.txt"}},
        "two": {"notebook": "two.ipynb", "inputs": {"data": "one.out"}}}, notebooks={
        "one.ipynb": notebook("import os\nopen(out, 'w').write(os.environ['API_TOKEN'])", parameters="out = ''"),
        "two.ipynb": notebook("print(open(data).read())", parameters="data = ''")})
    assert run_here(project).code == 0
    output = last_record(project)["steps"][0]["outputs"]["out"]["sha256"]
    found = files_with_secret(*places(project))
    assert set(found) == {str(project / ".notemill" / "objects" / output[:2] / output[2:])}


def test_a_parameter_that_is_a_secret_is_masked_in_the_record(tmp_path, run_here, monkeypatch):
    monkeypatch.setenv("API_TOKEN", VALUE)
    project = make_project(tmp_path, secrets=["API_TOKEN"], steps={"one": {"notebook": "one.ipynb"}}, notebooks={
        "one.ipynb": notebook("1", parameters="text = 'none'")})
    first = run_here(project, "-p", f"one.text={json.dumps(VALUE)}")
    assert files_with_secret(*places(project)) == {}
    second = run_here(project, "-p", "one.text=other")
    assert first.code == second.code == 0 and VALUE not in first.out + first.err + second.out + second.err
    assert last_record(project)["steps"][0]["reasons"] and files_with_secret(*places(project)) == {}


def test_a_value_too_short_to_be_taken_out_is_told_before_anything_runs(tmp_path, run_here, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "abc")
    project = make_project(tmp_path, secrets=["API_TOKEN"], steps={"one": {"notebook": "one.ipynb"}},
                           notebooks={"one.ipynb": ["1"]})
    result = run_here(project)
    assert result.code == 2 and "'API_TOKEN'" in result.json["error"]["where"] and '"abc"' not in result.out
    assert not list(project.glob(".notemill/runs/*"))


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
def test_mlflows_login_does_not_reach_a_notebook(tmp_path, run_here, monkeypatch, name):
    monkeypatch.setenv(name, "login")
    project = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}}, notebooks={
        "one.ipynb": [f"import os\nassert '{name}' not in os.environ"]})
    assert run_here(project).code == 0
