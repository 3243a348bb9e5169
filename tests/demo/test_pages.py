"""Each page by Streamlit's own test harness, without a browser: what it says, also where something is wrong."""

import json
from dataclasses import replace

import pytest

from streamlit.testing.v1 import AppTest  # noqa: E402

from notemill.demo.state import Current  # noqa: E402

PATIENCE = 60


def page(name, **query):
    shown = AppTest.from_string(f"from notemill.demo.pages import {name}\n{name}.show()", default_timeout=PATIENCE)
    for parameter, text in query.items():
        shown.query_params[parameter] = text
    return run(shown)


def run(shown):
    shown.run()
    assert not shown.exception, shown.exception
    return shown


def drawn(shown):
    return "".join(one.proto.body for one in shown.get("html"))


@pytest.fixture
def changed(demo):
    """Set the demo anew with other parts."""
    def change(**parts):
        Current.demo = replace(demo, **parts)
        return Current.demo
    return change


class Log:
    """Takes what the prediction log takes."""

    def __init__(self, full=False):
        self.rows, self.marks, self.full = [], [], full

    def append(self, rows):
        if self.full:
            raise OSError("No space left")
        self.rows += rows

    def mark(self, *mark):
        self.marks.append(mark)


# Try it
def test_it_begins_with_the_first_golden_row(demo):
    shown, golden = page("try_it"), demo.loaded.golden
    assert f'class="big">{golden["predictions"][0]}<' in drawn(shown)
    assert shown.number_input[0].value == golden["rows"][0]["size"]
    assert 'aria-label="Contributions"' in drawn(shown) and "add up to the difference" in drawn(shown)


def test_an_example_fills_the_form(demo):
    shown = page("try_it")
    shown.selectbox(key="example").set_value(3)
    run(shown)
    assert shown.number_input[0].value == demo.loaded.golden["rows"][3]["size"]
    assert f'class="big">{demo.loaded.golden["predictions"][3]}<' in drawn(shown)


def test_predict_answers_what_the_form_holds_and_makes_a_link_of_it(demo):
    shown = page("try_it")
    shown.number_input[0].set_value(29.5)
    shown.button[0].click()
    run(shown)
    row = {**demo.loaded.golden["rows"][0], "size": 29.5}
    assert f'class="big">{demo.score([row]).predictions[0]}<' in drawn(shown)
    assert (shown.query_params["size"], shown.query_params["colour"]) == ("29.5", row["colour"])
    assert '"size": 29.5' in shown.code[0].value


def test_a_link_shows_its_row(demo):
    shown = page("try_it", size="29.5", colour="red", flag="true", at="", shape="x")
    assert shown.number_input[0].value == 29.5 and shown.selectbox(key="example").value is None
    assert "the model has no input" in shown.warning[0].value
    row = {"size": 29.5, "colour": "red", "flag": True, "at": None}
    assert f'class="big">{demo.score([row]).predictions[0]}<' in drawn(shown)


def test_a_row_that_the_contract_refuses_is_told(demo):
    shown = page("try_it", size="99", colour="red", flag="true", at="")
    assert 'role="alert"' in drawn(shown) and "above 30 cm" in drawn(shown) and "big" not in drawn(shown)


def test_what_training_never_saw_is_a_warning(demo):
    shown = page("try_it", size="9", colour="<b>pink</b>", flag="true", at="")
    assert "&lt;b&gt;pink&lt;/b&gt;" in drawn(shown) and "training never saw" in drawn(shown)


def test_a_quantity_has_no_probabilities(regression):
    shown = page("try_it")
    assert "nm-bars" not in drawn(shown) and "Contributions" in drawn(shown) and "a tenth" in shown.caption[0].value


def test_what_is_asked_is_logged_once_and_can_be_marked(changed):
    log = Log()
    changed(log=log)
    shown = page("try_it")
    assert log.rows == []  # nobody asked for the example
    shown.button[0].click()
    run(shown)
    run(shown)
    assert len(log.rows) == 1 and log.rows[0]["inputs"]["colour"] and log.rows[0]["prediction"] in ("ja", "no")
    shown.text_input[-1].set_value("it was no")
    next(one for one in shown.button if "Note it" in one.label).click()
    run(shown)
    assert [mark[:4] for mark in log.marks] == [(log.rows[0]["request"], 0, "wrong", "it was no")]
    assert "Noted" in shown.success[0].value


def test_a_full_log_is_told_and_the_answer_shown(changed):
    changed(log=Log(full=True))
    shown = page("try_it")
    shown.button[0].click()
    run(shown)
    assert "No space left" in shown.error[0].value and "big" in drawn(shown)


def test_another_version_answers_the_same_row(changed):
    class Other:
        version = "2"

        def ask(self, row):
            return {"prediction": "<i>", "probabilities": [["<i>", 0.6]]}

    changed(beside=Other())
    assert "version 2 says</span> <strong>&lt;i&gt;, 60 %</strong>" in drawn(page("try_it"))


# Many rows
def upload(shown, name, data):
    shown.file_uploader[0].set_value((name, data, "text/csv"))
    return run(shown)


def test_a_file_is_scored(demo):
    from notemill.demo import download

    shown = upload(page("many_rows"), "rows.csv", download.template(demo))
    assert f"{len(demo.loaded.golden['rows'])} rows scored" in shown.success[0].value
    assert "prediction" in shown.dataframe[0].value.columns and 'aria-label="Answers"' in drawn(shown)


def test_a_file_is_scored_once_and_the_next_one_anew(demo, monkeypatch):
    from notemill.demo import download, uploads

    scored, score = [], uploads.score
    monkeypatch.setattr(uploads, "score", lambda *given: scored.append(1) or score(*given))
    shown = upload(page("many_rows"), "rows.csv", download.template(demo))
    shown = run(run(shown))
    assert len(scored) == 1 and "rows scored" in shown.success[0].value and "prediction" in shown.dataframe[0].value
    assert [button.proto.ignore_rerun for button in shown.get("download_button")] == [True, True]
    shown = upload(shown, "rows.csv", b"size,colour,flag,at\n9,red,true,\n")
    assert len(scored) == 2 and shown.success[0].value == "1 rows scored."


def test_a_heading_alone_is_told(demo):
    assert "no rows" in upload(page("many_rows"), "x.csv", b"size,colour,flag,at\n").error[0].value


def test_the_page_says_what_the_example_file_leaves_out(changed):
    columns = changed().model.schema["columns"]
    colour = next(one for one in columns if one["name"] == "colour")
    colour["private"] = True
    try:
        changed()
        assert "left empty in them (colour)" in page("many_rows").caption[0].value
    finally:
        del colour["private"]
        changed()


def test_a_file_that_is_no_table_is_told_in_words(demo):
    shown = upload(page("many_rows"), "[x](http://e).csv", b"\xff\xfe\xff")
    assert "not UTF\\-8" in shown.error[0].value and "](http" not in shown.error[0].value


def test_bad_rows_are_listed(demo):
    shown = upload(page("many_rows"), "x.csv", b"size,colour,flag,at\n99,red,true,\n9,red,true,\n")
    assert "1 of 2 rows" in shown.error[0].value and "row 1: <strong>size</strong> &#x27;99&#x27;" in drawn(shown)


# what is known of it
def test_how_good(demo):
    shown = page("how_good")
    assert "0.9877" in drawn(shown) and "leakage.duplicates" in drawn(shown) and "95 % interval" in drawn(shown)


@pytest.fixture
def bare(changed, tmp_path):
    """A package's folder with nothing but the model."""
    class Model:
        folder, facts = tmp_path, {}
        schema = {"target": {"name": "answer"}}

    changed(loaded=replace(Current.demo.loaded, model=Model()))
    return tmp_path


@pytest.mark.parametrize("name, said", [("how_good", "no verdict"), ("card", "no model card"),
                                        ("lineage", "no provenance")])
def test_a_package_without_it(bare, name, said):
    assert said in page(name).info[0].value


def test_lineage_names_data_and_version(bare):
    (bare / "provenance.json").write_text(json.dumps({"predicate": {"buildDefinition": {
        "resolvedDependencies": [{"name": "<b>data.csv", "digest": {"sha256": "d" * 64}}]}}}))
    shown = drawn(page("lineage"))
    assert "&lt;b&gt;data.csv" in shown and f'title="{"d" * 64}">{"d" * 12}<' in shown and "This version" in shown


def test_a_card_without_a_page_is_shown_without_pictures(bare):
    Current.demo.model.__class__.card = "---\na: b\n---\n# Card\n![pixel](http://elsewhere/x.png) <img src=http://e>"
    (bare / "card.md").write_text("")
    assert page("card").markdown[0].value.strip() == "# Card\npixel"


def test_notebooks_are_listed(changed, tmp_path):
    for name in ("index.html", "train.html", "prepare.html"):
        (tmp_path / name).write_text("x")
    changed(reports=tmp_path)
    shown = page("notebooks")
    assert shown.selectbox[0].options == ["prepare", "train"]


# around them
def test_the_app_has_the_pages_and_the_badges(demo):
    from notemill.demo import server

    shown = run(AppTest.from_file(str(server.SCRIPT), default_timeout=PATIENCE))
    assert "verdict: passed" in drawn(shown) and "<h1>tried-answer</h1>" in drawn(shown)


def test_a_project_s_own_page(changed, tmp_path):
    from notemill.demo import shell

    (tmp_path / "late_trains.py").write_text("")
    (tmp_path / "_helper.py").write_text("")
    assert [path.name for path in shell.own_paths(changed(own_pages=tmp_path))] == ["late_trains.py"]
