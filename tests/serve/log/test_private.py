"""Private columns never reach the disk: not in rows, not in warnings, not in what is merged or exported."""

import json

import pytest
import yaml
from log_samples import SCHEMA, all_bytes, compact, record, write_log
from model_samples import mixed_table, run_cells

from notemill.errors import UsageError
from notemill.serve.log import Log, LogError, read

JOB = {"warnings": [{"column": "job", "check": "categories", "got": "geheim"}]}


def with_private(**said):
    columns = [entry | ({"private": said[entry["name"]]} if entry["name"] in said else {})
               for entry in SCHEMA["columns"]]
    return SCHEMA | {"columns": columns}


def written(folder, schema, **changes):
    """The bytes of a folder, with a journal and again with Parquet files."""
    write_log(folder, [1], schema=schema, **changes)
    before = all_bytes(folder)
    compact(folder)
    return before + all_bytes(folder)


@pytest.mark.parametrize("way", [True, "hash"])
def test_private_cells_are_nowhere(tmp_path, way):
    inputs = {"inputs": {"job": "geheim", "age": 5}}
    assert b"geheim" in written(tmp_path / "open", SCHEMA, **inputs | JOB)
    assert b"geheim" not in written(tmp_path / "closed", with_private(job=way), **inputs | JOB)
    row, = read(tmp_path / "closed").to_table().to_pylist()
    assert row["warnings"] == [{"column": "job", "check": "categories", "got": None}] and row["input_age"] == 5
    assert ("input_job" in row) == (way == "hash")


def test_only_what_goes_into_the_model_is_logged(tmp_path):
    found = written(tmp_path / "log", SCHEMA, inputs={"id": "geheim", "other": "geheim", "income": "geheim", "age": 1})
    assert b"geheim" not in found


def test_hashes_tell_values_apart_and_cannot_be_made_without_the_salt(tmp_path):
    schema = with_private(job="hash", age="hash")
    for folder in ("one", "two"):
        for job in ("clerk", "clerk", "cook", None):
            write_log(tmp_path / folder, [1], schema=schema, inputs={"job": job, "age": "clerk"})
    one, two = (read(tmp_path / folder).to_table().to_pydict() for folder in ("one", "two"))
    first, again, cook, none = one["input_job"]
    assert first == again != cook and none is None and len(first) == 32
    assert set(one["input_age"]).isdisjoint(one["input_job"]), "columns cannot be joined by their hashes"
    assert set(two["input_job"]) & set(one["input_job"]) == {None}


def test_one_number_has_one_hash(tmp_path):
    schema = with_private(age="hash")
    for age in (12, 12.0, "12", 13, 12.5, True):
        write_log(tmp_path / "log", [1], schema=schema, inputs={"age": age})
    hashes = read(tmp_path / "log").to_table()["input_age"].to_pylist()
    assert len(set(hashes[:3])) == 1 and len(set(hashes)) == 4


def test_a_column_that_becomes_private_is_another_column(tmp_path):
    write_log(tmp_path / "log", [1])
    write_log(tmp_path / "log", [2], schema=with_private(job="hash"))
    compact(tmp_path / "log")
    table = read(tmp_path / "log").to_table().sort_by("request")
    plain, hashes = table["input_job"].to_pylist(), table["input_job (hash)"].to_pylist()
    assert plain == ["clerk", None] and hashes[0] is None and len(hashes[1]) == 32


def test_the_salt_is_never_replaced_and_a_damaged_one_is_no_salt(tmp_path):
    Log.open(tmp_path / "log", SCHEMA).close(0)
    salt = (tmp_path / "log" / "salt").read_bytes()
    Log.open(tmp_path / "log", SCHEMA).close(0)
    assert (tmp_path / "log" / "salt").read_bytes() == salt
    (tmp_path / "log" / "salt").write_bytes(b"")
    with pytest.raises(LogError, match="is not the secret"):
        Log.open(tmp_path / "log", SCHEMA)


def test_the_service_may_ask_for_more_privacy_and_not_for_less(open_log):
    log = open_log(with_private(job=True), private={"job": "hash", "age": "hash", "member": False})
    log.append([record(1)])
    row, = read(log.folder).to_table().to_pylist()
    assert "input_job" not in row and len(row["input_age"]) == 32 and row["input_member"] is True


@pytest.mark.parametrize(("schema", "private", "words"), [
    (SCHEMA, {"jbo": True}, "the model has no column 'jbo'"), (with_private(job="hsah"), None, "'hsah' is not known"),
    (SCHEMA, {"income": True}, "cannot be logged"), (SCHEMA, {"job": ["hash"]}, "is not known"),
    (SCHEMA | {"target": {"name": "income", "private": True}}, None, "cannot be logged")])
def test_what_cannot_be_kept_private_is_an_error(tmp_path, schema, private, words):
    with pytest.raises(LogError, match=words):
        Log.open(tmp_path / "log", schema, private=private)


# the contract
def schema_of(tmp_path, private):
    """The schema that the starter's prepare step writes."""
    mixed_table().to_csv(tmp_path / "mixed.csv", index=False)
    (tmp_path / "contract.yaml").write_text(yaml.safe_dump({"columns": {"colour": {"type": "category"} | private}}))
    files = {name: str(tmp_path / f"{name}.{end}") for name, end in
             (("train", "parquet"), ("test", "parquet"), ("schema", "json"))}
    run_cells("prepare", "schema.write_text", {"source": str(tmp_path / "mixed.csv"), "target": "answer",
                                               "contract": str(tmp_path / "contract.yaml"), **files})
    columns = json.loads((tmp_path / "schema.json").read_text())["columns"]
    return {entry["name"]: entry.get("private") for entry in columns}


@pytest.mark.parametrize(("said", "found"), [({"private": True}, True), ({"private": "hash"}, "hash"),
                                             ({"private": False}, None), ({}, None)])
def test_the_contract_s_word_goes_into_the_schema(tmp_path, said, found):
    from notemill.contract.reading import load

    assert schema_of(tmp_path, said)["colour"] == found
    assert load(tmp_path / "contract.yaml").columns["colour"].private == (found or False)


@pytest.mark.parametrize("said", ["hide", "1", "[hash]"])
def test_the_contract_knows_no_other_word(tmp_path, said):
    from notemill.contract.reading import load

    (tmp_path / "contract.yaml").write_text(f"columns:\n  colour: {{type: category, private: {said}}}\n")
    with pytest.raises(UsageError, match="private"):
        load(tmp_path / "contract.yaml")


@pytest.mark.parametrize(("way", "words"), [(True, "not in the prediction log"), ("hash", "as a hash")])
def test_the_card_says_it(way, words):
    from notemill.card.contract import column_rules
    from notemill.contract.reading import Column

    assert words in " ".join(column_rules(Column("colour", "category", private=way)))
    assert "private" not in " ".join(column_rules(Column("colour", "category")))
