"""Open Inference Protocol v2: with Triton's own client, and by hand."""

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from serving_samples import golden, serving
from tritonclient.utils import InferenceServerException

KINDS = {"size": ("FP64", np.float64), "colour": ("BYTES", np.object_), "flag": ("BOOL", np.bool_),
         "at": ("BYTES", np.object_)}


@pytest.fixture
def client(service):
    with triton.InferenceServerClient(service.url.removeprefix("http://")) as found:
        yield found


def inputs(rows, *, binary):
    """Triton's tensors, one for each column."""
    found = []
    for name, (kind, dtype) in KINDS.items():
        tensor = triton.InferInput(name, [len(rows)], kind)
        cells = [np.nan if row[name] is None and kind == "FP64" else row[name] for row in rows]
        tensor.set_data_from_numpy(np.array(cells, dtype=dtype), binary_data=binary)
        found.append(tensor)
    return found


def test_triton_s_client_finds_the_model(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("plain")
    assert client.is_model_ready("plain", "3") and not client.is_model_ready("other")
    assert client.get_server_metadata()["name"] == "notemill"
    told = client.get_model_metadata("plain")
    assert told["versions"] == ["3"] and {one["name"]: one["datatype"] for one in told["inputs"]} == {
        name: kind for name, (kind, _) in KINDS.items()}
    assert [one["name"] for one in told["outputs"]] == ["prediction", "probabilities"]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("version", ["", "3"])
def test_triton_s_client_gets_predictions(client, known, binary, version):
    rows = [row for row in known["rows"] if None not in (row["colour"], row["at"])]
    places = [known["rows"].index(row) for row in rows]
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("prediction", "probabilities")]
    answer = client.infer("plain", inputs(rows, binary=binary), version, outputs, request_id="mine")
    found = [one.decode() if isinstance(one, bytes) else one for one in answer.as_numpy("prediction").tolist()]
    assert found == [known["predictions"][place] for place in places]
    assert answer.as_numpy("probabilities") == pytest.approx(
        np.array([known["probabilities"][place] for place in places]), abs=1e-9)
    told = answer.get_response()
    assert (told["id"], told["model_name"], told["model_version"]) == ("mine", "plain", "3")
    assert len(told["parameters"]["digest"]) == 64


def test_without_outputs_named_it_gives_all_in_binary(client, known):
    answer = client.infer("plain", inputs(known["rows"][:1], binary=True))
    assert answer.as_numpy("probabilities").shape == (1, 2)
    assert answer.get_response()["outputs"][0]["parameters"]["binary_data_size"] > 0


def test_triton_s_client_is_told_faults_in_words(client, row):
    with pytest.raises(InferenceServerException, match=r"row 0, column 'size': 99.0 is above 30 cm") as caught:
        client.infer("plain", inputs([{**row, "size": 99.0}], binary=True))
    assert caught.value.status() == "422"


def test_triton_s_client_is_told_that_there_is_no_such_model(client, row):
    with pytest.raises(InferenceServerException, match="no address"):
        client.infer("other", inputs([row], binary=False))


# by hand
def tensors(rows, **changes):
    found = {name: {"name": name, "shape": [len(rows)], "datatype": kind, "data": [row[name] for row in rows]}
             for name, (kind, _) in KINDS.items()}
    return [found[name] | changes.get(name, {}) for name in found]


def infer(ask, body, **more):
    return ask.post("/v2/models/plain/infer", json=body, **more)


def test_json_alone(ask, known):
    said = infer(ask, {"inputs": tensors(known["rows"])}).json()
    assert said["outputs"][0] == {"name": "prediction", "shape": [len(known["rows"])], "datatype": "BYTES",
                                  "data": known["predictions"]}
    assert said["outputs"][1]["data"] == pytest.approx(sum(known["probabilities"], []), abs=1e-9)
    assert "id" not in said


def test_columns_of_one_cell_may_stand_upright(ask, known):
    body = {"inputs": [{**one, "shape": [*one["shape"], 1], "data": [[cell] for cell in one["data"]]}
                       for one in tensors(known["rows"])]}
    assert infer(ask, body).json()["outputs"][0]["data"] == known["predictions"]


def test_one_tensor_may_hold_all_columns(ask, known):
    rows = [[row[name] for name in KINDS] for row in known["rows"]]
    body = {"inputs": [{"name": "rows", "shape": [len(rows), 4], "datatype": "BYTES", "data": rows}],
            "outputs": [{"name": "prediction"}]}
    assert infer(ask, body).json()["outputs"] == [{"name": "prediction", "shape": [len(rows)], "datatype": "BYTES",
                                                   "data": known["predictions"]}]


def test_warnings_are_told(ask, row):
    said = infer(ask, {"inputs": tensors([{**row, "colour": "pink"}])}).json()
    assert "row 0" in said["parameters"]["warnings"] and "outputs" in said


@pytest.mark.parametrize("changes, words", [
    ({"size": {"shape": [2]}}, "shape [2] asks for 2 values, there are 1"),
    ({"size": {"shape": [-1]}}, "shape is"), ({"size": {"shape": [1, 1, 1]}}, "shape is"),
    ({"size": {"shape": "1"}}, "shape is"), ({"size": {"datatype": "FP128"}}, "datatype is one of"),
    ({"size": {"data": 1}}, "data is a list"), ({"size": {"name": 1}}, "an input is an object"),
    ({"size": {"name": "flag"}}, "stands there twice"), ({"size": {"shape": [2], "data": [1, 2]}}, "number of rows"),
    ({"size": {"shape": [1, 2], "data": [1, 2]}}, "a tensor for each column"),
    ({"size": {"parameters": {"binary_data_size": 8}}}, "more than there is"),
    ({"size": {"shape": [10 ** 12]}}, "asks for 1,000,000,000,000 values")])
def test_tensors_that_are_none(ask, row, changes, words):
    answer = infer(ask, {"inputs": tensors([row], **changes)})
    assert answer.status_code == 400 and words in answer.json()["error"]


@pytest.mark.parametrize("body, words", [
    ([], "an object with `inputs`"), ({}, "an object with `inputs`"), ({"inputs": {}}, "an object with `inputs`"),
    ({"inputs": [1]}, "an input is an object"), ({"inputs": [], "outputs": [{"name": "x"}]}, "an output is one of"),
    ({"inputs": [], "outputs": {"name": "x"}}, "an output is one of")])
def test_bodies_that_are_none(ask, body, words):
    answer = infer(ask, body)
    assert answer.status_code == 400 and words in answer.json()["error"]


@pytest.mark.parametrize("told", [b"x", b"-1", b"999", b"9" * 30])
def test_a_header_that_lies_about_the_json(ask, told):
    answer = ask.post("/v2/models/plain/infer", content=b"{}", headers={"Inference-Header-Content-Length": told})
    assert answer.status_code == 400


@pytest.mark.parametrize("kind, data", [("FP64", b"\0" * 7), ("BYTES", b"\1"), ("BYTES", b"\5\0\0\0ab"),
                                        ("BYTES", b"\1\0\0\0\xff")])
def test_binary_data_that_is_none(ask, kind, data):
    head = (b'{"inputs":[{"name":"size","shape":[1],"datatype":"%b","parameters":{"binary_data_size":%d}}]}'
            % (kind.encode(), len(data)))
    answer = ask.post("/v2/models/plain/infer", content=head + data,
                      headers={"Inference-Header-Content-Length": str(len(head))})
    assert answer.status_code == 400 and "input 'size'" in answer.json()["error"]


def test_a_regression_has_one_output(packages):
    package = packages("boosting", True, "weight")
    known = golden(package)
    with serving(package) as running, httpx.Client(base_url=running.url) as ask:
        told = ask.get("/v2/models/plain").json()
        said = infer(ask, {"inputs": tensors(known["rows"])}).json()
    assert told["outputs"] == [{"name": "prediction", "shape": [-1], "datatype": "FP64"}]
    assert said["outputs"][0]["data"] == pytest.approx(known["predictions"])
