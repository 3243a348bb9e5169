"""MLflow's way of asking: with MLflow's own scoring client, and by hand."""

import csv
import io
import warnings

import httpx
import pandas as pd
import pytest
from serving_samples import golden, serving


@pytest.fixture
def client(service):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a type hint in MLflow's own code
        from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    host, port = service.url.removeprefix("http://").split(":")
    return ScoringServerClient(host, int(port))


def test_mlflow_s_client_gets_predictions(client, known):
    client.ping()
    frame = pd.DataFrame(known["rows"])
    assert client.invoke(frame).get_predictions()[0].tolist() == known["predictions"]


def test_mlflow_s_client_gets_probabilities(client, known):
    said = client.invoke(pd.DataFrame(known["rows"]), params={"method": "predict_proba"})
    assert said.get_predictions().to_numpy() == pytest.approx(pd.DataFrame(known["probabilities"]).to_numpy(), abs=1e-9)


def test_mlflow_s_client_is_told_what_is_wrong(client, row):
    with pytest.raises(Exception, match="422.*is above 30 cm"):
        client.invoke(pd.DataFrame([{**row, "size": 99}]))


def split(rows):
    return {"dataframe_split": {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}}


@pytest.mark.parametrize("ordered", [
    split, lambda rows: {"dataframe_records": rows}, lambda rows: {"instances": rows}, lambda rows: {"inputs": rows},
    lambda rows: {"inputs": {name: [row[name] for row in rows] for name in rows[0]}},
    lambda rows: {**split(rows), "params": {"method": "predict"}}])
def test_json_in_all_orders(ask, known, ordered):
    assert ask.post("/invocations", json=ordered(known["rows"])).json() == {"predictions": known["predictions"]}


def test_csv(ask, known):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(known["rows"][0]))
    writer.writeheader()
    writer.writerows(known["rows"])
    answer = ask.post("/invocations", content=text.getvalue(), headers={"content-type": "text/csv; charset=utf-8"})
    assert answer.json() == {"predictions": known["predictions"]}


def test_long_cells_of_csv(ask, row):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row))
    writer.writeheader()
    writer.writerow({**row, "colour": "x" * 200_000})
    answer = ask.post("/invocations", content=text.getvalue(), headers={"content-type": "text/csv"})
    assert answer.status_code == 200 and len(answer.json()["predictions"]) == 1


def test_nan_is_missing_in_what_python_writes(ask, row):
    text = '{"dataframe_records": [{"size": NaN, "colour": "NaN \\" NaN", "flag": true, "at": null}]}'
    answer = ask.post("/invocations", content=text, headers={"content-type": "application/json"})
    assert answer.status_code == 200


@pytest.mark.parametrize("body", [
    {}, [], {"dataframe_split": 1}, {"dataframe_split": {"columns": ["a", "a"], "data": []}},
    {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, {"dataframe_split": {"columns": [1], "data": [[1]]}},
    {"dataframe_split": {"columns": ["a"], "data": [1]}}, {"dataframe_records": {}}, {"dataframe_records": [1]},
    {"inputs": {"a": 1}}, {"inputs": {"a": [1], "b": []}}, {"inputs": [], "instances": []},
    {"inputs": [], "params": {"method": "fit"}}, {"inputs": [], "params": 1}, {"inputs": [], "more": 1}])
def test_json_that_is_no_table(ask, body):
    answer = ask.post("/invocations", json=body)
    assert answer.status_code == 400 and answer.json()["type"] == "/docs#bad-request"


@pytest.mark.parametrize("text", [b"", b"a,b\n1\n", b'a\n"', b"\xff", b"a,a\n1,2\n"])
def test_csv_that_is_none(ask, text):
    answer = ask.post("/invocations", content=text, headers={"content-type": "text/csv"})
    assert answer.status_code == 400


def test_other_kinds_are_not_taken(ask):
    assert ask.post("/invocations", content=b"x", headers={"content-type": "text/plain"}).status_code == 415


def test_probabilities_of_a_regression_are_refused(packages):
    package = packages("boosting", True, "weight")
    body = {"dataframe_records": golden(package)["rows"], "params": {"method": "predict_proba"}}
    with serving(package) as running:
        assert httpx.post(f"{running.url}/invocations", json=body).status_code == 400
