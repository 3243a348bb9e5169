"""A reused step's report: today's words, the outputs of the run that made them."""

import pytest
from report_samples import code, notebook, stream, text

from notemill.report import current_text


def sources(nb):
    return [cell["source"] for cell in nb["cells"]]


def test_texts_are_new_and_outputs_are_kept():
    executed = notebook({**text("marker"), "metadata": {"tags": ["papermill-error-cell-tag"]}}, text("old words"),
                        code("a = 1", tags=["parameters"]), code("a = 2", tags=["injected-parameters"]),
                        code("a  # old", stream("2")), code("b", stream("3")))
    source = notebook(text("new words"), code("a = 1", tags=["parameters"]), text("more"), code("a  # new"), code("b"))
    merged = current_text(executed, source)
    assert sources(merged) == ["new words", "a = 1", "a = 2", "more", "a  # new", "b"]
    assert merged["cells"][4]["outputs"] == [stream("2")] and merged["cells"][5]["outputs"] == [stream("3")]
    assert sources(executed)[1] == "old words"


def test_injected_parameters_stay_first_without_a_parameters_cell():
    executed = notebook(code("a = 2", tags=["injected-parameters"]), code("a"))
    assert sources(current_text(executed, notebook(text("words"), code("a")))) == ["a = 2", "words", "a"]


def test_papermills_marks_are_kept():
    executed = notebook(code("a", papermill={"exception": True, "duration": 2}))
    merged = current_text(executed, notebook(code("a", tags=["mine"])))
    assert merged["cells"][0]["metadata"] == {"papermill": {"exception": True, "duration": 2}, "tags": ["mine"]}


def test_another_number_of_code_cells_is_refused():
    with pytest.raises(ValueError, match="1 code cells, its source has 2"):
        current_text(notebook(code("a")), notebook(code("a"), code("b")))
