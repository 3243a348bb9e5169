"""Which ways from the held-out rows, or from what they were made of, to the model count; and which are a fair split."""

import pytest

from notemill.gate.held_out import check_held_out

SOURCE, COPY, CONTRACT = "data/all.csv", "data/copy.csv", "notebooks/contract.yaml"
CONTENT = {COPY: SOURCE, "data/all.txt": SOURCE}  # other names of the same content


def a_step(name, inputs, *outputs):
    """A step as it stands in a run's record; the content of each thing is its name, but for `CONTENT`."""
    given = {f"input{i}": {"from": one, "sha256": CONTENT.get(one, one)} | ({"file": one} if "/" in one else {})
             for i, one in enumerate(inputs)}
    made = {one.partition(".")[0]: {"file": one, "sha256": f"{name}.{one.partition('.')[0]}"} for one in outputs}
    return {"step": name, "inputs": given, "outputs": made}


def a_check(*steps, data="prepare.test"):
    files = {"data": {"name": data, "sha256": data}, "train": []}
    return check_held_out({"steps": steps}, {"model": "train.model", "data": data}, files)


PREPARE = a_step("prepare", [SOURCE, CONTRACT], "train.parquet", "test.parquet", "schema.json")
LOAD = a_step("load", [SOURCE], "all.parquet", "part.parquet", "facts.json")
SPLIT = a_step("prepare", ["load.all"], "train.parquet", "test.parquet")


def train(*inputs):
    return a_step("train", inputs, "model.skops")


FAIR = {
    "split": [PREPARE, train("prepare.train", "prepare.schema")],
    "the contract": [PREPARE, train("prepare.train", CONTRACT)],
    "another table": [PREPARE, train("prepare.train", "data/more.csv")],
    "loaded, then split": [LOAD, SPLIT, train("prepare.train")],
    "features after the split": [
        PREPARE, a_step("features", ["prepare.train", "prepare.schema"], "rows.parquet"), train("features.rows")],
    "a copy of the split's part": [PREPARE, train("prepare.train"), a_step("aside", [SOURCE], "all.parquet")],
    "judging": [PREPARE, train("prepare.train"), a_step("evaluate", ["train.model", "prepare.test", SOURCE], "m.json")]}
UNFAIR = {
    "the source": ([PREPARE, train("prepare.train", SOURCE)], f"{SOURCE} -> train"),
    "the source under another name": ([PREPARE, train("prepare.train", COPY)], f"{COPY} -> train"),
    "the source as if it were none": ([PREPARE, train("prepare.train", "data/all.txt")], "data/all.txt -> train"),
    "a copying step": ([PREPARE, a_step("copy", [SOURCE], "all.parquet"), train("prepare.train", "copy.all")],
                       f"{SOURCE} -> copy.all -> train"),
    "another split": ([PREPARE, a_step("other", [COPY], "train.parquet"), train("other.train")],
                      f"{COPY} -> other.train -> train"),
    "a fitted file": ([PREPARE, a_step("scale", [SOURCE], "scaler.json"), train("prepare.train", "scale.scaler")],
                      f"{SOURCE} -> scale.scaler -> train"),
    "past the split": ([LOAD, SPLIT, train("prepare.train", "load.all")], "load.all -> train"),
    "another part": ([LOAD, SPLIT, train("prepare.train", "load.part")], f"{SOURCE} -> load.part -> train"),
    "far up": ([PREPARE, a_step("tune", ["prepare.train", SOURCE], "best.json"), train("prepare.train", "tune.best")],
               f"{SOURCE} -> tune.best -> train")}


@pytest.mark.parametrize("name", FAIR)
def test_what_comes_through_the_split_is_fair(name):
    assert a_check(*FAIR[name]).outcome == "passed"


@pytest.mark.parametrize("name", UNFAIR)
def test_what_comes_past_the_split_is_not(name):
    steps, way = UNFAIR[name]
    check = a_check(*steps)
    assert check.outcome == "refused"
    assert f"unsplit: {way}." in check.hint


def test_the_order_of_the_steps_does_not_matter():
    steps, _ = UNFAIR["a copying step"]
    assert a_check(*reversed(steps)).outcome == "refused"


def test_rows_cleaned_after_the_split_are_fair():
    steps = [PREPARE, a_step("clean", ["prepare.test", "prepare.schema"], "rows.parquet"), train("prepare.train")]
    assert a_check(*steps, data="clean.rows").outcome == "passed"
    steps[-1] = train("prepare.train", SOURCE)
    assert a_check(*steps, data="clean.rows").outcome == "refused"


@pytest.mark.parametrize(("inputs", "way"), [
    ([SOURCE], f"{SOURCE} -> prepare.train -> train"), ([SOURCE, "prepare.schema"], "-> prepare.train -> train"),
    ([SOURCE, "train.model"], "-> train"), (["prepare.train"], "prepare.train -> train")])
def test_rows_taken_past_the_split_are_not(inputs, way):
    check = a_check(PREPARE, train("prepare.train"), a_step("pick", inputs, "rows.parquet"), data="pick.rows")
    assert check.outcome == "refused"
    assert way in check.hint


def test_files_of_a_pattern_are_looked_at_one_by_one():
    many = a_step("train", ["prepare.train"], "model.skops")
    many["inputs"]["many"] = {"from": "data/*.csv", "files": [{"name": "data/b.csv", "sha256": "b"}]}
    assert a_check(PREPARE, many).outcome == "passed"
    many["inputs"]["many"]["files"].append({"name": "data/z.csv", "sha256": SOURCE})
    assert a_check(PREPARE, many).outcome == "refused"


def test_a_step_that_took_nothing_is_no_obstacle():
    assert a_check({"step": "prepare", "inputs": None, "outputs": PREPARE["outputs"]},
                   train("prepare.train")).outcome == "passed"
