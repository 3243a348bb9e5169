"""What the risk asks of people's words: registering is refused before anything is judged."""

import importlib
import json
import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from card_samples import WORDS, human_file
from tiny import cli, write

from notemill.card.human import TITLES
from notemill.errors import NotemillError

TODAY = datetime.now(UTC).date()
FRESH = {"author": "Ada", "reviewed": TODAY - timedelta(days=30)}


@pytest.fixture
def asked(project, monkeypatch):
    """`asked(risk, text)`: register with this risk and model_card.md; the gate must not come to judge."""
    def never(*args, **more):
        raise AssertionError("the gate was asked")

    def register(risk, text, gate=never):
        path = project / "notebooks" / "pipeline.yaml"
        path.write_text(f"risk: {risk}\n{path.read_text()}")
        if text is not None:
            write(project / "model_card.md", text)
        monkeypatch.setattr("notemill.gate.judge", gate)
        return cli("register", "--json", project=project)
    return register


@pytest.mark.parametrize("risk", ["medium", "high"])
def test_every_missing_section_is_named(asked, risk):
    result = asked(risk, human_file(FRESH, **{"Intended use": "To try it.", "Owner": "TODO"}))
    assert result.code == 2 and f"with `risk: {risk}`" in result.json["error"]["got"]
    said = re.findall(r"section '(.+?)' is not written", result.err)
    assert sorted(said) == sorted(set(TITLES.values()) - {"Intended use"})
    assert "write below the headings of model_card.md" in result.err


def test_no_file_at_all(asked):
    result = asked("high", None)
    assert result.code == 2 and len(re.findall("is not written", result.err)) == len(TITLES)


@pytest.mark.parametrize("head, said", [
    ({"author": "Ada"}, "was never reviewed"), ({"reviewed": TODAY}, "says nobody's name"),
    ({**FRESH, "reviewed": TODAY - timedelta(days=500)}, "had to be again by"),
    ({**FRESH, "reviewed": TODAY - timedelta(days=70), "review_months": 2}, "had to be again by")])
def test_a_review_that_is_missing_or_has_expired(asked, head, said):
    result = asked("medium", human_file(head, **WORDS))
    assert result.code == 2 and len(re.findall(said, result.err)) == len(TITLES)


def test_one_section_reviewed_alone(asked):
    old = {**FRESH, "reviewed": TODAY - timedelta(days=500)}
    words = {title: f"{text}\n\nReviewed by Bo on {TODAY.isoformat()}" for title, text in WORDS.items()}
    words["Owner"] = WORDS["Owner"]
    result = asked("medium", human_file(old, **words))
    assert result.code == 2 and re.findall("section '(.+?)'", result.err) == ["Owner"]


@pytest.mark.parametrize("risk", ["low", "high"])
@pytest.mark.parametrize("text, said", [
    (human_file({**FRESH, "reviewed": TODAY + timedelta(days=3)}, **WORDS), "lies in the future"),
    (human_file(FRESH, **{**WORDS, "Owner": f"me\nReviewed by Bo on {TODAY + timedelta(days=400)}"}), "in the future"),
    (human_file({"reviewed": "soon"}, **WORDS), "got 'soon'"), (b"\xff\xfe\x00", "is no text in UTF-8")])
def test_what_is_wrong_is_wrong_at_any_risk(asked, risk, text, said):
    result = asked(risk, text)
    assert result.code == 2 and said in result.err and "model_card.md" in result.err


def test_all_written_and_reviewed_goes_to_the_gate(asked):
    def judge(*args, **more):
        raise NotemillError("the gate", "was asked")

    result = asked("high", human_file(FRESH, **WORDS), gate=judge)
    assert result.code == 1 and result.err == "the gate: was asked\n"


def test_a_low_risk_names_what_is_missing_once(once):
    (line,) = [line for line in once.result.err.splitlines() if "model card" in line]
    assert line == ("model card: not stated: Out-of-scope uses, Ethical considerations, Caveats and recommendations, "
                    "Risk class (model_card.md)")
    text = once.file("card.md").decode()
    assert text.count("not stated**") == 4 and text.count("## ") - text.count("### ") == 14


@pytest.fixture
def judged(once, monkeypatch):
    """The gate says again what it said: the model is the same. `judged(first)`: what happens while it judges."""
    registering = importlib.import_module("notemill.release.register")  # the package has a function of this name
    verdict = json.loads(once.file("verdict.json"))

    def replace(first=lambda: None):
        monkeypatch.setattr(registering, "judge_draft", lambda *args, **more: first() or verdict)
    return replace


def test_words_written_later_do_not_change_the_card(registered, judged):
    judged()
    write(registered.root / "model_card.md", human_file(FRESH, **WORDS))
    before = registered.cli().out
    result = cli("register", project=registered.root)
    assert result.code == 0 and registered.cli().out == before
    assert result.err.strip().endswith("; the card of version 1 stays as it was, before model_card.md changed")


def test_words_taken_away_while_the_gate_judges(project, judged):
    path = project / "notebooks" / "pipeline.yaml"
    path.write_text(f"risk: medium\n{path.read_text()}")
    write(project / "model_card.md", human_file(FRESH, **WORDS))
    judged(lambda: (project / "model_card.md").unlink())
    result = cli("register", project=project)
    assert result.code == 2 and "is not written" in result.err
    assert not (project / ".notemill-records" / "versions").exists()


def test_an_old_review_at_low_risk_is_a_word_more(registered, judged):
    judged()
    text = human_file({"author": "Ada", "reviewed": "2020-01-01"}, **WORDS)
    for name in (registered.root / ".notemill-records", registered.root / "mlartifacts"):
        shutil.rmtree(name)
    for path in registered.root.glob("mlflow.db*"):
        path.unlink()
    write(registered.root / "model_card.md", text)
    result = cli("register", "--json", project=registered.root)
    assert result.code == 0 and result.err.strip() == (
        "model card: to be reviewed anew: Intended use, Out-of-scope uses, Ethical considerations, "
        "Caveats and recommendations, Owner, Risk class (model_card.md)")
    checked = cli("card", "--check", "--json", project=registered.root).json
    assert checked["differences"] == [] and len([note for note in checked["notes"] if "2020-01-01" in note]) == 6
    assert json.loads(registered.file("card.json"))["risk"] == "low"
