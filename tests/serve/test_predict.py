"""POST /predict: one row, lists of rows, faults in words and fields, rows set aside, warnings."""

import httpx
import pytest
from serving_samples import golden, serving

ANSWERS = {"name": "plain", "version": "3+g6e976e976e97"}


def test_one_row_gets_one_prediction(ask, known, row):
    answer = ask.post("/predict", json=row)
    said = answer.json()
    assert answer.status_code == 200 and said["prediction"] == known["predictions"][0]
    assert list(said["probabilities"].values()) == pytest.approx(known["probabilities"][0], abs=1e-9)
    assert set(said["probabilities"]) == {"ja", "no"} and said["warnings"] == []
    assert {name: said["model"][name] for name in ANSWERS} == ANSWERS and len(said["model"]["digest"]) == 64


def test_a_list_gets_as_many(ask, known):
    said = ask.post("/predict", json=known["rows"]).json()
    assert said["predictions"] == known["predictions"] and said["classes"] == ["ja", "no"]
    assert sum(said["probabilities"], []) == pytest.approx(sum(known["probabilities"], []), abs=1e-9)
    assert said["aside"] == [] and len(said["warnings"]) == len(known["rows"])


def test_no_rows_get_no_predictions(ask):
    said = ask.post("/predict", json=[]).json()
    assert said["predictions"] == said["warnings"] == said["aside"] == []


def test_scikit_learn_answers_the_same(uncompiled, known):
    said = httpx.post(f"{uncompiled.url}/predict", json=known["rows"]).json()
    assert said["predictions"] == known["predictions"]
    assert sum(said["probabilities"], []) == pytest.approx(sum(known["probabilities"], []), abs=1e-9)


def test_a_regression_has_no_probabilities(packages):
    package = packages("boosting", True, "weight")
    with serving(package) as running:
        said = httpx.post(f"{running.url}/predict", json=golden(package)["rows"][:2]).json()
        one = httpx.post(f"{running.url}/predict", json=golden(package)["rows"][0]).json()
    assert said["predictions"] == pytest.approx(golden(package)["predictions"][:2]) and "probabilities" not in said
    assert one["prediction"] == pytest.approx(golden(package)["predictions"][0]) and "probabilities" not in one


def test_text_that_reads_as_a_number_is_one(ask, row, known):
    said = ask.post("/predict", json={**row, "size": str(row["size"]), "more": "ignored"}).json()
    assert list(said["probabilities"].values()) == pytest.approx(known["probabilities"][0], abs=1e-9)


# what does not fit
def test_all_faults_of_all_rows_are_told_and_none_is_scored(ask, row):
    bad = [row, {**row, "size": 99, "flag": None}, {**row, "size": "much"}]
    answer = ask.post("/predict", json=bad)
    said = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    found = {(fault["row"], fault["column"], fault["check"]): fault for fault in said["faults"]}
    assert set(found) == {(1, "size", "range"), (1, "flag", "missing"), (2, "size", "type")}
    assert found[1, "size", "range"]["allowed"] == [-5, 30] and found[1, "size", "range"]["got"] == "99"
    assert found[1, "size", "range"]["rule"] == "is above 30 cm, the most that is allowed"
    assert said["status"] == 422 and said["type"] == "/docs#bad-rows" and "predictions" not in said
    assert said["title"] and said["detail"] == "3 faults in 3 rows: none is scored"


def test_an_absent_column_is_told(ask, row):
    answer = ask.post("/predict", json={"size": 1, "colour": "red", "at": None})
    assert [(one["column"], one["check"]) for one in answer.json()["faults"]] == [("flag", "absent")]


def test_bad_rows_can_be_set_aside(ask, row, known):
    rows = [row, {**row, "size": 99}, known["rows"][1]]
    said = ask.post("/predict?on_error=aside", json=rows).json()
    assert said["predictions"] == [known["predictions"][0], None, known["predictions"][1]]
    assert said["probabilities"][1] is None and said["probabilities"][2] == pytest.approx(known["probabilities"][1])
    assert [(fault["row"], fault["column"]) for fault in said["aside"]] == [(1, "size")]


def test_rows_that_lack_a_cell_and_others_that_are_bad_are_set_aside(ask, row, known):
    rows = [{"size": 1, "colour": "red", "at": None}, {**row, "size": 99}, row]
    said = ask.post("/predict?on_error=aside", json=rows).json()
    assert said["predictions"] == [None, None, known["predictions"][0]]
    assert {(fault["row"], fault["column"], fault["check"]) for fault in said["aside"]} >= {
        (0, "flag", "absent"), (1, "size", "range")}


def test_a_column_that_no_row_has_cannot_be_set_aside(ask, row):
    answer = ask.post("/predict?on_error=aside", json=[{"size": 1}])
    assert answer.status_code == 422


def test_rows_that_are_all_bad_are_all_set_aside(ask, row):
    said = ask.post("/predict?on_error=aside", json={**row, "size": 99}).json()
    assert said["predictions"] == [None] and len(said["aside"]) == 1


def test_what_training_did_not_see_is_scored_with_a_warning(ask, row):
    answer = ask.post("/predict", json={**row, "colour": "pink", "size": -4.9})
    said = answer.json()
    assert answer.status_code == 200
    assert {(one["column"], one["check"]) for one in said["warnings"]} >= {("colour", "categories")}
    assert "pink" in str(said["warnings"]) and all(one["words"] for one in said["warnings"])


# what cannot be read
@pytest.mark.parametrize("content, status, reason", [
    (b"", 400, "bad-json"), (b"{", 400, "bad-json"), (b"\xff", 400, "bad-json"), (b"1", 400, "bad-request"),
    (b'"text"', 400, "bad-request"), (b"[1]", 400, "bad-request"), (b"[[]]", 400, "bad-request"),
    (b"null", 400, "bad-request"), (b'{"size": NaN}', 400, "bad-json"), (b"[" * 100_000, 400, "too-deep"),
    (b'{"size": ' + b"[" * 20 + b"]" * 20 + b"}", 400, "too-deep")])
def test_a_body_that_is_no_rows(ask, content, status, reason):
    answer = ask.post("/predict", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (status, f"/docs#{reason}")


def test_a_list_as_a_cell_is_a_fault(ask, row):
    answer = ask.post("/predict", json={**row, "size": [1], "colour": {"a": 1}})
    assert answer.status_code == 422
    assert {fault["column"] for fault in answer.json()["faults"]} >= {"size"}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_taken(ask, kind):
    answer = ask.post("/predict", content=b"{}", headers={"content-type": kind})
    assert answer.status_code == 415 and "application/json" in answer.json()["detail"]


def test_packed_bodies_are_not_taken(ask):
    answer = ask.post("/predict", content=b"{}", headers={"content-type": "application/json",
                                                          "content-encoding": "gzip"})
    assert answer.status_code == 415 and "gzip" in answer.json()["detail"]


@pytest.mark.parametrize("query, words", [("on_error=skip", "stop, aside"), ("onerror=aside", "'onerror'"),
                                          ("a=1&" * 50, "cannot be read")])
def test_an_unknown_query_is_told(ask, query, words):
    answer = ask.post(f"/predict?{query}", json={})
    assert answer.status_code == 400 and words in answer.json()["detail"]


# what all answers say
@pytest.mark.parametrize("method, path, status", [("GET", "/schema", 200), ("GET", "/none", 404), ("GET", "/predict",
                                                                                                   405)])
def test_every_answer_names_version_digest_and_request(ask, method, path, status):
    answer = ask.request(method, path)
    assert answer.status_code == status and answer.headers["x-model-version"] == ANSWERS["version"]
    assert len(answer.headers["x-model-digest"]) == 64 and answer.headers["x-request-id"]


def test_the_clients_own_id_is_kept_where_it_is_a_word(ask, row):
    assert ask.post("/predict", json=row, headers={"X-Request-Id": "order-17"}).json()["request"] == "order-17"
    for bad in ("a b", "x" * 65, "{}", "é"):
        headers = {"X-Request-Id": bad.encode("latin-1")}
        assert ask.post("/predict", json=row, headers=headers).json()["request"] != bad


def test_each_request_has_an_id_of_its_own(ask, row):
    assert len({ask.post("/predict", json=row).json()["request"] for _ in range(5)}) == 5


def test_a_wrong_method_is_told_the_right_ones(ask):
    assert ask.get("/predict").headers["allow"] == "POST"
    assert ask.put("/schema").headers["allow"] == "GET, HEAD"
    assert ask.head("/schema").status_code == 200 and ask.head("/schema").content == b""
