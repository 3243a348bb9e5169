"""The prediction log behind the service: what was answered is there after kill -9, and can be marked later."""

from types import SimpleNamespace

import httpx
import pytest
from serving_samples import serving

from notemill.serve.feedback import Feedback
from notemill.serve.log import LogFull, read, read_marks
from notemill.serve.problems import Problem


@pytest.fixture
def logged(packages, tmp_path):
    """(service, its log's folder)."""
    folder = tmp_path / "log"
    with serving(packages(), "--log", folder) as running:
        yield running, folder


def rows_of(folder):
    return sorted(read(folder).to_table().to_pylist(), key=lambda one: (one["at"], one["row"]))


def test_what_was_answered_is_there_after_a_kill(logged, row, known):
    running, folder = logged
    with httpx.Client(base_url=running.url) as client:
        ids = [client.post("/predict", json=row).json()["request"] for _ in range(20)]
        many = client.post("/predict?on_error=aside", json=[{**row, "size": 99}, row], headers={"X-Request-Id": "two"})
        refused = client.post("/predict", json=[row, {**row, "size": 99}]).json()["request"]
    running.process.kill()
    running.process.wait()
    found = rows_of(folder)
    assert [one["request"] for one in found if one["request"] in ids] == ids
    (two,) = [one for one in found if one["request"] == "two"]
    assert two["row"] == 1 and many.json()["predictions"][0] is None
    assert not [one for one in found if one["request"] == refused]
    first = next(one for one in found if one["request"] == ids[0])
    assert first["prediction"] == known["predictions"][0] and first["version"] == "3+g6e976e976e97" and first["ms"] > 0


def test_all_doors_are_logged(logged, row, known):
    running, folder = logged
    with httpx.Client(base_url=running.url) as client:
        client.post("/invocations", json={"dataframe_records": [row]}, headers={"X-Request-Id": "mlflow"})
        inputs = [{"name": name, "shape": [1], "datatype": kind, "data": [row[name]]} for name, kind in
                  [("size", "FP64"), ("colour", "BYTES"), ("flag", "BOOL"), ("at", "BYTES")]]
        client.post("/v2/models/plain/infer", json={"inputs": inputs}, headers={"X-Request-Id": "v2"})
        client.post("/predict", json=known["rows"] * 2, headers={"X-Request-Id": "many"})
    running.stop()
    found = [(one["request"], one["row"]) for one in rows_of(folder)]
    assert found == [("mlflow", 0), ("v2", 0), *(("many", place) for place in range(2 * len(known["rows"])))]


def test_labels_and_marks_by_request(logged, row):
    running, folder = logged
    with httpx.Client(base_url=running.url) as client:
        asked = client.post("/predict", json=row).json()["request"]
        answer = client.post("/feedback", json={"request": asked, "row": 0, "label": "no"})
        assert answer.status_code == 200 and answer.json()["marked"] == 1
        two = [{"request": asked, "wrong": True, "why": "was returned"}, {"request": asked, "label": "ja"}]
        assert client.post("/feedback", json=two).json()["marked"] == 2
        unknown = client.post("/feedback", json={"request": "never", "label": "no"})
        assert unknown.status_code == 404 and "'never'" in unknown.json()["detail"]
        other_row = client.post("/feedback", json={"request": asked, "row": 7, "label": "no"})
        assert other_row.status_code == 404
    running.stop()
    marks = sorted(read_marks(folder).to_table().to_pylist(), key=lambda one: one["at"])
    assert [(one["request"], one["what"]) for one in marks] == [(asked, "label"), (asked, "wrong"), (asked, "label")]
    assert "was returned" in str(marks[1])


def test_a_list_is_kept_whole_or_not_at_all(logged, row):
    running, folder = logged
    with httpx.Client(base_url=running.url) as client:
        asked = client.post("/predict", json=row).json()["request"]
        known, unknown = {"request": asked, "label": "no"}, {"request": "never", "label": "no"}
        answer = client.post("/feedback", json=[known, {"request": asked, "wrong": True}, unknown])
        assert answer.status_code == 404
        assert answer.json()["detail"] == "'never', row 0; none of the 3 marks is kept"
        assert client.post("/feedback", json=unknown).json()["detail"] == "'never', row 0"
    running.stop()
    assert read_marks(folder).count_rows() == 0


class Filling:
    """A log that takes two marks."""

    def __init__(self):
        self.taken = []

    def has(self, request, row):
        return True

    def mark(self, *given):
        if len(self.taken) == 2:
            raise LogFull("full")
        self.taken.append(given)


@pytest.mark.parametrize("marks, words", [(3, "full; the first 2 of 3 marks are kept"), (1, "full"),
                                          (4, "full; none of the 4 marks is kept")])
def test_how_many_are_kept_is_said(marks, words):
    log = Filling()
    log.taken = [()] * (0 if marks == 3 else 2)
    app = SimpleNamespace(log=log, limits=None, loaded=SimpleNamespace(model=SimpleNamespace(classes=[])))
    with pytest.raises(Problem) as caught:
        Feedback(app).write([("a", 0, "label", 1)] * marks)
    assert caught.value.detail == words and caught.value.reason == "log-full"


@pytest.mark.parametrize("mark, reason", [
    ({"request": "a", "label": "maybe"}, "bad-label"), ({"request": "a", "label": None}, "bad-label"),
    ({"request": "a"}, "bad-request"), ({"label": "no"}, "bad-request"), ({"request": 1, "label": "no"}, "bad-request"),
    ({"request": "a", "label": "no", "wrong": True}, "bad-request"), ({"request": "a", "wrong": False}, "bad-request"),
    ({"request": "a", "row": -1, "label": "no"}, "bad-request"), ({"request": "a", "more": 1}, "bad-request"),
    ({"request": "a", "wrong": True, "why": "x" * 501}, "bad-request"), (1, "bad-request"), ([1], "bad-request")])
def test_marks_that_are_none(ask, mark, reason):
    assert ask.post("/feedback", json=mark).json()["type"] == f"/docs#{reason}"


def test_without_a_log_nothing_can_be_marked(uncompiled):
    answer = httpx.post(f"{uncompiled.url}/feedback", json={"request": "a", "label": "no"})
    assert answer.status_code == 409 and "--log" in answer.json()["detail"]


def test_a_log_that_is_full_refuses_the_answer(packages, tmp_path, row):
    with serving(packages(), "--log", tmp_path / "log", "--log-mb", 1) as running, \
            httpx.Client(base_url=running.url, timeout=60) as client:
        answers = []
        while len(answers) < 40 and (not answers or answers[-1].status_code == 200):
            answers.append(client.post("/predict", json=[{**row, "colour": "x" * 3000}] * 100))
    assert answers[-1].status_code == 503 and answers[-1].json()["type"] == "/docs#log-full"
    assert "retry-after" in answers[-1].headers
