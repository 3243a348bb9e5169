"""`notemill card --check`: each way in which a card can be untrue is found, and told in words."""

import json

import pytest
import yaml
from card_samples import WORDS, human_file
from tiny import write

from notemill import card
from notemill.card.check import compare_text


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
    ("provenance.json", lambda proof: card.check.dependencies(proof)[-1]["digest"].update(sha256="5" * 64),
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
    facts = {**once.facts, "notemill": "0.0.9"}
    assert card.compare_version(facts, once.manifest, {**read, "card.md": b"otherwise"}) == []


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
    assert registered.cli("--check").code == 0
    change(folder / "card.html")
    result = registered.cli("--check", "--json")
    assert result.code == 1 and result.json["differences"] == [f"card.html in MLflow {said}"]


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


@pytest.mark.parametrize("risk, fails", [("low", False), ("medium", True), ("high", True)])
def test_a_review_that_has_expired_since(facts, risk, fails):
    from datetime import date

    human = human_file({"author": "Ada", "reviewed": "2026-01-05"}, **WORDS)
    for today, expired in ((date(2027, 1, 5), False), (date(2027, 1, 6), True)):
        untrue, notes = card.today_notes(facts(manifest={"risk": risk}), human, config={}, words=human, contract=None,
                                         today=today)
        assert (len(untrue), len(notes)) == ((6, 0) if fails and expired else (0, 6 if expired else 0))
