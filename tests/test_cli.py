"""The words of the command line: help, documentation, exit codes, `--json`, completion."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tiny import cli, cli_process, command, make_project, notebook

from notemill import cli as module
from notemill.errors import NotemillError

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"


def leaves(group, words=()):
    """The commands by their words: {"run": ..., "ci sign": ...}; of a group those in it, but for hidden ones."""
    found = {}
    for name, one in group.commands.items():
        inner = leaves(one, (*words, name)) if isinstance(one, click.Group) else {" ".join((*words, name)): one}
        found |= {} if one.hidden else inner
    return found


COMMANDS = leaves(module.cli)
PUBLIC = ["run", "plan", "warm", "why", "get", "compare", "report", "debug", "lineage", "gc", "gate", "register",
          "versions", "card", "promote", "rollback", "approve", "ledger", "registry", "package", "score", "export",
          "verify", "image", "serve", "demo", "stress", "predictions", "deploy",
          "deployments", "undeploy", "init", "ci connect", "ci sign", "ci status",
          "ci retrain", "ci promote", "stack up", "stack status",
          "stack logs", "stack down", "stack backup", "stack restore"]
IN_A_PROJECT = [name for name in PUBLIC
                if name not in ("init", "verify", "predictions") and not name.startswith("stack ")]
# What these print when they succeed has tests of its own.
HEAVY = {"gate", "register", "card", "promote", "rollback", "approve", "package", "verify", "image", "init",
         "predictions", "deploy", "deployments", "undeploy",
         "demo", "serve", "score", "stress", "ci connect", "ci sign", "ci status", "ci retrain",
         "ci promote", *(name for name in PUBLIC if name.startswith("stack "))}
# Words for each command: some that succeed once there has been a run, and some that fail, with the exit code.
WORDS = {"run": ([], ["nowhere"], 2), "plan": ([], ["nowhere"], 2), "why": (["one"], ["noe"], 2),
         "warm": (["--status"], ["--status", "--stop"], 2),
         "get": (["one.out", "FILE"], ["one.uot", "FILE"], 2), "compare": (["latest", "latest"], ["latest", "9999"], 2),
         "report": ([], ["nowhere"], 2),
         "debug": (["one"], ["noe"], 2), "lineage": (["RUN"], ["20000101-000000-0000"], 2),
         "gc": ([], ["--keep-days", "-1"], 2), "gate": (None, [], 2), "register": (None, [], 2),
         "promote": (None, ["99"], 2), "rollback": (None, [], 2), "ledger": ([], ["nowhere"], 2),
         "approve": (None, ["99", "--by", "Ada", "--reason", "x"], 2), "registry": (["check"], ["chek"], 2),
         "versions": ([], ["nowhere"], 2), "card": (None, ["99"], 2),
         "package": (None, ["99"], 2), "export": ([], ["nowhere"], 2),
         "verify": (None, ["FILE"], 2), "image": (None, ["99"], 2), "demo": (None, ["99"], 2),
         "serve": (None, ["99"], 2), "score": (None, ["99", "FILE.csv", "FILE.parquet"], 2),
         "stress": (None, ["http://8.8.8.8"], 2),
         "predictions": (None, ["FILE"], 2),
         "deploy": (None, ["99", "--to", "nowhere"], 2), "deployments": (None, ["nowhere"], 2),
         "undeploy": (None, ["nowhere"], 2),
         "init": (None, ["FILE", "--target", "y"], 2),
         "ci connect": (None, ["no-address"], 2), "ci sign": (None, [], 2), "ci status": (None, [], 2),
         "ci retrain": (None, ["--reason", "x"], 2), "ci promote": (None, ["3", "staging"], 2),
         "stack up": (None, ["--host", "127.0.0.1"], 2),
         "stack status": (None, ["nowhere"], 2), "stack logs": (None, ["nowhere"], 2),
         "stack down": (None, ["nowhere"], 2), "stack backup": (None, ["no/folder/b.tar"], 2),
         "stack restore": (None, ["FILE"], 2)}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A project that has run once; tests leave it as it is."""
    project = make_project(tmp_path_factory.mktemp("ran"), steps={
        "one": {"notebook": "one.ipynb", "outputs": {"out": "o.txt"}, "params": {"count": 2}},
        "other": {"notebook": "one.ipynb", "outputs": {"out": "o.txt"}}}, notebooks={
        "one.ipynb": notebook("open(out, 'w').write(f'{count} {text}')",
                              parameters="out = ''\ncount: int = 1\ntext = ''")})
    assert cli("run", "--offline", project=project).code == 0
    return project


def options_of(name):
    return [word for parameter in COMMANDS[name].params if isinstance(parameter, click.Option)
            for word in parameter.opts if word.startswith("-")]


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name):
    told = cli(*name.split(), "--help")
    assert told.code == 0 and told.err == "" and COMMANDS[name].help
    assert all(parameter.help for parameter in COMMANDS[name].params if isinstance(parameter, click.Option))
    for word in options_of(name):
        assert word in told.out
    assert cli(*name.split(), "-h").out == told.out


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_and_option_is_documented(name):
    sections = re.split(r"^###\s", REFERENCE.read_text(), flags=re.M)
    own = [section for section in sections if re.match(rf"`notemill {name}[ `]", section)]
    assert len(own) == 1, f"{REFERENCE} has no section for {name}"
    text = own[0] if name != "plan" else own[0] + next(s for s in sections if s.startswith("`notemill run"))
    for word in options_of(name):
        assert word in text or word in sections[0], f"{REFERENCE}: {name} says nothing of {word}"


def test_the_reference_names_no_command_that_is_not_there():
    found = re.findall(r"^### `notemill (\w+)( [a-z]+)?", REFERENCE.read_text(), flags=re.M)
    groups = {name for name, one in module.cli.commands.items() if isinstance(one, click.Group)}
    assert {name + word if name in groups else name for name, word in found} == set(COMMANDS)


def test_the_program_has_help_and_a_version():
    told = cli("--help")
    listed = told.out.partition("Commands:\n")[2]
    assert told.code == 0 and re.findall(r"^  (\w+) ", listed, flags=re.M) == list(module.cli.commands)
    assert "..." not in listed, "a summary is cut"
    assert re.fullmatch(r"notemill, version \d+\.\d+\.\d+\n", cli("--version").out)
    assert list(COMMANDS) == [*PUBLIC, "completion"]


def words_of(name, project, tmp_path, failing):
    run = max(path.parent.name for path in project.glob(".notemill/runs/*/run.json"))
    return [word.replace("FILE", str(tmp_path / "got")).replace("RUN", run) for word in WORDS[name][failing]]


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in HEAVY])
def test_json_stands_alone_on_standard_output(ran, tmp_path, name):
    offline = ["--offline"] if name == "run" else []
    good = cli(*name.split(), "--json", *offline, *words_of(name, ran, tmp_path, 0), project=ran)
    assert good.code == 0 and isinstance(good.json, dict) and good.json["error"] is None


@pytest.mark.parametrize("name", PUBLIC)
def test_an_error_in_json_stands_alone_on_standard_output(ran, tmp_path, name):
    bad = cli(*name.split(), "--json", *words_of(name, ran, tmp_path, 1), project=ran if name in IN_A_PROJECT else None)
    assert bad.code == WORDS[name][2]
    assert set(bad.json) == {"error"} and {"where", "got", "allowed", "hint"} <= set(bad.json["error"])
    assert bad.json["error"]["got"] and bad.err and "Traceback" not in bad.err


@pytest.mark.parametrize("name", IN_A_PROJECT)
def test_a_folder_that_is_no_project(tmp_path, name):
    words = [word for word in words_of_none(name)]
    for folder in (tmp_path, tmp_path / "nowhere"):
        told = cli(*name.split(), "--json", *words, project=folder)
        assert told.code == 2 and "is no Notemill project" in told.json["error"]["got"], told
        assert "--project" in told.err


def words_of_none(name):
    """Words that are well formed, and mean nothing."""
    words = []
    for one in (one for one in COMMANDS[name].params if one.nargs == 1):
        word = one.type.choices[0] if isinstance(one.type, click.Choice) else \
            "1" if isinstance(one.type, click.IntRange) else "x"
        if isinstance(one, click.Argument) or one.required:
            words += [word] if isinstance(one, click.Argument) else [one.opts[0], word]
    return words


def test_plan_prints_the_shape_that_people_script_against(ran):
    told = cli("plan", "--json", "-p", "one.count=3", project=ran).json
    assert told == {"run": None, "error": None, "warnings": [], "steps": [
        {"step": "one", "action": "run", "reasons": ["parameter count 2 -> 3"], "report": "reports/one.html",
         "warnings": []},
        {"step": "other", "action": "reuse", "reasons": [], "report": "reports/other.html", "warnings": []}]}


def test_run_prints_the_shape_that_people_script_against(ran):
    told = cli("run", "--json", "--offline", project=ran).json
    assert {"run", "status", "steps", "error"} <= set(told) and re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", told["run"])
    for step in told["steps"]:
        assert {"step", "action", "status", "reasons", "seconds", "cpu_seconds", "peak_mb", "report"} <= set(step)


@pytest.mark.parametrize(("words", "got"), [
    (["run", "--jobs", "0"], "0 is not in the range"), (["run", "--no-such-option"], "--no-such-option"),
    (["rnu"], "rnu"), (["why"], "STEP"), (["get", "one.out"], "FILE"), (["run", "-p", "count=1"], "-p count=1"),
    (["run", "-p", "one.count"], "-p one.count"), (["run", "-p", "one.cuont=1"], "cuont"),
    (["run", "-p", "oen.count=1"], "oen"), (["run", "-p", "one.count=many"], "many"),
    (["run", "-p", "one.count=[1"], "-p one.count"), (["run", "--force=oen"], "oen"),
    (["run", "--params", "nowhere.yaml"], "nowhere.yaml"), (["completion", "tcsh"], "tcsh")])
def test_wrong_words_end_with_2_and_say_what_was_wrong(ran, words, got):
    project = {} if words[0] in ("completion", "rnu") else {"project": ran}
    told = cli(*words, **project)
    assert told.code == 2 and got in told.err and told.out == "" and "Traceback" not in told.err
    if words[0] != "completion":
        told = cli(*words, "--json", **project)
        assert told.code == 2 and got in json.dumps(told.json["error"])


@pytest.mark.parametrize("words", [
    [], *(name.split() for name in IN_A_PROJECT), *([*name.split(), "--nope"] for name in PUBLIC), ["run", "--jobs"],
    ["init"], ["verify"], ["predictions"], ["ci"], ["stack"],      # never `stack down` alone: that is no misuse
    ["get", "a.b", "--run"],
    ["gc", "--keep-days", "x"], ["--nope", "run"], ["rnu"]])
@pytest.mark.parametrize("where", [0, None])
def test_misuse_with_json_prints_the_error_alone(words, where, tmp_path, monkeypatch):
    """`--json` before the command is misuse itself, and after it, it is the answer's form."""
    monkeypatch.chdir(tmp_path)
    words = ["--json", *words] if where == 0 else [*words, "--json"]
    if words == ["get", "a.b", "--run", "--json"]:
        words = ["get", "a.b", "--json", "--run"]
    told = cli(*words)
    assert told.code == 2 and set(told.json) == {"error"} and "Traceback" not in told.err
    assert told.json["error"]["got"] and told.json["error"]["hint"] and told.out.count("\n") == 1


def test_json_before_the_command_is_told_where_it_belongs():
    told = cli("--json", "run")
    assert told.json["error"]["allowed"] == "it stands behind the command: notemill run --json"
    assert "notemill run --json" in told.err and "--version" not in told.err
    told = cli("run", "--json=1", "--jobs")
    assert told.code == 2 and told.json["error"]["where"] == "notemill run"


def test_no_words_at_all_give_the_help():
    told = cli()
    assert told.code == 2 and told.err == cli("--help").out and told.out == ""


def test_parameters_are_typed(ran, tmp_path):
    (tmp_path / "params.yaml").write_text("one: {count: 7, text: from the file}\nother: {count: 8}\n")
    told = cli("plan", "--json", "--params", tmp_path / "params.yaml", "-p", "one.count=9", project=ran)
    assert {step["step"]: step["reasons"] for step in told.json["steps"]} == {
        "one": ["parameter count 2 -> 9", "parameter text \"\" -> from the file"], "other": ["parameter count 1 -> 8"]}
    for value, fits in (("3", True), ("'3'", False), ("3.5", False), ("true", False), ("no", False)):
        assert cli("plan", "-p", f"one.count={value}", project=ran).code == (0 if fits else 2), value


@pytest.mark.parametrize(("content", "got"), [("- one\n", "is not a mapping"), ("one: 3\n", "is not a mapping"),
                                              ("one: {count: 1\n", "params.yaml")])
def test_a_file_of_parameters_that_is_none(ran, tmp_path, content, got):
    (tmp_path / "params.yaml").write_text(content)
    told = cli("plan", "--params", tmp_path / "params.yaml", project=ran)
    assert told.code == 2 and got in told.err and "Traceback" not in told.err


def test_force_takes_the_steps_named_or_all(ran):
    def forced(*words):
        steps = cli("plan", "--json", *words, project=ran).json["steps"]
        return [step["step"] for step in steps if step["action"] == "run"]

    assert forced("--force") == ["one", "other"] and forced("--force=one") == ["one"]
    assert forced("--force", "one") == ["one"] and forced("--force=one", "--force=other") == ["one", "other"]
    assert forced("one") == forced() == []


def test_exit_codes_of_real_processes(ran, tmp_path):
    failing = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": ["1/0"]})
    assert cli_process("run", "--offline", "--json", project=ran).code == 0
    assert cli_process("run", "--offline", project=failing).code == 1
    wrong = cli_process("run", "nowhere", project=ran)
    assert wrong.code == 2 and wrong.out == "" and "nowhere" in wrong.err


def test_no_ansi_where_no_terminal_is(ran):
    for words in (["run", "--offline"], ["plan"], ["why", "one"], ["--help"]):
        told = cli_process(*words, **({} if words == ["--help"] else {"project": ran}), FORCE_COLOR="1", TERM="xterm")
        assert told.code == 0 and "\x1b" not in told.out + told.err


def test_an_interrupted_command_still_prints_its_object(ran, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("notemill.commands.look.why", interrupted)
    told = cli("why", "one", "--json", project=ran)
    assert told.code == 130 and told.json["error"]["got"] == "interrupted" and told.err.strip() == "interrupted"


def test_a_fault_of_notemills_own_still_prints_its_object(ran, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("notemill.commands.look.why", broken)
    with pytest.raises(ZeroDivisionError):
        cli("why", "one", "--json", project=ran)
    assert "please report" in module.in_words(ZeroDivisionError("a fault")).hint


def test_an_error_of_the_system_is_told_without_traceback(ran, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "/somewhere/file")

    monkeypatch.setattr("notemill.commands.look.why", full)
    told = cli("why", "one", "--json", project=ran)
    assert told.code == NotemillError.exit_code == 1
    assert told.json["error"]["where"] == "/somewhere/file" and "notemill gc" in told.json["error"]["hint"]
    assert told.err.startswith("/somewhere/file: No space left on device\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_that_shell(shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    told = cli_process("completion", shell)
    assert told.code == 0 and "_NOTEMILL_COMPLETE" in told.out
    checked = subprocess.run([shell, "-n"], input=told.out, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def complete(project, line):
    """What bash offers at the end of the line."""
    words = line.split(" ")
    paths = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    environ = {**os.environ, "_NOTEMILL_COMPLETE": "bash_complete", "COMP_WORDS": line,
               "COMP_CWORD": str(len(words) - 1), "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, "-m", "notemill"], env=environ, cwd=project, capture_output=True, text=True,
                          timeout=60)
    return [offer.partition(",")[2] for offer in done.stdout.splitlines() if offer], done.stderr


def test_completion_offers_commands_and_steps(ran, tmp_path):
    assert complete(ran, "notemill co") == (["compare", "completion"], "")
    assert complete(ran, "notemill run o") == (["one", "other"], "")
    assert complete(ran, "notemill why ot") == (["other"], "")
    assert complete(ran, "notemill debug on") == (["one"], "")
    assert complete(tmp_path, f"notemill run --project {ran} on") == (["one"], "")
    assert complete(tmp_path, "notemill run o") == ([], "")
    assert "--force" in complete(ran, "notemill run --f")[0]


def test_help_imports_little():
    script = ("import sys\nfrom notemill.cli import main\n"
              "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
              "print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1:])), file=sys.stderr)")
    heavy = ["mlflow", "sklearn", "pandas", "numpy", "papermill", "nbconvert", "nbformat", "jinja2", "yaml", "zmq"]
    done = subprocess.run([sys.executable, "-c", script, *heavy], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "[]\n"


def test_a_run_with_nothing_to_do_imports_little(ran):
    script = ("import sys\nfrom notemill.cli import main\n"
              "try:\n    main(['run', '--json', '--project', sys.argv[1]])\n"
              "except SystemExit as done:\n    assert not done.code\n"
              "print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[2:])), file=sys.stderr)")
    assert cli("run", project=ran).code == 0    # its lineage has reached MLflow: nothing is left to send
    heavy = ["mlflow", "sklearn", "pandas", "numpy", "papermill", "nbconvert", "nbformat", "zmq"]
    done = subprocess.run([sys.executable, "-c", script, str(ran), *heavy], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr.splitlines()[-1] == "[]", done.stderr


def test_the_module_is_the_program(ran):
    assert command("plan", project=ran)[1:3] == ["-m", "notemill"]
    assert cli_process("plan", project=ran).out == cli("plan", project=ran).out
