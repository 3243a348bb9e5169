"""The card as Markdown: what is recorded, as text that cannot be taken for markup, each figure with n and interval."""

import json
import re

import pytest
import yaml
from card_samples import HOSTILE, MANIFEST, RECORD, human_file, make_schema
from huggingface_hub import ModelCard
from model_samples import VERDICT

from notemill import card
from notemill.card.data import MOST_COLUMNS
from notemill.card.markup import cell, lower
from notemill.text import number

HELD_OUT = {"check": "held_out", "figure": None, "low": None, "high": None, "n": None, "limit": None,
            "outcome": "passed", "hint": None}
PART = {"name": "sex = |f|", "outcome": "passed", "figure": 0.97, "low": 0.95, "high": 0.98, "n": 812, "limit": 0.9}


@pytest.fixture
def rendered(facts):
    return lambda human="", **more: card.render(facts(**more), human)


def test_figures_stand_with_n_and_interval(rendered):
    text = rendered()
    assert "roc\\_auc: **0.9877**, 95 % interval 0.97 to 0.995, on 171 held-out rows." in text
    assert "| ✓ | floor | 0.97 | none | 171 | 0.95 | passed |" in text
    assert "| ! | leakage.duplicates | 3 | none | 171 | 0 | warned: 3 rows \\| stand in \\*both\\* tables |" in text
    assert "| ✓ | metric | 0.9877 | 0.97 to 0.995 | 171 |  | passed |" in text
    assert "Predicts answer (yes, of course, no): a classification trained on 1,234 rows. what was said." in text
    assert "| size | number | cm | any to 30 | how large |" in text and "key" not in text
    assert "- Run: r1 of 2026-11-20\n- Commit: 6e97\n" in text and "- Libraries: numpy 2.4, pandas 3.1\n" in text


def test_a_figure_without_interval_or_n_says_so(rendered):
    check = {**VERDICT["checks"][0], "low": None, "high": None, "n": None}
    text = rendered(verdict={**VERDICT, "checks": [check]})
    assert "**0.9877**, no interval, on an unknown number of held-out rows" in text
    assert "| ✓ | metric | 0.9877 | none | none |  | passed |" in text


def test_no_figure_of_any_row_lacks_its_n_and_interval(rendered):
    rows = [line.split(" | ") for line in rendered().splitlines() if re.match(r"\| [✓!✗?] \|", line)]
    assert len(rows) == 3 and all(row[3] and row[4] for row in rows if row[2])


def test_slices_and_groups_are_shown_one_by_one(rendered):
    parts = [PART, {**PART, "name": "age: 60 to 120", "outcome": "not assessed", "figure": None, "low": None, "n": 31,
                    "hint": "too few rows"}, "no part"]
    found = {**HELD_OUT, "check": "slices", "details": {"parts": parts}}
    text = rendered(verdict={**VERDICT, "config": {"slices": ["sex", {"column": "age", "bins": [0, 60, 120]}]},
                             "checks": [*VERDICT["checks"], found, {**found, "check": "robustness.noise"}]})
    assert "| ✓ | slices, sex = \\|f\\| | 0.97 | 0.95 to 0.98 | 812 | 0.9 | passed |\n" in text
    assert "| ? | slices, age: 60 to 120 |  |  | 31 | 0.9 | not assessed: too few rows |\n" in text
    assert "noise, sex" not in text and "no part" not in text
    assert "Slices that the gate looked at: sex, age in the bins 0, 60, 120." in text


def test_what_is_not_asked_for_is_one_line(rendered):
    more = [{**HELD_OUT, "check": name, "outcome": "not asked for", "hint": "why"} for name in ("value", "custom.a_b")]
    text = rendered(verdict={**VERDICT, "checks": [*more, *VERDICT["checks"]]})
    assert "\n\nNot asked for: value, custom.a\\_b.\n\n" in text and "| value |" not in text


@pytest.mark.parametrize("outcome, end", [("passed", "rows that training never saw."), ("warned", "rows."),
                                          ("refused", "rows."), ("not assessed", "rows.")])
def test_only_the_gates_finding_says_that_training_never_saw_the_rows(rendered, outcome, end):
    text = rendered(verdict={**VERDICT, "checks": [*VERDICT["checks"], {**HELD_OUT, "outcome": outcome}]})
    assert f"on 171 held-out {end}\n" in text


@pytest.mark.parametrize("manifest, said", [
    ({"commit": None}, "- Commit: none: outside a git repository, or before its first commit"),
    ({"dirty": True}, "- Commit: 6e97, with changes that were not committed"),
    ({"author": "Ada L <ada@example.org>"}, "- Author of the code: Ada L\n"),
    ({}, "- Author of the code: not recorded\n"),
    ({"risk": "high"}, "- Risk class: high\n")])
def test_where_it_comes_from(rendered, manifest, said):
    assert said in rendered(manifest=manifest) and "ada@example.org" not in rendered(manifest=manifest)


def test_what_is_not_recorded_is_said_to_be_so(rendered):
    text = rendered(record={"steps": []})
    assert "No contract is recorded with this run." in text and "What it took is not recorded" in text
    assert "| not recorded |  |  |  |  |" in text and "- Machine: not recorded" in text


def test_cost_and_machine_without_its_name(rendered, facts):
    machine = {"host": "secret-host", "system": "Linux 6.1-x86-build x86_64", "cpus": 8, "memory_mb": 32000}
    text = rendered(record={"machine": machine})
    assert "- Machine: Linux x86\\_64, 8 processors, 32.0 GB" in text and "secret-host" not in text
    assert facts(record={"machine": machine})["environment"]["machine"] == {name: machine[name] for name in (
        "system", "cpus", "memory_mb")}
    assert "All steps together took 1 min 01 s, 2.0 s of CPU time, at most 310.0 MB of memory. " in text
    assert "Energy and price are not recorded." in text
    assert "| train | notebooks/train.ipynb | depth=3 | 1 min 01 s | 2.0 s | 310.0 MB | " + "ab" * 32 in text


def test_contract_and_data(rendered):
    held_out = {"sha256": "d1" * 32, "bytes": 5000}
    steps = [{"step": "prepare", "inputs": {"source": {"from": "data/*.csv", "files": [
        {"name": "data/a.csv", "sha256": "e1" * 32, "bytes": 7}, {"name": "data/a.csv", "sha256": "e1" * 32}]}},
        "outputs": {"test": held_out}}, {**RECORD["steps"][0], "inputs": {
            "data": {"from": "prepare.train", "sha256": "f1" * 32, "bytes": 9}, "schema": {"from": "prepare.schema"}}}]
    text = rendered(record={"steps": steps}, verdict={**VERDICT, "config": {"data": "prepare.test", "floor": 0.5}},
                    tables={"d1" * 32: {"rows": 171, "columns": 4}, "f1" * 32: {"rows": 398, "columns": 5}},
                    contract={"file": "c.yaml", "sha256": "c1" * 32, "rules": ["a: number, 0 to 1"]})
    assert f"| prepare.test | 171 | 4 | 5.0 kB | {'d1' * 32} |" in text
    assert f"| prepare.train | 398 | 5 | 9 B | {'f1' * 32} |" in text
    assert text.count(f"| data/a.csv | 7 B | {'e1' * 32} |") == 1
    assert "- sha256 of the file: " + "c1" * 32 in text and "\n- a: number, 0 to 1\n" in text and "- floor: 0.5" in text


# front matter
def test_the_front_matter_is_read_by_hugging_faces_own_parser(rendered):
    text = rendered("---\nlicense: mit\n---\n", manifest={"name": "n: [x"},
                    verdict={**VERDICT, "config": {"data": "prepare.test"}})
    read = ModelCard(text)
    (result,) = read.data.eval_results
    assert read.data.model_name == "n: [x" and read.data.library_name == "sklearn" and read.data.license == "mit"
    assert (result.task_type, result.metric_type) == ("tabular-classification", "roc_auc")
    assert result.metric_value == 0.9876543
    assert result.metric_args == {"n": 171, "interval_95": [0.97, 0.995]}
    assert result.dataset_name == "n: [x prepare.test" and result.dataset_split == "test"
    assert yaml.safe_load(read.data.to_yaml())["model-index"][0]["results"][0]["metrics"][0]["args"]["n"] == 171


def test_a_figure_without_interval_says_so_in_the_front_matter_as_well(rendered):
    text = rendered(verdict={**VERDICT, "checks": [{**VERDICT["checks"][0], "low": None}]})
    assert ModelCard(text).data.eval_results[0].metric_args == {"n": 171, "interval_95": "none"}


# whose words
def test_what_people_wrote_is_named_as_theirs_and_below(rendered):
    text = rendered(human_file({"author": "A|da", "reviewed": "2026-01-05"}, **{
        "Intended use": "for **this**\n```\n## Metrics\n```\n### More"}))
    assert ("## Intended use\n\nfor **this**\n```\n## Metrics\n```\n##### More\n\n"
            "*Written by hand; reviewed by A\\|da on 2026-01-05, to be reviewed again by 2027-01-05.*\n") in text
    assert "## Ethical considerations\n\n**not stated**\n" in text


def test_unknown_headings_are_sections_of_their_own(rendered):
    text = rendered("first words\n\n## Tips\nslowly\n\n## Metrics\nwhy this one\n")
    assert "## In the words of its people\n\nfirst words\n\n*Written by hand; not reviewed.*\n" in text
    assert "## Tips\n\nslowly\n" in text and "## Metrics, in the words of its people\n\nwhy this one\n" in text
    assert text.count("\n## Metrics\n") == 1


def test_a_block_of_code_that_nobody_ended_does_not_swallow_the_facts(rendered):
    text = rendered("## Caveats\n```\ncode\n")
    assert "```\ncode\n```\n\n*Written by hand; not reviewed.*" in text


@pytest.mark.parametrize("human, shown", [
    ("Use\n===\nso", "### Use\nso"), ("Use\n---", "#### Use"), ("two\nlines\n=", "two\n### lines"),
    ("a\n\n---\nb", "a\n\n---\nb"), ("- a\n---", "- a\n\n---"), ("- a\n  ===", "- a\n  \\==="),
    ("> a\n> ---", "> a\n>\n> ---"), ("**a**\n===", "**a**\n\\==="),
    ("- # a\n> ## b\n  # c", "- ### a\n> #### b\n  ### c"),
    ("##### a", "###### a"), ("#tag", "#tag"), ("```\na\n===\n```", "```\na\n===\n```"),
    ("a | b\n--- | ---\n1 | 2", "a | b\n--- | ---\n1 | 2")])
def test_headings_that_people_wrote_are_below_the_cards(human, shown):
    assert lower(human) == shown


@pytest.mark.parametrize("human, shown", [
    ("a <script>alert(1)</script>", "a &lt;script>alert(1)&lt;/script>"), ("<!-- a", "&lt;!-- a"),
    ("<?a ?>", "&lt;?a ?>"), ("a < b, 1 <2 & [x](y)", "a < b, 1 <2 & [x](y)"), ("<https://a.b/c>", "<https://a.b/c>"),
    ("<https://a/onclick=b>", "&lt;https://a/onclick=b>"), ("    <b>", "&lt;b>"), ("a\n    <b>", "a\n    &lt;b>"),
    ("```html\n<b>\n```\n<b>", "```html\n<b>\n```\n&lt;b>"), ("~~~\n```\n~~~\n<b>", "~~~\n```\n~~~\n&lt;b>"),
    ("````\n```\n<b>\n````\n<b>", "````\n```\n<b>\n````\n&lt;b>"), ("- ```\n  ```\n<b>", "- ```\n  ```\n&lt;b>"),
    ("  ```\n```\n<b>", "```\n```\n&lt;b>"), ("a\n  ```\n```\n<b>", "a\n  ```\n```\n&lt;b>"),
    ("```a`b\n<b>", "```a`b\n&lt;b>"), ("a\u2028```\n<b>", "a\u2028```\n&lt;b>")])
def test_markup_that_people_wrote_does_not_run(human, shown):
    assert lower(human) == shown


# text from data
def test_text_from_data_stays_text(rendered):
    made = make_schema(name=HOSTILE, unit=HOSTILE, description=HOSTILE, categories=[HOSTILE])
    del made["columns"][0]["range"]
    made["target"] |= {"name": HOSTILE, "names": {"ja": HOSTILE}, "description": HOSTILE}
    made["split"] = {"kind": HOSTILE, "group": HOSTILE}
    step = {**RECORD["steps"][0], "params": {HOSTILE: HOSTILE}, "notebook": HOSTILE}
    text = rendered(schema=made, manifest={"author": HOSTILE}, record={"steps": [step], "git": {"branch": HOSTILE}},
                    contract={"file": HOSTILE, "sha256": "c1", "rules": [HOSTILE]},
                    verdict={**VERDICT, "config": {"slices": [HOSTILE], HOSTILE: HOSTILE}}).split("---", 2)[2]
    assert "<" not in text and not re.search(r"(?<!\\)[\[\]`]", text) and "\n# e" not in text
    assert not re.search(r"(?<!\\)\*", re.sub(r"\*\*.*\*\*|^\*.*\*$", "", text, flags=re.M))
    row = next(line for line in text.splitlines() if line.startswith("| a\\|b"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 6


def test_cells():
    assert cell("a\n b") == "a b" and cell("&lt;") == "&amp;lt;" and cell("x_1") == "x\\_1"


def test_numbers_for_people():
    assert [number(value) for value in (None, 171.0, 9768, 0.98765, -0.01, 1e-7, 12345.678, -98765.4)] == [
        "", "171", "9,768", "0.9877", "-0.01", "1e-07", "12,346", "-98,765"]


def test_a_huge_card_is_still_one(facts):
    wide = make_schema()
    wide["columns"] = [{"name": f"c{n}", "type": "number", "role": "feature", "description": "x" * 3000}
                       for n in range(MOST_COLUMNS + 700)]
    wide["target"]["classes"] = list(range(5000))
    given = facts(schema=wide)
    text = card.render(given, "## Intended use\n" + "word " * 100_000)
    assert f"| c{MOST_COLUMNS - 1} |" in text and f"| c{MOST_COLUMNS} |" not in text
    assert "And 700 more, which schema.json holds." in text and "and 4950 more" in text
    assert len(given["columns"]) == MOST_COLUMNS + 700
    words = "<b>" * 2000  # longer, once they are no markup
    text = card.summary(given, f"## Intended use\n{words}\n## Out of scope\n{words}", "#/x")
    assert 3900 < len(text) <= 4000 and text.endswith(" ...")
    assert len(card.render_page(given, "")) < 3_000_000


def test_the_facts_are_json_and_name_what_made_them(facts):
    made = facts()
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["format"] == 1 and made["content"] == MANIFEST["content"]


# the summary in MLflow
def test_the_summary_says_the_figure_and_what_is_not_stated(facts):
    text = card.summary(facts(), human_file(**{"Intended use": "### To try <b>it</b>\nissue #12"}), "#/card")
    assert text.startswith("[The whole model card](#/card)\n\n**toy** predicts answer: a classification with 1 ")
    assert "roc\\_auc **0.9877**, 95 % interval 0.97 to 0.995, on 171 held-out rows." in text
    assert "**Intended use.** To try &lt;b>it&lt;/b> issue #12" in text and "Not stated: Out-of-scope uses" in text
