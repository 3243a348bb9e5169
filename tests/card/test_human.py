"""model_card.md is read as people write it: known headings by any of their names, and nothing is lost."""

from datetime import date

import pytest
from tiny import cli

from notemill.card import check_readable, demand, read_human
from notemill.card.human import TITLES
from notemill.card.review import unwritten
from notemill.errors import UsageError

OLD = """<!-- What facts cannot say. -->

## What it is for

Scores letters.

## Who answers for it

Ada

*Not signed yet: name, date*

## How risky it is

Risk: low (`risk:` in notebooks/pipeline.yaml). Not written yet: whom does a wrong prediction hit?

## What it must not be used for

Not written yet.

## What is known to be weak

Not written yet: rows for which it is often wrong, groups that the data lack, how long it can be trusted.
"""


def test_the_headings_of_earlier_templates_are_known():
    human = read_human(OLD)
    assert human.section("intended").text == "Scores letters." and human.section("owner").text == "Ada"
    assert unwritten(human) == [TITLES[key] for key in ("out_of_scope", "ethics", "caveats", "risk")]


@pytest.mark.parametrize("heading, key", [
    ("# Intended Uses", "intended"), ("### **Out of scope**", "out_of_scope"), ("Limitations\n---", "caveats"),
    ("## Ethics:", "ethics"), ("## Owner ##", "owner"), ("## Risks", "risk")])
def test_a_heading_is_known_by_its_other_names(heading, key):
    assert read_human(f"{heading}\n\nso").section(key).text == "so"


def test_unknown_headings_are_kept_in_their_order():
    human = read_human("before\n\n# My model\n\n## Intended use\nyes\n### More\nand more\n## Training tips\nslowly\n"
                       "### deeper\nx\n## Metrics\nours\n")
    assert human.section("intended").text == "yes\n### More\nand more"
    assert [(one.title, one.text) for one in human.others] == [
        ("", "before"), ("Training tips", "slowly\n### deeper\nx"), ("Metrics", "ours")]


def test_the_same_heading_twice_is_one_section():
    human = read_human("## Ethics\na\nReviewed by Bo on 2026-01-02\n## Ethical considerations\nb\n")
    section = human.section("ethics")
    assert (section.text, section.reviewer, section.reviewed) == ("a\n\nb", "Bo", date(2026, 1, 2))


def test_headings_in_code_and_in_comments_are_none():
    human = read_human("## Intended use\n```\n## Owner\n<!-- a -->\n```\n<!-- ## Ethics\n\n## Risk class\n-->\nrest")
    assert human.section("intended").text == "```\n## Owner\n<!-- a -->\n```\n\nrest"
    assert not human.section("owner").is_written and not human.section("ethics").is_written


@pytest.mark.parametrize("text", ["", " \n", "<!-- say it -->", "TODO", "tbd.", "...", "?", "Not written yet: why"])
def test_nothing_and_what_stands_for_nothing_is_unwritten(text):
    assert not read_human(f"## Intended use\n\n{text}\n").section("intended").is_written


@pytest.mark.parametrize("text", ["Nothing.", "TODO lists of a team", "a <!-- b --> c", "a <!-- no end", "`<!--`\n\nx"])
def test_words_are_words(text):
    assert read_human(f"## Intended use\n\n{text}\n").section("intended").is_written


@pytest.mark.parametrize("text", ["a\n\n---\n\nb", "one\ntwo\n---", "```\nTODO\n...\n```", "- a\n\n?\n\nb"])
def test_a_line_that_looks_like_nothing_stays_within_words(text):
    assert read_human(f"## Intended use\n\n{text}\n").section("intended").text == text


def test_very_many_comments_take_no_time():
    body = "a <!-- b\n" * 30_000
    assert read_human(f"## Intended use\n{body}").section("intended").text == body.strip()
    assert read_human(f"## Intended use\n{body}-->x").section("intended").text == "a x"


def test_the_head_says_whose_words_they_are():
    human = read_human("\ufeff---\r\nauthor: Ada  Lovelace\r\nowner: Bo\r\nreviewed: 2026-01-31\r\n"
                       "review_months: 1\r\n---\r\n## Intended use\r\nso\r\n"
                       ""
                       "## Owner\r\nroom 7\r\nReviewed by *Cy* on 2026-02-01.\r\n")
    intended, owner = human.section("intended"), human.section("owner")
    assert (intended.reviewer, intended.reviewed) == ("Ada Lovelace", date(2026, 1, 31))
    assert (owner.text, owner.reviewer, owner.reviewed) == ("Bo\n\nroom 7", "*Cy*", date(2026, 2, 1))
    assert human.due(date(2026, 1, 31)) == date(2026, 2, 28)


@pytest.mark.parametrize("reviewed, months, due", [
    ("2026-12-31", 2, "2027-02-28"), ("2026-01-15", 12, "2027-01-15"), ("2027-12-31", 2, "2028-02-29"),
    ("2026-11-30", 120, "2036-11-30")])
def test_a_review_holds_for_so_many_months(reviewed, months, due):
    human = read_human(f"---\nreview_months: {months}\n---\n")
    assert human.due(date.fromisoformat(reviewed)).isoformat() == due


@pytest.mark.parametrize("text", ["---\n\nA line above, no head\n", "---\nso\n---\nText", "---\n---\nText"])
def test_a_line_across_is_no_head(text):
    if text.startswith("---\nso"):
        with pytest.raises(UsageError, match="no list of names and values"):
            read_human(text)
    else:
        assert read_human(text).author is None


@pytest.mark.parametrize("head, said", [
    ("reviewd: 2026-01-01", "did you mean 'reviewed'"), ("reviewed: soon", "got 'soon'"),
    ("reviewed: 20.11.2026", "got '20.11.2026'"), ("reviewed: 2026-02-31", "a date such as"),
    ("reviewed: 20261120", "got 20261120"), ("review_months: 0", "1 to 120"), ("review_months: true", "1 to 120"),
    ("review_months: 1.5", "1 to 120"), ("author: [Ada]", "text"), ("author: a: b", "not YAML"),
    ("author: !!python/object:os.system x", "not YAML")])
def test_a_head_that_is_wrong(head, said):
    with pytest.raises(UsageError) as caught:
        read_human(f"---\n{head}\n---\n## Owner\nme\n")
    assert said in str(caught.value) and str(caught.value).startswith("model_card.md")


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "01/02/2026", "2026-1-2"])
def test_a_reviews_day_that_is_none(day):
    with pytest.raises(UsageError, match="(?s)section 'Owner'.*a date such as 2026-11-20") as caught:
        read_human(f"## Owner\nme\nReviewed by Ada on {day}\n")
    assert day in str(caught.value)


def test_init_writes_a_template_that_is_read_and_invents_no_date(tmp_path):
    rows = [f"{n * 37 % 11 + 0.5},{'yes' if n % 3 else 'no'}" for n in range(60)]
    (tmp_path / "in.csv").write_text("\n".join(["x,bought", *rows, ""]))
    words = ("--data", tmp_path / "in.csv", "--target", "bought", "--owner", "Ada: \"L\" #1", "--purpose", "Who buys.")
    assert cli("init", tmp_path / "p", *words).code == 0
    human = read_human((tmp_path / "p" / "model_card.md").read_text())
    assert (human.owner, human.author, human.reviewed) == ('Ada: "L" #1', None, None)
    assert human.section("intended").text == "Who buys." and human.section("owner").text == 'Ada: "L" #1'
    assert unwritten(human) == [TITLES[key] for key in ("out_of_scope", "ethics", "caveats", "risk")]
    assert cli("init", tmp_path / "q", *words[:4]).code == 0
    human = read_human((tmp_path / "q" / "model_card.md").read_text())
    assert unwritten(human) == list(TITLES.values()) and human.reviewed is None


@pytest.mark.parametrize("text, said", [
    (">" * 20_000, "model_card.md:1: quotations or lists are nested too deep"),
    ("a\n" + "- " * 31 + "b", "model_card.md:2: quotations or lists"), ("word " * 50_000, "has 250,000 characters")])
def test_what_would_take_minutes_to_render_is_refused(text, said):
    with pytest.raises(UsageError) as caught:
        check_readable(text)
    assert said in str(caught.value)
    check_readable("> " * 30 + "a\n" + "word " * 30_000)


def test_a_head_without_end_is_told_in_words():
    with pytest.raises(UsageError, match="its head is nested too deep"):
        read_human("---\nauthor: " + "[" * 5000 + "\n---\n")


def test_a_review_that_holds_to_the_end_of_time():
    human = read_human("---\nauthor: Ada\nreviewed: 9999-12-31\n---\n## Ethics\nNone.\n")
    assert human.due(human.reviewed) == date.max
    with pytest.raises(UsageError, match="lies in the future"):
        demand(human, "low", date(2026, 11, 20))
