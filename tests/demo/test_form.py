"""The form's fields, links and the shell's call: a row survives each of them."""

import json
import shlex
from urllib.parse import parse_qs

import pytest

from notemill.demo import curl, form, links, words
from notemill.runtime import rows


def column(kind="number", **more):
    return {"name": "size", "type": kind, "role": "feature", **more}


@pytest.mark.parametrize("given, kind", [
    (column(), "number"), (column("integer"), "number"), (column("integer", **{"from": {"type": "contract"}}), "whole"),
    (column("boolean"), "truth"), (column("datetime"), "moment"), (column("text"), "text"),
    (column("category", categories=["a", "b"]), "choice"), (column("integer", categories=[1, 2]), "choice"),
    (column("number", mixed=["unknown"]), "text"), (column("category", categories=list(map(str, range(600)))), "text")])
def test_each_type_has_its_field(given, kind):
    assert form.field(0, given).kind == kind


def test_a_field_says_unit_and_range():
    assert form.field(0, column(unit="cm", min=-5, max=1030.5)).hint == "cm, -5 to 1030"
    assert form.field(0, column(min=1999, max=2024.0)).hint == "1999 to 2024"  # years
    assert form.field(0, column("text", min=1, max=2)).hint == ""


def test_other_choices_may_be_typed_unless_the_contract_forbids():
    assert form.field(0, column("category", categories=["a"])).open
    strict = column("category", categories=["a"], **{"from": {"categories": "contract"}})
    assert not form.field(0, strict).open and form.field(0, {**strict, "warn": ["categories"]}).open


def test_a_row_survives_the_form(demo):
    for row in demo.loaded.golden["rows"]:
        assert form.row_of(demo.fields, form.state_of(demo.fields, row)) == row


@pytest.mark.parametrize("kind, held, value", [
    ("number", 3.0, 3), ("number", 2.5, 2.5), ("number", None, None), ("text", "  ", None), ("truth", "false", False),
    ("moment", "2026-01-31", "2026-01-31"), ("whole", 7, 7)])
def test_what_a_widget_holds_as_a_value(kind, held, value):
    found = form.to_value(form.Field(0, "x", kind, ""), held)
    assert found == value and type(found) is type(value)


def test_numbers_between_words_stay_numbers():
    dose = form.field(0, column(mixed=["unknown"]))
    for value in (5, 2.5, "unknown", "5 mg", None):
        held = form.row_of([dose], form.state_of([dose], {"size": value}))["size"]
        assert held == value and type(held) is type(value)
        assert links.from_query([dose], links.to_query([dose], {"size": value}))[0] == {"size": value}


@pytest.mark.parametrize("word, held", [("TRUE", "true"), ("1", "true"), ("yes", "true"), (" no ", "false"),
                                        (0, "false"), (1.0, "true"), (True, "true"), (False, "false")])
def test_true_and_false_as_the_model_reads_them(word, held):
    assert form.to_state(form.Field(0, "x", "truth", ""), word) == held


def test_the_words_for_true_and_false_are_the_model_s():
    assert form.TRUTHS == rows.TRUTHS


def test_what_is_private_is_a_gap_in_an_example():
    fields = form.fields([column(), {**column(), "name": "income", "private": True}])
    assert form.without_private(fields, {"size": 1, "income": 9}) == {"size": 1, "income": None}


def test_coded_choices_stay_numbers():
    coded = form.Field(0, "x", "choice", "", (1, 2))
    assert form.to_value(coded, "2") == 2 and form.to_value(coded, "9") == "9"


# links
def test_a_row_survives_a_link(demo):
    for row in demo.loaded.golden["rows"]:
        query = {name: found[-1] for name, found in
                 parse_qs(links.link(demo.fields, row)[1:], keep_blank_values=True).items()}
        assert links.from_query(demo.fields, query) == (row, [])


def test_a_link_says_what_it_could_not_use(demo):
    row, said = links.from_query(demo.fields, {"size": "big", "colour": "red", "shape": "x"})
    assert row["size"] is None and row["colour"] == "red"
    assert said == ["size was left out: it cannot be 'big'", "the model has no input 'shape'"]
    assert links.from_query(demo.fields, {"utm": "x"}) == (None, [])
    row, said = links.from_query(demo.fields, {"flag": "abc"})
    assert row["flag"] is None and said == ["flag was left out: it cannot be 'abc'"]


def test_names_that_streamlit_keeps_for_itself_go_by_others():
    fields = [form.Field(0, "embed", "text", ""), form.Field(1, "_embed", "text", "")]
    assert links.to_query(fields, {"embed": "a", "_embed": None}) == {"_embed": "a", "__embed": ""}
    assert links.from_query(fields, {"_embed": "a"}) == ({"embed": "a", "_embed": None}, [])


def test_no_address_holds_what_is_private():
    fields = form.fields([column(), {**column(), "name": "income", "private": "hash"}])
    assert links.link(fields, {"size": 1, "income": 99}) == "?size=1"
    assert links.from_query(fields, {"size": "1"}) == (
        {"size": 1, "income": None}, ["income is missing here: it is private, and no address holds it"])


def test_whether_a_link_holds_a_row():
    fields = form.fields([column(), {**column(), "name": "income", "private": "hash"}])
    assert links.holds(fields, {"size": "1"}, {"size": 1, "income": 99})
    assert not links.holds(fields, {"size": "2"}, {"size": 1}) and not links.holds(fields, {}, {"size": None})


def test_a_row_that_is_too_long_has_no_link():
    assert links.link([form.Field(0, "x", "text", "")], {"x": "a" * 7000}) == ""


# curl
def test_the_shell_gets_the_row_as_it_is():
    row = {"it's": "$(rm) `x` \"é\"", "n": None, "f": 1.5}
    said = shlex.split(curl.command([], row, "http://host:1/").replace("\\\n", " "))
    assert said[:3] == ["curl", "-s", "http://host:1/predict"] and json.loads(said[-1]) == row


def test_no_call_holds_what_is_private():
    fields = form.fields([column(), {**column(), "name": "income", "private": True}])
    said = curl.command(fields, {"size": 1, "income": 12345})
    assert "12345" not in said and '"size": 1,' in said and '"income": "<private: fill it in>"' in said
    assert curl.command(fields, {"size": 1, "income": None}) == said  # nor whether there is one


# words
def test_markdown_is_shown_not_done():
    assert words.plain("![x](http://e) <b> $a$ :red[x] `c`\nd") == (
        r"\!\[x\]\(http\:\/\/e\) \<b\> \$a\$ \:red\[x\] \`c\` d")


@pytest.mark.parametrize("text", ["size (cm, -1.9 to 18.32)", "income-per-year", "a_b.c/d", "A&B (50 %)"])
def test_what_does_not_act_is_a_label_as_it_is(text):
    assert words.named(text) == text


def test_what_would_act_does_not_in_a_label():
    assert words.named("![x](http://e) <b> $a$ :red[x] `c`\nd -> _e_ &lt; www.x #") == (
        r"\!\[x\](http\://e) \<b\> \$a\$ \:red\[x\] \`c\` d -\> \_e\_ \&lt; www\.x #")
    assert [words.named(text) for text in ("# a", "- a", "1. a", "12) a")] == [r"\# a", r"\- a", r"1\. a", r"12\) a"]


@pytest.mark.parametrize("value, said", [(None, "missing"), (True, "True"), (1234, "1,234"), (0.00012345, "0.0001234"),
                                         (12345.67, "12,346"), (2.0, "2"), ("ja", "ja")])
def test_figures(value, said):
    assert words.figure(value) == said


@pytest.mark.parametrize("value, said", [(2024, "2024"), (2024.0, "2024"), (500.0401, "500.0401"), (None, "missing"),
                                         (True, "True"), (1e-7, "1e-07"), (-0.5, "-0.5"), ("ja", "ja")])
def test_inputs_are_shown_as_they_are(value, said):
    assert words.exact(value) == said


@pytest.mark.parametrize("amount, points, said", [(-0.0001, True, "0.0"), (0.0, True, "0.0"), (-0.123, True, "−12.3"),
                                                  (-0.0001, False, "0.00"), (1234.5, False, "+1,234.50")])
def test_nothing_has_no_sign(amount, points, said):
    assert words.signed(amount, 1.0, points=points) == said


@pytest.mark.parametrize("share, said", [(0, "0 %"), (0.004, "under 1 %"), (0.734, "73 %"), (0.9999, "over 99 %"),
                                         (1, "100 %")])
def test_percent(share, said):
    assert words.percent(share) == said
