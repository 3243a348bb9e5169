"""Try it by Streamlit's own test harness: from page to page, the address, what is private, what the model refuses."""

import copy
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from notemill.demo import links
from notemill.demo.state import Current

TWO_PAGES = """
import streamlit as st
from notemill.demo.pages import try_it
if st.toggle("elsewhere", key="elsewhere"):
    st.query_params.clear()  # as Streamlit does where the page changes
else:
    try_it.show()
"""


def visit(**query):
    shown = AppTest.from_string(TWO_PAGES, default_timeout=60)
    shown.query_params.update(query)
    return run(shown)


def run(shown):
    shown.run()
    assert not shown.exception, shown.exception
    return shown


def drawn(shown):
    return "".join(one.proto.body for one in shown.get("html"))


def away_and_back(shown):
    for there in (True, False):
        shown.toggle(key="elsewhere").set_value(there)
        run(shown)


def predict(shown, size=None):
    if size is not None:
        shown.number_input[0].set_value(size)
    shown.button[0].click()
    return run(shown)


def size(shown):
    return shown.number_input[0].value


def caption(shown):
    return next(one.value for one in shown.caption if one.value.startswith("`notemill serve`"))


def test_who_comes_back_finds_the_form_as_it_was(demo):
    shown = visit()
    predict(shown, 29.5)
    away_and_back(shown)
    assert size(shown) == 29.5 and shown.query_params["size"] == "29.5"
    predict(shown)
    row = {**demo.loaded.golden["rows"][0], "size": 29.5}
    assert shown.session_state["asked"]["row"] == row
    assert f'class="big">{demo.score([row]).predictions[0]}<' in drawn(shown)


def test_and_the_example(demo):
    shown = visit()
    shown.selectbox(key="example").set_value(3)
    run(shown)
    away_and_back(shown)
    assert shown.selectbox(key="example").value == 3 and size(shown) == demo.loaded.golden["rows"][3]["size"]


def test_an_example_has_its_address(demo):
    shown = visit()
    assert "shows this example" in caption(shown) and not shown.query_params
    shown.selectbox(key="example").set_value(3)
    run(shown)
    assert shown.query_params["size"] == str(demo.loaded.golden["rows"][3]["size"])
    assert "holds the row as well: it can be shared" in caption(shown)


def test_after_predict_the_same_example_can_be_chosen_again(demo):
    shown = visit()
    predict(shown, 29.5)
    assert shown.selectbox(key="example").value is None
    shown.selectbox(key="example").set_value(0)
    run(shown)
    assert size(shown) == demo.loaded.golden["rows"][0]["size"]


def test_who_goes_back_sees_the_row_of_that_address(demo):
    shown = visit()
    predict(shown, 9.25)
    before = dict(shown.query_params)
    predict(shown, 14.5)
    shown.query_params.clear()
    shown.query_params.update(before)  # the browser's Back
    run(shown)
    assert size(shown) == 9.25 and shown.session_state["asked"]["row"]["size"] == 9.25
    shown.query_params.clear()
    run(shown)
    assert size(shown) == demo.loaded.golden["rows"][0]["size"] and shown.selectbox(key="example").value == 0


def test_a_row_that_is_too_long_leaves_no_older_address(demo, monkeypatch):
    shown = visit(size="9", colour="red", flag="true", at="")
    monkeypatch.setattr(links, "LONGEST", 10)
    predict(shown, 9.5)
    assert not shown.query_params and "too long for one" in caption(shown)
    run(shown)
    assert size(shown) == shown.session_state["asked"]["row"]["size"] == 9.5


# private
@pytest.fixture
def private(demo):
    """The same model, whose contract calls the size private."""
    columns = copy.deepcopy(list(demo.loaded.columns))
    columns[0]["private"] = True
    return other(demo, columns=columns)


def test_no_example_shows_what_is_private(private):
    shown = visit()
    named = shown.selectbox(key="example").options
    for number, row in enumerate(private.loaded.golden["rows"]):
        shown.selectbox(key="example").set_value(number)
        run(shown)
        assert size(shown) is None and '"size": null' not in shown.code[0].value
        assert str(row["size"]) not in drawn(shown)
        assert named[number] == (f"Row {number + 1}" if row["size"] is not None else
                                 f"Row {number + 1}: {private.loaded.golden['predictions'][number]}")
    assert any(one.value.startswith("Private, and empty in the examples") for one in shown.caption)


def test_what_is_private_stays_in_the_form(private):
    shown = visit()
    predict(shown, 9.25)
    run(shown)
    assert size(shown) == 9.25 and "size" not in shown.query_params and "but what is private" in caption(shown)
    away_and_back(shown)
    assert size(shown) == 9.25


# what would change it, where the contract allows less than training held
def test_a_contract_that_allows_less_is_kept_to(demo):
    asked = []

    def score_rows(rows):
        asked.extend(row["size"] for row in rows)
        return demo.model.score_rows(rows)

    columns = copy.deepcopy(list(demo.loaded.columns))
    columns[0]["range"] = [5, 10.5]
    other(demo, model=model_like(demo, score_rows), columns=columns, golden={
        **demo.loaded.golden, "rows": demo.loaded.golden["rows"][:1], "predictions": ["ja"]})
    visit(size="9", colour="green", flag="false", at="")
    held = demo.loaded.golden["rows"][0]["size"]
    assert {one for one in asked if one and not 5 <= one <= 10.5} <= {held}


def test_where_rows_near_it_are_refused_the_page_says_so(demo):
    """A rule that the schema does not tell of."""
    def score_rows(rows):
        if bad := [number for number, row in enumerate(rows) if row["size"] and row["size"] > 9.5]:
            raise demo.loaded.bad_rows([SimpleNamespace(row=number, column="size", got="it", rule="is above 9.5")
                                        for number in bad])
        return demo.model.score_rows(rows)

    other(demo, model=model_like(demo, score_rows))
    shown = visit(size="9", colour="red", flag="false", at="")
    assert "is above 9" in shown.warning[0].value and "There is no explanation" in shown.warning[0].value
    assert 'class="big">' in drawn(shown) and any("Tried\\: other choices" in one.value for one in shown.caption)


def model_like(demo, score_rows):
    return SimpleNamespace(score_rows=score_rows, compiled=True, **{
        name: getattr(demo.model, name) for name in ("classes", "schema", "folder")})


def other(demo, **parts):
    """The demo with other parts of what was loaded."""
    kept = {name: getattr(demo.loaded, name) for name in
            ("model", "columns", "golden", "bad_rows", "version", "digest", "name")}
    Current.demo = replace(demo, loaded=SimpleNamespace(**{**kept, **parts}))
    return Current.demo


def test_what_was_not_tried_is_said(demo):
    assert any("Not tried\\: at\\." in one.value for one in visit().caption)


# what lies at whom
@pytest.mark.parametrize("error, heading", [
    (ValueError("Input X contains NaN"), "No prediction: the model refuses this row"),
    (KeyError("x"), "No prediction: the model failed on this row")])
def test_whose_fault_it_is_is_told_and_logged(demo, caplog, error, heading):
    def score_rows(rows):
        raise error

    other(demo, model=model_like(demo, score_rows))
    with caplog.at_level(logging.WARNING, "notemill"):
        assert heading in drawn(visit())
    assert any(one.exc_info and one.exc_info[1] is error for one in caplog.records)


def test_a_row_that_the_contract_refuses_is_nobody_s_fault(demo):
    shown = visit(size="99", colour="red", flag="true", at="")
    assert "No prediction: the row is not one the model takes" in drawn(shown)
