"""`notemill card --check`: each way in which a card can be untrue is found, and told in words."""

import json
import os
from datetime import date
from types import SimpleNamespace

import pytest
import yaml
from card_samples import WORDS, human_file
from mlflow.exceptions import MlflowException
from tiny import cli, write

from notemill import card, lineage
from notemill.card.kept import compare_text
from notemill.card.proof import dependencies
from notemill.errors import NotemillError
from notemill.project import open_project
from notemill.registry import open_records, registry, shown_file
from notemill.release.described import facts_again


@pytest.fixture
def read(once):
    """name -> content of the version's files."""
    return {name: once.file(name) for name in once.manifest["files"] if name.endswith((".json", ".md", ".html"))}


@pytest.fixture
def found(once, read):
    """`found(change, name)`: the differences once `change` has been made to the JSON of this file."""
    def compare(change, name="card.json"):
        content = json.loads(read[name])
        change(content)
        given = {**read, name: json.dumps(content).encode()}
        return card.compare_version(json.loads(given["card.json"]), once.manifest, given)
    return compare


def test_a_true_card_is_true(once, found):
    result = once.cli("--check")
    assert (result.code, result.out.splitlines()[-1]) == (0, "the card says what is recorded of tiny.Card version 1")
    told = once.cli("--check", "--json").json
    assert told["differences"] == [] and told["error"] is None and len(told["notes"]) == 4
    assert found(lambda content: None) == []


@pytest.mark.parametrize("change, said", [
    (lambda facts: facts.update(content="0" * 64), "content: 000000000000... in the card"),
    (lambda facts: facts["files"].update({"model.skops": "1" * 64}), "digest of model.skops: 111111111111... in"),
    (lambda facts: facts["files"].pop("schema.json"), "digest of schema.json: nothing in the card"),
    (lambda facts: facts["data"]["held_out"].update(sha256="2" * 64), "digest of the held-out rows"),
    (lambda facts: facts["data"]["sources"][0].update(sha256="3" * 64), "digest of data/in.csv"),
    (lambda facts: facts["steps"][0].update(notebook_sha256="4" * 64), "digest of notebooks/prepare.ipynb"),
    (lambda facts: facts["columns"].pop(0), "feature 'a' is missing in the card"),
    (lambda facts: facts["columns"].append({"name": "z", "role": "feature"}), "feature 'z' is the card's alone"),
    (lambda facts: facts["columns"][0].update(type="text"), "feature 'a', type: text in the card, number in"),
    (lambda facts: facts["columns"].reverse(), "the features are in another order"),
    (lambda facts: facts["target"].update(name="other"), "target's name: other in the card, answer in the version"),
    (lambda facts: facts["target"].update(positive="no"), "target's positive: no in the card, ja in the version"),
    (lambda facts: facts["verdict"]["config"].update(slices=[]), 'slices declared: nothing in the card, ["b"] in the'),
    (lambda facts: facts["verdict"]["config"]["fairness"].update(attributes=["a"]), "fairness declared"),
    (lambda facts: facts["verdict"]["checks"][0].update(figure=0.999), "check 'metric', figure: 0.999 in the card"),
    (lambda facts: facts["verdict"]["checks"][0].update(n=4000), "check 'metric', n: 4000 in the card"),
    (lambda facts: facts["verdict"]["checks"].pop(), "is missing in the card"),
    (lambda facts: next(one for one in facts["verdict"]["checks"] if one["check"] == "slices")["parts"].pop(),
     "slices: part 'b"),
    (lambda facts: facts["target"]["names"].update(ja="no"), "target's names, ja: no in the card, <u>yes</u> in the"),
    (lambda facts: facts["target"].update(description="else"), "target's description: else in the card, what was"),
    (lambda facts: facts["columns"][0].update(description="small"), "feature 'a', description: small in the card"),
    (lambda facts: facts["columns"][0].update(role="time"), "feature 'a', role: time in the card"),
    (lambda facts: facts["data"]["training"][0].update(sha256="6" * 64), "digest of prepare.train among the steps'"),
    (lambda facts: facts["data"].update(sources=[]), "digest of data/in.csv: nothing in the card"),
    (lambda facts: facts["data"]["sources"].append({"name": "x", "sha256": "7" * 64, "bytes": 1}), "digest of x: 7777"),
    (lambda facts: facts.update(steps=[]), "digest of train.model among the steps' outputs: nothing in the card"),
    (lambda facts: facts["steps"].pop(0), "digest of notebooks/prepare.ipynb: nothing in the card"),
    (lambda facts: facts["steps"][1]["params"].update(depth=4), "parameters, train, depth: 4 in the card, 3 in"),
    (lambda facts: facts["data"]["held_out"].update(rows=4000), "held-out rows: 4000 in the card, 400 in the version"),
    (lambda facts: facts["data"]["held_out"].update(name="prepare.train"), "the held-out table: prepare.train in the"),
    (lambda facts: facts["rows"].update(train=5), "rows, train: 5 in the card, 500 in the version"),
    (lambda facts: facts["split"].update(kind="time"), "split, kind: time in the card, random in the version"),
    (lambda facts: facts["verdict"]["config"].update(floor=0.1), "the gate's settings, floor: 0.1 in the card"),
    (lambda facts: facts["verdict"]["config"].update(metric="f1"), "the gate's settings, metric: f1 in the card"),
    (lambda facts: facts["verdict"]["config"]["slicing"].update(least_rows=1), "settings, slicing, least_rows: 1 in"),
    (lambda facts: facts["verdict"]["checks"][0].update(hint="all well"), "check 'metric', hint: all well in the"),
    (lambda facts: facts["verdict"]["checks"].reverse(), "the checks are in another order"),
    (lambda facts: facts["verdict"].update(made="2020-01-01"), "made: 2020-01-01 in the card"),
    (lambda facts: facts["environment"].update(python="2.7"), "environment, python: 2.7 in the card"),
    (lambda facts: facts["lineage"].update(run="r9"), "judged run: r9 in the card"),
    (lambda facts: facts["lineage"].update(started="2020"), "started: 2020 in the card"),
    (lambda facts: facts["lineage"].update(commit="0" * 40), "lineage, commit: 0000"),
    (lambda facts: facts.update(risk="high"), "risk: high in the card, low in the version"),
    (lambda facts: facts.update(commit=None), "commit: nothing in the card"),
    (lambda facts: facts.update(author="Bo"), "author: Bo in the card"),
    (lambda facts: facts["environment"]["machine"].update(cpus=999), "section 'Lineage, environment and cost'")])
def test_facts_that_are_not_the_versions(found, change, said):
    assert any(said in line for line in found(change)), found(change)


@pytest.mark.parametrize("name, change, said", [
    ("schema.json", lambda schema: schema["columns"][1].update(categories=["x"]), "feature 'b', categories"),
    ("verdict.json", lambda verdict: verdict["checks"][0].update(low=0.0), "check 'metric', low"),
    ("verdict.json", lambda verdict: verdict["config"].update(slices=["a"]), "slices declared"),
    ("provenance.json",
     lambda proof: dependencies(proof["predicate"]["buildDefinition"])[-1]["digest"].update(sha256="5" * 64),
     "digest of data/in.csv")])
def test_a_version_that_is_not_the_cards(found, name, change, said):
    assert any(said in line for line in found(change, name)), found(change, name)


@pytest.mark.parametrize("name, old, new, said", [
    ("card.md", b"on 400 held-out rows", b"on 9000 held-out rows", "section 'Metrics': should not stand there"),
    ("card.md", b"## Factors", b"## Factor", "its sections are others"),
    ("card.md", b"my own", b"their own", "differs in a human part"),
    ("card.html", b"on 400 held-out rows", b"on 9000 held-out rows", "card.html: differs outside the human parts"),
    ("card.html", b"my own", b"their own", "card.html: rendered anew, it differs in a human part")])
def test_a_text_that_is_not_what_its_facts_make(once, read, name, old, new, said):
    assert old in read[name]
    differences = card.compare_version(once.facts, once.manifest, {**read, name: read[name].replace(old, new)})
    assert differences and all(said in line or "is missing" in line for line in differences)


def test_what_another_notemill_rendered_is_not_held_against_our_words(once, read):
    facts, manifest = ({**one, "notemill": "0.0.9"} for one in (once.facts, once.manifest))
    assert card.compare_version(facts, manifest, {**read, "card.md": b"otherwise"}) == []
    (told,) = card.compare_version(facts, once.manifest, {**read, "card.md": b"otherwise"})
    assert told.startswith("notemill: 0.0.9 in the card")


@pytest.mark.parametrize("change, said", [
    (lambda facts: facts.update(contract=None), "contract: nothing in the card, {"),
    (lambda facts: facts["contract"].update(sha256="8" * 64), "contract, sha256: 888888888888..."),
    (lambda facts: facts["contract"]["rules"].pop(), "contract, rules: ["),
    (lambda facts: facts["data"]["training"][0].update(rows=9), "data, training, 'prepare.train', rows: 9 in the"),
    (lambda facts: facts["data"].update(training=[]), "data, training: nothing in the card"),
    (lambda facts: facts["data"]["held_out"].update(rows=None), "data, held_out, rows: nothing in the card, 400"),
    (lambda facts: facts["environment"]["machine"].update(cpus=999), "environment, machine, cpus: 999 in the card")])
def test_facts_that_are_not_the_runs(once, change, said):
    project = open_project(once.root)
    manifest, changed = {**once.manifest, "version": 1}, once.facts
    change(changed)
    anew = facts_again(project, open_records(project), manifest, json.loads(once.file("verdict.json")))
    assert card.compare_run(once.facts, anew) == []
    assert any(line.startswith(said) for line in card.compare_run(changed, anew)), card.compare_run(changed, anew)
    assert facts_again(project, open_records(project), manifest, {"run": "none"}) is None


def test_what_the_run_does_not_tell_any_more_counts_as_the_cards(once):
    anew = {**once.facts, "contract": None, "steps": [{**one, "seconds": None} for one in once.facts["steps"]]}
    assert card.compare_run(once.facts, anew) == []


def test_a_record_that_was_changed_on_disk_comes_from_mlflow_again(registered):
    path = registered.object(registered.manifest["files"]["card.json"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"risk": "low"', b'"risk": "LOW"'))
    assert registered.facts["risk"] == "LOW"
    assert registered.cli("--check").code == 0 and registered.facts["risk"] == "low"


@pytest.mark.parametrize("change, said", [
    (lambda path: path.write_text("better"), "is another one than the version has"),
    (lambda path: path.unlink(), "is missing")])
def test_the_card_that_mlflow_shows(registered, monkeypatch, change, said):
    """Its artifacts lie where the project was first: a changed copy stands for them here."""
    (folder,) = {path.parent for path in registered.root.rglob("card.html") if path.parent.name.startswith("notemill-")}
    monkeypatch.setattr("mlflow.MlflowClient.download_artifacts",
                        lambda client, run, place, target: folder / place.rpartition("/")[2])
    monkeypatch.setattr("mlflow.MlflowClient.list_artifacts",
                        lambda client, run, place: [SimpleNamespace(path=f"{place}/{one.name}")
                                                    for one in folder.iterdir()])
    assert registered.cli("--check").code == 0
    change(folder / "card.html")
    result = registered.cli("--check", "--json")
    assert result.code == 1 and result.json["differences"] == [f"card.html in MLflow {said}"]


@pytest.mark.parametrize("method", ["list_artifacts", "download_artifacts", "get_model_version"])
@pytest.mark.parametrize("error", [
    MlflowException("API request to http://me:pw@x failed\nmore"),  # pragma: allowlist secret
    OSError("no route")])
def test_what_mlflow_cannot_show_now_is_not_called_missing(once, monkeypatch, method, error):
    def fails(*args, **more):
        raise error

    with registry(lineage.tracking_uri(once.root, os.environ)) as client:
        assert shown_file(client, {**once.manifest, "version": 1}, "card.html") == once.file("card.html")
        assert shown_file(client, {**once.manifest, "version": 1}, "other.html") is None
        assert shown_file(client, {**once.manifest, "version": 9}, "card.html") is None
        monkeypatch.setattr(f"mlflow.MlflowClient.{method}", fails)
        with pytest.raises(NotemillError, match="cannot be read: (API request|no route)") as caught:
            shown_file(client, {**once.manifest, "version": 1}, "card.html")
    assert caught.value.exit_code == 1 and "then try again" in caught.value.hint
    assert caught.value.where == "card.html of version 1 of 'tiny.Card' in MLflow"


def test_a_description_in_mlflow_that_was_changed(registered):
    with registry(lineage.tracking_uri(registered.root, os.environ)) as client:
        before = client.get_model_version("tiny.Card", "1").description
        client.update_model_version("tiny.Card", "1", "**0.9999**")
        client.set_model_version_tag("tiny.Card", "1", "notemill.figure", "oops")
    (told,) = registered.cli("--check", "--json").json["differences"]
    assert told.startswith("the description in MLflow is another one than the version has")
    found = cli("registry", "check", "--json", project=registered.root)
    assert found.code == 1 and [one["fixable"] for one in found.json["findings"]] == [True, True]
    (one,) = cli("versions", "--json", project=registered.root).json["versions"]
    assert one["changed"] and one["figure"] == registered.manifest["figure"]
    assert "its tags in MLflow were changed: notemill registry check" in cli("versions", project=registered.root).out
    fixed = cli("registry", "check", "--fix", "--json", project=registered.root)
    assert fixed.code == 0 and fixed.json["fixed"] == ["version 1: tags put back: notemill.figure",
                                                       "version 1: description put back"]
    with registry(lineage.tracking_uri(registered.root, os.environ)) as client:
        assert client.get_model_version("tiny.Card", "1").description == before
    assert registered.cli("--check").code == 0
    assert not cli("versions", "--json", project=registered.root).json["versions"][0]["changed"]


# a file that somebody keeps
@pytest.mark.parametrize("name", ["kept.md", "kept.html"])
def test_a_file_is_compared_outside_its_human_parts(once, tmp_path, name):
    file = tmp_path / name
    assert once.cli("--output", file).code == 0
    assert once.cli("--check", "--output", file).code == 0
    text = file.read_text()
    file.write_text(text.replace("To try it.", "To try it tomorrow."))
    result = once.cli("--check", "--output", file)
    assert result.code == 0 and f"{file} says what is recorded" in result.out
    file.write_text(text.replace("on 400 held-out rows", "on 4000 held-out rows"))
    told, shown = (once.cli("--check", "--output", file, *words) for words in (["--json"], []))
    assert told.code == shown.code == 1 and told.json["differences"][0].startswith(name)
    assert shown.out.splitlines()[0] == told.json["differences"][0] and "says what is recorded" not in shown.out


def test_code_in_a_human_part_is_no_heading():
    text = "# a\n\n## Owner\n\n```\n## Metrics\n```\n\n## Metrics\n\n1\n"
    assert compare_text(text, text.replace("```\n## Metrics\n```", "me"), "x.md") == []
    assert compare_text(text, text.replace("\n1\n", "\n2\n"), "x.md") == [
        "x.md: section 'Metrics': is missing: 1", "x.md: section 'Metrics': should not stand there: 2"]
    assert compare_text("## Metrics\n1\n1\n", "## Metrics\n1\n", "x.md") == [
        "x.md: section 'Metrics': its lines are in another order, or stand there more or less often"]


@pytest.mark.parametrize("heading", [
    "##  Metrics", "# Metrics", "Metrics\n---", "Metrics\n===", "## **Metrics**", "> ## Metrics", "## Metrics ##",
    "## M&#101;trics", "## Met\u200brics", "  ## Metrics", "- # Metrics"])
def test_a_second_section_of_ours_in_a_human_part_is_found(heading):
    true = "# toy\n\n## Metrics\n\n0.9\n\n## Owner\n\nAda\n\n## Factors\n"
    (told,) = compare_text(true, true.replace("Ada\n", f"Ada\n\n{heading}\n\n0.9999\n"), "x.md")
    assert told.startswith("x.md: its sections are others: Metrics, ")


@pytest.mark.parametrize("words", ['<section class="human"><h2>Metrics</h2>', "<!--", "<details>", "a <b>c"])
def test_html_in_a_human_part_is_found(words):
    true = "---\na: <b>\n---\n# toy\n\n## Owner\n\nAda, <https://example.org>\n\n## Factors\n"
    (told,) = compare_text(true, true.replace("Ada,", f"Ada {words},"), "x.md")
    assert "a human part holds HTML" in told
    assert compare_text(true, true.replace("Ada,", "Bo `x`,\n\n```\n<b>\n```\n"), "x.md") == []


@pytest.mark.parametrize("words", [
    '</p></section><section class="human" id="x"><h2>Metrics</h2><p>0.9999', "<!-- ", "<h2>Metrics</h2>", "<details>",
    '<p style="position:fixed">', "<script>", '<a href="javascript:x">', "<textarea>", "<!x>"])
def test_a_page_shows_people_no_more_than_their_words(once, read, words):
    page = read["card.html"].decode()
    assert "To try it." in page
    assert compare_text(page, page.replace("To try it.", "<em>Try</em> it<br />"), "x.html") == []
    assert compare_text(page, page.replace("To try it.", f"To try it. {words}"), "x.html")


# today
def test_what_has_moved_on_since_is_told_and_no_difference(registered):
    path = registered.root / "notebooks" / "pipeline.yaml"
    pipeline = yaml.safe_load(path.read_text())
    pipeline["gate"]["slices"] = ["a"]
    path.write_text(yaml.safe_dump(pipeline))
    write(registered.root / "model_card.md", human_file(**WORDS))
    write(registered.root / "notebooks" / "contract.yaml", "rows: {least: 1}\n")
    result = registered.cli("--check")
    assert result.code == 0
    for said in ('declares slices otherwise today: ["a"] (the card: ["b"])', "model_card.md has changed since",
                 "the contract is another one today", "section 'Risk class' is not stated"):
        assert f"to know: {said}" in result.out or said in result.out


@pytest.mark.parametrize("risk", ["medium", "high"])
def test_a_risk_that_was_raised_since_counts(registered, risk):
    path = registered.root / "notebooks" / "pipeline.yaml"
    assert registered.facts["risk"] == "low" and registered.cli("--check").code == 0
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "risk": risk}))
    told = registered.cli("--check", "--json")
    assert told.code == 1 and "section 'Risk class' is not stated" in told.json["differences"]
    assert f"pipeline.yaml declares risk otherwise today: {risk} (the card: low)" in told.json["notes"]
    assert "is not stated" not in str(told.json["notes"])


def test_a_risk_that_was_lowered_since_does_not(facts):
    untrue, notes = card.today_notes(facts(manifest={"risk": "high"}), "", risk=None, config={}, words="",
                                     contract=None, today=date(2027, 1, 5))
    assert len(untrue) == 6 and notes == ["pipeline.yaml declares risk otherwise today: low (the card: high)"]


@pytest.mark.parametrize("risk, fails", [("low", False), ("medium", True), ("high", True)])
def test_a_review_that_has_expired_since(facts, risk, fails):
    human = human_file({"author": "Ada", "reviewed": "2026-01-05"}, **WORDS)
    for today, expired in ((date(2027, 1, 5), False), (date(2027, 1, 6), True)):
        untrue, notes = card.today_notes(facts(manifest={"risk": risk}), human, risk=risk, config={}, words=human,
                                         contract=None, today=today)
        assert (len(untrue), len(notes)) == ((6, 0) if fails and expired else (0, 6 if expired else 0))
