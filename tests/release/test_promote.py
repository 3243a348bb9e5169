"""`notemill promote`, `rollback`, `approve`, `ledger`, `registry check`, on a project whose versions cost nothing."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml
from keys import make_keys
from ledger_samples import ADA, BOB, bare, enter, enter_many, project_of
from tiny import cli, cli_process

from notemill.project import open_project
from notemill.registry import fetch, open_records, read_ledger, registry
from notemill.release.promote import promote_by_itself
from notemill.release.register import note_origin
from notemill.release.who import default_person


@pytest.fixture
def project(tmp_path):
    return project_with(tmp_path / "project")


def project_with(root, *labels, records=None, **more):
    """A project with versions 1, 2, ...: its folder."""
    kept, uri = project_of(root, **({"records": records} if records else {}), **more)
    enter_many(uri, kept, "toy", *(labels or ("a", "b")))
    return root


def configure(root, **facts):
    path = root / "notebooks" / "pipeline.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **facts}, sort_keys=False))


def ledger_of(root):
    return read_ledger(open_records(open_project(root)), "toy")


def champions(root):
    return [one["version"] for one in cli("versions", "--json", project=root).json["versions"]
            if "champion" in one["aliases"]]


@pytest.mark.parametrize("number, kept", [(1, 0), (2, 1)])
def test_an_entry_that_is_a_folder_is_told_in_words(project, number, kept):
    assert cli("promote", "1", "--by", ADA, project=project).code == 0
    path = project / ".notemill-records" / "ledger" / "toy" / f"0000000{number}.json"
    path.unlink(missing_ok=True)
    path.mkdir()
    told, shown = cli("ledger", "--json", project=project), cli("ledger", project=project)
    assert told.code == shown.code == 1 and told.json["whole"] is False and len(told.json["entries"]) == kept
    assert "cannot be read: Is a directory" in told.json["error"]["got"] and shown.out.count("\n") == 2 * kept


def test_no_line_ends_in_a_blank(project):
    for words in (["promote", "1"], ["rollback", "--retire", "--reason", "it was wrong"]):
        assert cli(*words, "--by", ADA, project=project).code == 0
    lines = cli("ledger", project=project).out.splitlines()
    assert lines and [line for line in lines if line != line.rstrip()] == []
    assert any(line.endswith("no champion") for line in lines)


def test_what_a_killed_process_left_is_swept(project):
    assert cli("promote", "1", "--by", ADA, project=project).code == 0
    folder = project / ".notemill-records" / "ledger" / "toy"
    old, new, other = folder / ".00000002.json.abc_1234", folder / ".00000002.json.abcd1235", folder / ".keep"
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, 0))
    assert cli("promote", "2", "--by", ADA, project=project).code == 0
    assert not old.exists() and new.exists() and other.exists()


@pytest.mark.parametrize("named", ["absent.pem", "private"])
def test_a_trusted_key_that_is_none_is_said_before_anything_of_signatures(project, tmp_path, monkeypatch, named):
    path = make_keys(tmp_path).private if named == "private" else tmp_path / named
    monkeypatch.setenv("NOTEMILL_TRUSTED_KEY", str(path))
    told = cli("export", "1", tmp_path / "a.zip", "--json", project=project)
    assert told.code == 2 and told.json["error"]["where"] == "NOTEMILL_TRUSTED_KEY", told.err


def test_from_the_first_champion_and_back(project):
    told = cli("promote", "1", "--by", ADA, "--reason", "the first", project=project)
    assert told.code == 0 and told.err == ""
    assert told.out.startswith("toy version 1 is the champion: entry 1 of the ledger, the first one")
    told = cli("promote", "--json", "--by", BOB, project=project)
    assert told.json["champion"]["version"] == 2 and told.json["error"] is None
    assert told.json["entry"]["from"] == 1 and told.json["entry"]["by"] == BOB and told.json["entry"]["reason"] is None
    words = "its verdict was given when there was no champion; the champion that it follows is version 1"
    assert told.json["warnings"] == told.json["entry"]["notes"] == [words] and f"warning: {words}" in told.err
    assert champions(project) == [2]
    again = cli("promote", "2", "--json", project=project)
    assert again.code == 0 and again.json["entry"] is None
    assert "is the champion already" in cli("promote", "champion", project=project).out
    told = cli("rollback", "--reason", "it was slow", project=project)
    assert told.code == 0 and "toy version 1 is the champion: entry 3 of the ledger, after version 2" in told.out
    assert champions(project) == [1]
    told = cli("rollback", "--json", project=project)
    assert told.code == 2 and "has none before it" in told.json["error"]["got"]
    assert cli("rollback", "--retire", project=project).code == 2
    told = cli("rollback", "--retire", "--reason", "another target", project=project)
    assert "toy has no champion any more" in told.out and champions(project) == []
    assert [one["move"] for one in ledger_of(project).entries] == ["promote", "promote", "rollback", "retire"]
    assert cli("registry", "check", project=project).out == "toy: ledger, records and MLflow agree\n"


def test_a_raised_risk_asks_for_words_before_it_promotes(project):
    configure(project, risk="medium")
    (project / "model_card.md").write_text("")
    told = cli("promote", "1", "--by", ADA, project=project)
    assert told.code == 2 and "section 'Intended use' is not written" in told.err and not ledger_of(project).number


def test_made_again_from_a_commit_somebody_can_approve(project):
    """What was registered from changes that no commit has is no dead end."""
    configure(project, risk="high")
    records = open_records(open_project(project))
    manifest = enter_many(f"sqlite:///{project / 'mlflow.db'}", records, "toy", "c", dirty=True)[0]
    for words in (["approve", "3", "--by", BOB, "--reason", "seen"], ["promote", "3", "--by", ADA]):
        told = cli(*words, project=project)
        assert told.code == 1 and "changes that no commit has" in told.err and "notemill run --force" in told.err
    clean = {**manifest, "dirty": False, "commit": 40 * "a", "run": "later"}
    note_origin(records, manifest, {**manifest, "author": BOB})
    assert records.made_again(manifest["content"]) == {}
    note_origin(records, manifest, clean)
    assert cli("approve", "3", "--by", ADA, "--reason", "seen", project=project).code == 2
    assert cli("approve", "3", "--by", BOB, "--reason", "seen", project=project).code == 0
    assert cli("promote", "3", "--by", ADA, project=project).code == 0
    assert ledger_of(project).champion["author"] == ADA


def test_a_ledger_that_lacks_its_end_is_told(project):
    for version in ("1", "2"):
        assert cli("promote", version, "--by", ADA, project=project).code == 0
    assert cli("ledger", "--json", project=project).json["whole"] is True
    (project / ".notemill-records/ledger/toy/00000002.json").unlink()
    told = cli("ledger", project=project)
    assert told.code == 1 and "(champion)" not in told.out and "lacks entries at its end" in told.err
    assert cli("ledger", "--json", project=project).json["whole"] is False
    told = cli("registry", "check", "--fix", project=project)
    assert told.code == 1 and "alias `champion`" not in told.out


def test_registered_anew_it_keeps_tags_of_its_own(project):
    """What --fix wrote on it once made it unreadable."""
    assert cli("promote", "1", "--by", ADA, project=project).code == 0
    records, uri = open_records(open_project(project)), f"sqlite:///{project / 'mlflow.db'}"
    with registry(uri) as client:
        client.delete_model_version("toy", "1")
        again = enter(client, records, bare(records, "toy", "a", run="later"))
    assert again["version"] == 3
    assert cli("registry", "check", "--fix", project=project).code == 0
    with registry(uri) as client:
        assert fetch(client, "toy", 3, records)["run"] == "later"


@pytest.mark.parametrize("words, said", [
    (["promote", "9"], "version '9': is not registered"),
    (["promote", "champion"], "by the ledger there is no champion"),
    (["rollback"], "has no champion"), (["approve", "9", "--by", "Bob", "--reason", "x"], "version '9'"),
    (["approve", "1", "--by", "<>", "--reason", "x"], "names nobody"), (["promote", "--by", ""], "names nobody"),
    (["approve", "1", "--by", "Bob", "--reason", " "], "says nothing"), (["approve", "1", "--by", "Bob"], "--reason"),
    (["approve", "1", "--reason", "x"], "--by")])
def test_misuse(project, words, said):
    told = cli(*words, "--json", project=project)
    assert told.code == 2 and said in told.err and told.json["error"] and not ledger_of(project).number


# who may
def test_a_high_risk_takes_two(project):
    configure(project, risk="high")  # the versions were registered with a low one: today's is stricter
    told = cli("promote", "1", "--json", project=project)
    assert told.code == 1 and "nobody has approved it" in told.json["error"]["got"]
    assert ADA in told.json["error"]["allowed"]
    told = cli("approve", "1", "--by", "ada@example.org", "--reason", "mine", project=project)
    assert told.code == 2 and "is the author of its commit" in told.err
    told = cli("approve", "1", "--by", BOB, "--reason", "looked at it", "--json", project=project)
    assert told.code == 0 and told.json["entry"]["move"] == "approve" and told.json["champion"] is None
    assert "has approved it already" in cli("approve", "1", "--by", BOB, "--reason", "again", project=project).out
    assert cli("promote", "2", project=project).code == 1  # the approval is for version 1's content
    assert cli("promote", "1", project=project).code == 0
    configure(project, risk="low")
    assert cli("promote", "2", project=project).code == 0
    assert cli("rollback", project=project).code == 0  # what was approved once may come back
    assert [one["risk"] for one in ledger_of(project).entries] == ["high", "high", "low", "high"]


def test_the_risk_at_registration_counts_too(tmp_path):
    records, uri = project_of(tmp_path)
    enter_many(uri, records, "toy", "a", risk="high", author=None)
    told = cli("promote", project=tmp_path)
    assert told.code == 1 and "the author of its commit is not known" in told.err


def test_what_did_not_pass_is_not_promoted(tmp_path):
    records, uri = project_of(tmp_path)
    with registry(uri) as client:
        enter(client, records, bare(records, "toy", "a", verdict={"verdict": "refused"}))
        enter(client, records, bare(records, "toy", "b", verdict={"content": "0" * 64}))
    for number, words in (("1", "has the verdict 'refused'"), ("2", "a verdict on another content")):
        for command in (["promote", number], ["approve", number, "--by", "Bob", "--reason", "x"]):
            told = cli(*command, project=tmp_path)
            assert told.code == 1 and words in told.err
    assert ledger_of(tmp_path).number == 0


def test_who_moves_is_whom_git_knows(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "none"))
    monkeypatch.setenv("LOGNAME", "ada")
    assert default_person(tmp_path) == "ada"
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "config", "user.email", "ada@example.org"], check=True)
    assert default_person(tmp_path) == "ada@example.org"
    subprocess.run(["git", "-C", str(tmp_path), "config", "user.name", "Ada Byron"], check=True)
    assert default_person(tmp_path) == ADA
    monkeypatch.setenv("PATH", "")
    assert default_person(tmp_path) == "ada"


# promote: auto
def test_what_is_registered_may_promote_itself(project):
    opened = open_project(project)
    manifests = [opened_manifest(opened, number) for number in (1, 2)]
    assert promote_by_itself(opened, manifests[0]) is None and ledger_of(project).number == 0
    configure(project, promote="auto")
    opened = open_project(project)
    moved = promote_by_itself(opened, manifests[0])
    assert moved.entry["version"] == 1 and moved.entry["reason"] == "promote: auto"
    assert promote_by_itself(opened, manifests[0]).entry is None
    assert promote_by_itself(opened, manifests[1]).ledger.champion["version"] == 2
    assert cli("rollback", project=project).code == 0
    moved = promote_by_itself(opened, manifests[1])  # somebody took it back: it does not come again by itself
    assert moved.entry is None and "it was left by the rollback of" in moved.warnings[0] and champions(project) == [1]
    assert cli("promote", "2", project=project).code == 0 and champions(project) == [2]
    moved = promote_by_itself(opened, {**manifests[0], "risk": "high"})
    assert moved.entry is None and "registered with `risk: high`" in moved.warnings[0]


def opened_manifest(project, number):
    from notemill import lineage
    from notemill.registry import fetch

    with registry(lineage.tracking_uri(project.root, project.environ)) as client:
        return fetch(client, "toy", number, open_records(project))


@pytest.mark.parametrize("risk", ["medium", "high"])
def test_only_a_low_risk_promotes_itself(project, risk):
    configure(project, promote="auto", risk=risk)
    told = cli("versions", project=project)
    assert told.code == 2 and f"'auto' does not go with 'risk: {risk}'" in told.err and "pipeline.yaml" in told.err
    configure(project, promote="by hand")
    assert cli("versions", project=project).code == 0


# the ledger, and the check
def test_the_ledger_as_a_table(project):
    assert cli("ledger", project=project).out == "there is no entry yet: notemill promote\n"
    assert cli("ledger", "--json", project=project).json == {"name": "toy", "entries": [], "whole": True, "error": None}
    cli("approve", "1", "--by", BOB, "--reason", "much to say " * 20, project=project)
    cli("promote", "1", "--by", ADA, project=project)
    told = cli("ledger", project=project)
    assert told.code == 0 and max(map(len, told.out.splitlines())) <= 80
    assert "   2  20" in told.out and "promoted version 1  (champion)" in told.out and "by Ada Byron" in told.out
    told = cli("ledger", "--json", project=project).json
    assert told["entries"] == [dict(one) for one in ledger_of(project).entries] and told["whole"] is True


def test_a_damaged_ledger_stops_everything(project):
    for number in ("1", "2"):
        assert cli("promote", number, project=project).code == 0
    path = project / ".notemill-records" / "ledger" / "toy" / "00000002.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"version":2', b'"version":1'))
    told = cli("ledger", "--json", project=project)
    assert told.code == 1 and told.json["whole"] is False and len(told.json["entries"]) == 1
    assert told.json["error"]["where"].startswith("entry 2 of the ledger of 'toy'") and str(path) in told.err
    assert "promoted version 1" in cli("ledger", project=project).out
    for words in (["promote", "1"], ["rollback"], ["approve", "1", "--by", "Bob", "--reason", "x"], ["versions"],
                  ["package", "champion"]):
        told = cli(*words, project=project)
        assert told.code == 1 and "entry 2 of the ledger" in told.err and "backup" in told.err, words
    told = cli("registry", "check", "--fix", "--json", project=project)
    assert told.code == 1 and told.json["fixed"] == [] and len(told.json["findings"]) == 1


def test_the_check_tells_mends_and_tells_again(project):
    assert cli("promote", "1", project=project).code == 0
    with registry(f"sqlite:///{project / 'mlflow.db'}") as client:
        client.set_registered_model_alias("toy", "champion", "2")
    told = cli("registry", "check", project=project)
    assert told.code == 1 and "names version 2; the champion is, by the ledger, version 1" in told.out
    told = cli("registry", "check", "--json", project=project)
    assert told.code == 1 and told.json["error"] is None and told.json["findings"][0]["fixable"] is True
    told = cli("registry", "check", "--fix", project=project)
    assert told.code == 0 and told.out == ("mended: MLflow's alias `champion` version 2 -> version 1\n"
                                           "toy: ledger, records and MLflow agree\n")
    with registry(f"sqlite:///{project / 'mlflow.db'}") as client:
        client.delete_model_version("toy", "1")
    told = cli("registry", "check", "--fix", "--json", project=project)
    assert told.code == 1 and [one["fixable"] for one in told.json["findings"]] == [False]
    assert "(champion, no longer in MLflow)" in cli("versions", project=project).out
    told = cli("promote", "2", project=project)
    assert told.code == 0 and cli("rollback", "--json", project=project).json["warnings"][0].startswith(
        "MLflow does not have version 1 any more")


def test_who_promotes_while_mlflow_dies(project, monkeypatch):
    """The ledger has it: that is said, and the next command lets MLflow follow."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    def dies(*args):
        raise MlflowException("gone")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", dies)
        told = cli("promote", "1", project=project)
    assert told.code == 0 and "MLflow's alias `champion` does not follow yet" in told.err and "gone" in told.err
    assert champions(project) == [1] and cli("registry", "check", project=project).code == 1
    assert cli("promote", "1", project=project).code == 0 and cli("registry", "check", project=project).code == 0


@pytest.fixture
def away(project, monkeypatch):
    """The project, its second champion, while nobody answers for MLflow; called, MLflow is back."""
    for number in ("1", "2"):
        assert cli("promote", number, project=project).code == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    return lambda: monkeypatch.delenv("MLFLOW_TRACKING_URI")


def test_who_rolls_back_while_mlflow_is_away(project, away):
    """The ledger first; the alias follows when MLflow is back."""
    told = cli("rollback", "--reason", "slow", "--json", project=project)
    assert told.code == 0 and told.json["champion"]["version"] == 1 and told.json["entry"]["move"] == "rollback"
    note, why, remedy = told.json["warnings"]
    assert told.json["entry"]["notes"] == [note] and "while MLflow was away" in note
    assert "cannot be reached" in why and "registry check --fix" in remedy
    assert ledger_of(project).champion["version"] == 1
    away()
    found = cli("registry", "check", "--json", project=project)
    assert found.code == 1 and [one["fixable"] for one in found.json["findings"]] == [True, True]
    assert cli("registry", "check", "--fix", project=project).code == 0 and champions(project) == [1]


def test_nobody_is_the_champion_while_mlflow_is_away_either(project, away):
    assert cli("rollback", "--retire", "--reason", "other columns", project=project).code == 0
    away()
    assert champions(project) == [] and cli("registry", "check", "--fix", project=project).code == 0


@pytest.mark.parametrize("words", [["promote", "1"], ["approve", "1", "--by", BOB, "--reason", "read it"], ["package"]])
def test_what_needs_mlflow_waits_for_it(project, away, words):
    before = ledger_of(project).number
    told = cli(*words, "--json", project=project)
    assert told.code == 1 and "cannot be reached" in told.json["error"]["got"] and ledger_of(project).number == before


def test_no_damaged_version_becomes_champion_while_mlflow_is_away(project, away):
    records = open_records(open_project(project))
    manifest = records.manifest(ledger_of(project).line[0]["content"])
    records.place(manifest["files"]["model.skops"]).unlink()
    told = cli("rollback", "--json", project=project)
    assert told.code == 1 and "may have it whole, is away" in told.json["error"]["got"]
    assert ledger_of(project).number == 2


# shared records
def test_two_machines_share_their_records(tmp_path):
    """Each with a project of its own, one MLflow, and one folder of records."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    roots = [tmp_path / "one", tmp_path / "two"]
    for root in roots:
        project_of(root, records=str(tmp_path / "shared"))
    enter_many(uri, open_records(open_project(roots[0])), "toy", "a", "b")
    assert cli_process("promote", "1", project=roots[0], MLFLOW_TRACKING_URI=uri).code == 0
    shutil.rmtree(tmp_path / "shared" / "versions")
    told = cli_process("promote", "2", "--json", project=roots[1], MLFLOW_TRACKING_URI=uri)
    assert told.code == 0 and told.json["entry"]["from"] == 1
    assert cli_process("rollback", project=roots[0], MLFLOW_TRACKING_URI=uri).code == 0
    assert not (roots[0] / ".notemill-records").exists()
    configure(roots[1], records="elsewhere")  # who looks into other records is told, and changes nothing
    told = cli_process("promote", "2", project=roots[1], MLFLOW_TRACKING_URI=uri)
    assert told.code == 1 and "lacks entries at its end: it has 0, and MLflow has seen 3" in told.err
    assert "name the shared place" in told.err


def test_records_that_are_nowhere(project):
    configure(project, records="gs://bucket")
    told = cli("ledger", project=project)
    assert told.code == 2 and "is no place for records" in told.err and "pipeline.yaml" in told.err


def test_startup_imports_no_mlflow(project):
    cli("promote", "1", project=project)
    words = "import sys; from notemill.cli import main\ntry: main()\nfinally: print('mlflow' in sys.modules)"
    for command in (["--help"], ["ledger", "--json", "--project", str(project)]):
        done = subprocess.run([sys.executable, "-c", words, *command], capture_output=True, text=True, timeout=60)
        assert done.stdout.splitlines()[-1] == "False", command


def test_the_gate_asks_no_mlflow_for_the_champion(project):
    assert cli("promote", "1", project=project).code == 0
    words = """
import sys
from pathlib import Path
from notemill.project import open_project
from notemill.registry import current_champion, open_records
root = Path(sys.argv[1])
print(current_champion(f"sqlite:///{root / 'mlflow.db'}", "toy", open_records(open_project(root)))["version"])
print("mlflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", words, str(project)], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["1", "False"], done.stderr
