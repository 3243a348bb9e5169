"""The model card: what is recorded, as text that cannot be taken for markup."""

import re

import pytest
import yaml
from model_samples import VERDICT

from notemill import card

MANIFEST = {"name": "toy", "task": "classification", "run": "r1", "created": "2026-11-20T10:00:00+00:00",
            "commit": "6e97", "dirty": False, "trained_with": {"pandas": "3.1", "numpy": "2.4"}, "content": "c0ffee"}
HELD_OUT = {"check": "held_out", "figure": None, "low": None, "high": None, "n": None, "limit": None,
            "outcome": "passed", "hint": None}
HOSTILE = "a|b`c*d_[x](http://e)<script>&amp;\n# e\\"


def schema(**column):
    entry = {"name": "size", "type": "number", "role": "feature", "unit": "cm", "range": [None, 30],
             "description": "how large"} | column
    target = {"name": "answer", "classes": ["ja", "no"], "names": {"ja": "yes, of course"},
              "description": "what was said"}
    return {"target": target, "rows": {"train": 1234},
            "columns": [entry, {**entry, "name": "key", "role": "identifier"}]}


def rendered(**more):
    return card.render(MANIFEST | more.pop("manifest", {}), more.pop("verdict", VERDICT), more.pop("schema", schema()),
                       more.pop("human", ""))


def test_figures_stand_with_n_and_interval():
    text = rendered()
    assert "roc\\_auc: **0.9877**, 95 % interval 0.97 to 0.995, on 171 held-out rows." in text
    assert "| ✓ | floor | 0.97 |  | 171 | 0.95 | passed |" in text
    assert "| ! | leakage.duplicates | 3 |  | 171 | 0 | warned: 3 rows \\| stand in \\*both\\* tables |" in text
    assert "| ✓ | metric | 0.9877 | 0.97 to 0.995 | 171 |  | passed |" in text
    assert "Predicts **answer** (yes, of course, no): a classification trained on 1,234 rows. what was said." in text
    assert "| size | number | cm | any to 30 | how large |" in text and "key" not in text
    assert "- run r1 of 2026-11-20\n- commit 6e97\n- trained with numpy 2.4, pandas 3.1\n- content c0ffee\n" in text


def test_a_figure_without_interval_has_none():
    check = {**VERDICT["checks"][0], "low": None, "high": None}
    assert "**0.9877**, on 171 held-out rows" in rendered(verdict={**VERDICT, "checks": [check]})


PART = {"name": "sex = |f|", "outcome": "passed", "figure": 0.97, "low": 0.95, "high": 0.98, "n": 812, "limit": 0.9}


def test_slices_and_groups_are_shown_one_by_one():
    parts = [PART, {**PART, "name": "age: 60 to 120", "outcome": "not assessed", "figure": None, "low": None, "n": 31,
                    "hint": "too few rows"}, "no part"]
    found = {**HELD_OUT, "check": "slices", "details": {"parts": parts}}
    text = rendered(verdict={**VERDICT, "checks": [*VERDICT["checks"], found, {**found, "check": "robustness.noise"}]})
    assert "| ✓ | slices, sex = \\|f\\| | 0.97 | 0.95 to 0.98 | 812 | 0.9 | passed |\n" in text
    assert "| ? | slices, age: 60 to 120 |  |  | 31 | 0.9 | not assessed: too few rows |\n" in text
    assert "noise, sex" not in text and "no part" not in text


def test_what_is_not_asked_for_is_one_line():
    more = [{**HELD_OUT, "check": name, "outcome": "not asked for", "hint": "why"} for name in ("value", "custom.a_b")]
    text = rendered(verdict={**VERDICT, "checks": [*more, *VERDICT["checks"]]})
    assert "\n\nNot asked for: value, custom.a\\_b.\n\n" in text and "| value |" not in text


@pytest.mark.parametrize("outcome, end", [("passed", "rows that training never saw."), ("warned", "rows."),
                                          ("refused", "rows."), ("not assessed", "rows.")])
def test_only_the_gates_finding_says_that_training_never_saw_the_rows(outcome, end):
    text = rendered(verdict={**VERDICT, "checks": [*VERDICT["checks"], {**HELD_OUT, "outcome": outcome}]})
    assert f"on 171 held-out {end}\n" in text


@pytest.mark.parametrize("facts, said", [
    ({"commit": None}, "- no commit: outside a git repository, or before its first commit"),
    ({"dirty": True}, "- commit 6e97, with changes that were not committed")])
def test_where_it_comes_from(facts, said):
    assert said in rendered(manifest=facts)


def test_the_front_matter_is_a_model_index():
    facts = yaml.safe_load(rendered(manifest={"name": "n: [x"}).split("---")[1])
    result = facts["model-index"][0]["results"][0]
    assert facts["model-index"][0]["name"] == "n: [x" and result["task"] == {"type": "tabular-classification"}
    assert result["metrics"] == [{"type": "roc_auc", "value": 0.9876543, "name": "roc_auc"}]


def test_text_from_data_stays_text():
    made = schema(name=HOSTILE, unit=HOSTILE, description=HOSTILE, categories=[HOSTILE])
    del made["columns"][0]["range"]
    made["target"] |= {"name": HOSTILE, "names": {"ja": HOSTILE}, "description": HOSTILE}
    text = rendered(schema=made).split("---", 2)[2]
    assert "<" not in text and not re.search(r"(?<!\\)[\[\]`]", text)
    assert not re.search(r"(?<!\\)\*", text.replace("**", "")) and "\n# e" not in text
    row = next(line for line in text.splitlines() if line.startswith("| a\\|b"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 6


def test_cells():
    assert card.cell("a\n b") == "a b" and card.cell("&lt;") == "&amp;lt;" and card.cell("x_1") == "x\\_1"


def test_numbers_for_people():
    assert [card.number(value) for value in (None, 171.0, 9768, 0.98765, -0.01, 1e-7, 12345.678, -98765.4)] == [
        "", "171", "9,768", "0.9877", "-0.01", "1e-07", "12,346", "-98,765"]


def test_what_people_wrote_is_named_as_theirs_and_below():
    text = rendered(human="# Use\nfor **this**\n```\n# a comment\n```\n## More\n")
    assert text.endswith("## In the words of its people\n\nWritten by hand in model_card.md of the project.\n\n"
                         "### Use\nfor **this**\n```\n# a comment\n```\n#### More\n")
    assert "people" not in rendered(human=" \n")


@pytest.mark.parametrize("human, shown", [
    ("Use\n===\nso", "### Use\nso"), ("Use\n---", "#### Use"), ("two\nlines\n=", "two\n### lines"),
    ("a\n\n---\nb", "a\n\n---\nb"), ("- a\n---", "- a\n\n---"), ("- a\n  ===", "- a\n  \\==="),
    ("> a\n> ---", "> a\n>\n> ---"), ("**a**\n===", "**a**\n\\==="),
    ("- # a\n> ## b\n  # c", "- ### a\n> #### b\n  ### c"),
    ("##### a", "###### a"), ("#tag", "#tag"), ("```\na\n===\n```", "```\na\n===\n```"),
    ("a | b\n--- | ---\n1 | 2", "a | b\n--- | ---\n1 | 2")])
def test_headings_that_people_wrote_are_below_the_cards(human, shown):
    assert rendered(human=human).endswith(f"model_card.md of the project.\n\n{shown}\n")


@pytest.mark.parametrize("human, shown", [
    ("a <script>alert(1)</script>", "a &lt;script>alert(1)&lt;/script>"), ("<!-- a -->", "&lt;!-- a -->"),
    ("<?a ?>", "&lt;?a ?>"), ("a < b, 1 <2 & [x](y)", "a < b, 1 <2 & [x](y)"), ("<https://a.b/c>", "<https://a.b/c>"),
    ("<https://a/onclick=b>", "&lt;https://a/onclick=b>"), ("    <b>", "&lt;b>"), ("a\n    <b>", "a\n    &lt;b>"),
    ("```html\n<b>\n```\n<b>", "```html\n<b>\n```\n&lt;b>"), ("~~~\n```\n~~~\n<b>", "~~~\n```\n~~~\n&lt;b>"),
    ("````\n```\n<b>\n````\n<b>", "````\n```\n<b>\n````\n&lt;b>"), ("- ```\n  ```\n<b>", "- ```\n  ```\n&lt;b>"),
    ("  ```\n```\n<b>", "```\n```\n&lt;b>"), ("a\n  ```\n```\n<b>", "a\n  ```\n```\n&lt;b>"),
    ("```a`b\n<b>", "```a`b\n&lt;b>"), ("a\u2028```\n<b>", "a\u2028```\n&lt;b>")])
def test_markup_that_people_wrote_does_not_run(human, shown):
    assert rendered(human=human).endswith(f"model_card.md of the project.\n\n{shown}\n")
