"""An image's source: what the wheel says of itself, and what is not believed."""

import json
import zipfile

import pytest
from rebuilding import as_json, rebuilt

from notemill.errors import NotemillError, UsageError
from notemill.release.image.source import NEED, commit_of, find_source
from notemill.release.packaged import model_files


def source_of(wheel):
    return find_source(None, str(wheel), {}, print)


def test_all_that_an_image_says_comes_from_the_wheel(wheel):
    source = source_of(wheel)
    assert source.facts["distribution"] == "imaged-model" and source.content == wheel.read_bytes()
    assert source.commit == "6e976e976e97" and not source.dirty and not source.signed
    assert source.created == "2026-11-20T10:00:00Z" and source.python == ">=3.11"
    assert "scikit-learn==1.9.1" in source.needs and len(source.golden["rows"]) == len(source.golden["predictions"])


@pytest.mark.parametrize("annotations, dirty", [({"dirty": True}, True), ({"dirty": False}, False), ({}, False)])
def test_the_whole_commit_stands_in_the_provenance(annotations, dirty):
    source = {"name": "source", "digest": {"gitCommit": "a" * 40}, "annotations": annotations}
    said = {"predicate": {"buildDefinition": {"resolvedDependencies": [{"name": "x.ipynb"}, source]}}}
    assert commit_of(said, "3+g0123456789ab.dirty") == ("a" * 40, dirty)


@pytest.mark.parametrize("version, commit", [
    ("3+g0123456789ab.dirty", ("0123456789ab", True)), ("3+nocommit", (None, False)),
    ("3+g0123456789ab", ("0123456789ab", False))])
def test_without_one_the_version_has_its_beginning(version, commit):
    assert commit_of({}, version) == commit


def test_a_commit_that_is_none_is_not_taken():
    source = {"name": "source", "digest": {"gitCommit": "a; rm -r /"}}
    assert commit_of({"predicate": {"buildDefinition": {"resolvedDependencies": [source]}}}, "1") == (None, False)


@pytest.mark.parametrize("need", [
    "numpy>=2.4.6,<3", "scikit-learn==1.9.1", "dask[dataframe]>=1", "a (>=1)", "a ~= 1.2, != 1.3", "one",
    "pyarrow>=14 ; python_version < '3.13'"])
def test_distributions_may_be_asked_for(need):
    assert NEED.fullmatch(need)


@pytest.mark.parametrize("need", [
    "--index-url http://evil", "-r /etc/passwd", "a @ http://evil/a.whl", "a\n--index-url=x", "a --config-settings=x",
    "./here", "a>=1\n-e ."])
def test_nothing_else_may(need):
    assert not NEED.fullmatch(need)


def test_a_wheel_without_golden_rows_is_refused(wheel, tmp_path):
    other = rebuilt(wheel, tmp_path, golden__json=as_json(lambda golden: golden.update(rows=[])))
    with pytest.raises(NotemillError, match="has no golden rows"):
        source_of(other)


@pytest.mark.parametrize("change", [{"version": "3\nLABEL x"}, {"distribution": "../x"}, {"content": 7},
                                    {"trained_with": {"a": "1 --index-url x"}}, {"trained_with": None}])
def test_facts_that_are_no_such_facts_are_refused(wheel, tmp_path, change):
    other = rebuilt(wheel, tmp_path, facts__json=as_json(lambda facts: facts.update(change)))
    with pytest.raises(NotemillError, match="its facts.json is none"):
        source_of(other)


def test_a_version_needs_a_project():
    with pytest.raises(UsageError, match="a version belongs to a project"):
        find_source(None, "3", {}, print)


def test_a_damaged_wheel_is_refused(wheel, tmp_path):
    damaged = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(damaged, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(b"scikit", b"pickle"))
    with pytest.raises(NotemillError, match="is not used"):
        source_of(damaged)


def test_the_facts_are_those_of_the_files(wheel):
    files = model_files(wheel, wheel.read_bytes())
    assert source_of(wheel).facts == json.loads(files["imaged_model/facts.json"])
