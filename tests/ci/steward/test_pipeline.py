"""Which changes of pipeline.yaml wait, and that no pipeline.yaml harms who reads it."""

import time

import pytest
from steward_samples import PIPELINE

from notemill.ci.steward.pipeline import Unreadable, loosened, read_rules


def reasons(new, old=PIPELINE):
    return [one.what for one in loosened(read_rules(old.encode()), read_rules(new.encode()))]


@pytest.mark.parametrize("old, new, what", [
    ("floor: 0.9", "floor: 0.1", "gate: floor"), ("floor: 0.9", "floor: 0.95", "gate: floor"),
    ("floor: 0.9", "floor: '0.9'", "gate: floor"), ("metric: roc_auc, ", "", "gate: metric"),
    ("custom: {calm: judges.calm}", "warn: [leakage]", "gate: custom, warn"),
    ("gate: {model", "gate: {margin: 1, model", "gate: margin"),
    ("data: prepare.test", "data: prepare.train", "gate: data"),
    ("contract: contract.yaml\n", "", "contract"), ("contract: contract.yaml", "contract: other.yaml", "contract"),
    ("task: classification", "task: regression", "task"), ("task:", "risk: low\ntask:", "risk"),
    ("task:", "promote: auto\ntask:", "promote"), ("task:", "records: mine\ntask:", "records"),
    ("task:", "store: /mine\ntask:", "store"), ("task:", "whatever: 1\ntask:", "whatever"),
    ("name: cells", "name: cells2", "name"), ("seed: 7", "seed: 8", "params: seed"),
    ("test_size: 0.3", "test_size: 0.01", "prepare: params"),
    ("source: data/cells.csv", "source: easy.csv", "prepare: inputs"),
    ("notebook: prepare.ipynb", "notebook: easy.ipynb", "prepare: notebook"),
    ("outputs: {train: train.parquet", "kernel: mine\n    outputs: {train: train.parquet", "prepare: kernel")])
def test_what_decides_waits(old, new, what):
    assert old in PIPELINE and reasons(PIPELINE.replace(old, new, 1)) == [what]


@pytest.mark.parametrize("old, new", [
    ("estimator: linear", "estimator: boosting"), ("notebook: train.ipynb", "notebook: other.ipynb"),
    ("gate:", "smoke: {train: {estimator: linear}}\ngate:"), ("gate:", "score: {input: a, output: b}\ngate:"),
    ("gate:", "limits: {seconds: 9}\ngate:"),
    ("    outputs: {train:", "    limits: {seconds: 9}\n    outputs: {train:"),
    ("gate:", "  more:\n    notebook: more.ipynb\ngate:"), ("name: cells", "# a word\nname: cells"),
    ("{model: train.model, data: prepare.test,", "{data: prepare.test, model: train.model,")])
def test_ordinary_work_goes_on(old, new):
    assert old in PIPELINE and reasons(PIPELINE.replace(old, new, 1)) == []


def test_all_steps_that_the_held_out_rows_come_from_count():
    longer = PIPELINE.replace("steps:\n", "steps:\n  load:\n    notebook: load.ipynb\n    outputs: {all: all.csv}\n") \
        .replace("source: data/cells.csv", "source: load.all")
    assert reasons(longer.replace("notebook: load.ipynb", "notebook: few.ipynb"), longer) == ["load: notebook"]
    assert ("notebooks/load.ipynb", "the step that makes the held-out data") in read_rules(longer.encode()).files


def test_a_file_whose_name_has_signs_is_guarded_by_that_name():
    signs = PIPELINE.replace("data/cells.csv", "'data/cells[1].csv'")
    assert ("data/cells[[]1].csv", "what the held-out data are made of") in read_rules(signs.encode()).files


def test_taking_the_judge_away_waits():
    without = PIPELINE[:PIPELINE.index("gate:")]
    assert "gate" in reasons(without)
    assert [one.what for one in loosened(read_rules(PIPELINE.encode()), read_rules(None))]
    assert [one.what for one in loosened(read_rules(None), read_rules(PIPELINE.encode()))]


HOSTILE = {
    "no yaml": "a: [", "twice": PIPELINE + "gate: {}\n", "tag": "steps: !!python/object/apply:os.system [id]",
    "bomb": "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{chr(97 + n)}: &{chr(97 + n)} [{', '.join(['*' + chr(96 + n)] * 9)}]\n" for n in range(1, 12)) + "steps: {}",
    "itself": "steps: &a {b: *a}", "deep": "[" * 5000, "long": "#" * 300_000, "list": "[1]", "text": "steps",
    "no steps": "name: a", "steps": "steps: [a]",
    "step": "steps: {a: 1}",
    "inputs": "steps: {a: {inputs: 1}}\ngate: {data: a.b}", "gate": "steps: {a: {}}\ngate: 5",
    "after": "steps: {a: {after: 5}}\ngate: {data: a.b}", "bytes": "\x00",
    "documents": PIPELINE + "---\nsteps: {}\n", "digits": f"steps: {{a: {{}}}}\nx: {'9' * 10_000}"}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_told_quickly(name):
    began = time.monotonic()
    with pytest.raises(Unreadable):
        read_rules(HOSTILE[name].encode())
    assert time.monotonic() - began < 20  # a bomb stops at its limit, on a busy machine too


def test_bytes_that_are_no_text_cannot_be_read():
    with pytest.raises(Unreadable):
        read_rules(b"name: \xff")


def test_steps_in_a_ring_end():
    ring = b"steps: {a: {inputs: {x: b.x}}, b: {inputs: {x: a.x}}}\ngate: {data: a.x}"
    assert read_rules(ring).steps.keys() == {"a", "b"}
