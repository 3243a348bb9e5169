"""What a record says in MLflow's words."""

from notemill.lineage.clean import clean_notebook, clean_record, rename_ids
from notemill.lineage.facts import PARAM_LIMIT, run_params, step_params
from notemill.lineage.publish import fitting

LONG = "x" * (PARAM_LIMIT - 6)


def hide(text: str) -> str:
    return text.replace("s3cret-value", "******").replace("4711", "******")


def test_parameters_are_redacted_before_they_are_cut():
    record = clean_record({"steps": [{"step": "one", "params": {"text": LONG + "s3cret-value"}}]}, hide)
    for params in (step_params(record["steps"][0], {}), run_params(record)):
        assert list(fitting(params, PARAM_LIMIT).values()) == [LONG + "******"]


def test_what_mlflow_cut_is_the_same_parameter():
    whole = "x" * (PARAM_LIMIT + 9)
    assert step_params({"step": "one", "params": {"text": whole}}, {"text": whole[:PARAM_LIMIT]}) == {"text": whole}


def test_parameters_of_every_kind_are_texts_in_mlflow():
    params = {"list": [1, "a", None], "table": {"b": True, "a": 0.5}, "none": None, "off": False, "empty": "",
              "code": 4711, "deep": [{"k": ["s3cret-value", 4711, 47.11]}], "strange: name()": 1}
    step = clean_record({"steps": [{"step": "one", "params": params}]}, hide)["steps"][0]
    assert step_params(step, {}) == {
        "list": '[1, "a", null]', "table": '{"a": 0.5, "b": true}', "none": "None", "off": "False", "empty": "",
        "code": "******", "deep": '[{"k": ["******", "******", 47.11]}]', "strange: name__": "1"}


def test_of_a_notebook_the_words_that_are_its_own_are_redacted():
    def redact(text):
        for word in ("code", "name", "stdout", "abcd", "one\ntwo"):
            text = text.replace(word, "******")
        return text

    outputs = [{"output_type": "stream", "name": "stdout", "text": ["abcd\n"]},
               {"output_type": "display_data", "data": {"image/png": "abcd", "application/json": {"name": "abcd"}}}]
    cell = {"cell_type": "code", "id": "abcd", "metadata": {"name": "abcd"}, "source": ["one\n", "two code"],
            "outputs": outputs}
    assert clean_notebook({"cells": [cell]}, redact) == {"cells": [
        {"cell_type": "code", "id": "abcd", "metadata": {"name": "abcd"}, "source": ["****** ******"], "outputs": [
            {"output_type": "stream", "name": "stdout", "text": ["******\n"]},
            {"output_type": "display_data", "data": {"image/png": "abcd", "application/json": {"******": "******"}}}]}]}


def test_ids_are_renamed_whole_though_a_secret_looks_like_a_part_of_one():
    text = rename_ids("run: ab4711cd, pin 4711, model m-1", {"ab4711cd": "ef4711ef", "m-1": "m-2"}, hide)
    assert text == "run: ef4711ef, pin ******, model m-2"
