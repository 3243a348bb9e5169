"""build:N is the version that build N of Drone stands for, and never another commit's."""

import pytest
from model_samples import send

from notemill.errors import UsageError
from notemill.registry import find_version, registry
from notemill.registry.builds import content_of_build, note_build

ONE, OTHER = "a" * 40, "b" * 40


def within(number, commit=ONE):
    return {"DRONE_BUILD_NUMBER": str(number), "DRONE_COMMIT_SHA": commit}


@pytest.fixture
def uri(tmp_path):
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_a_version_is_found_by_its_build(uri, records, version, other, name, monkeypatch):
    monkeypatch.delenv("DRONE_COMMIT_SHA", raising=False)
    first, second = send(uri, records, version()), send(uri, records, version(other))
    note_build(records, name, first, within(7))
    note_build(records, name, second, within(8, OTHER))
    note_build(records, name, first, within(9, OTHER))  # a commit that changed only words
    with registry(uri) as client:
        found = [find_version(client, name, f"build:{number}", uri, records).version for number in (7, 8, 9)]
        assert found == [1, 2, 1]
        with pytest.raises(UsageError, match="build 10.*has registered no version"):
            find_version(client, name, "build:10", uri, records)


def test_of_two_that_a_build_made_the_last_one_counts(records):
    for content in ("c" * 64, "d" * 64):
        note_build(records, "plain", {"version": 1, "content": content}, within(7))
    assert content_of_build(records, "plain", "build:7", {}) == "d" * 64


def test_by_hand_the_newest_of_that_number_counts(records):
    for content, commit in (("c" * 64, OTHER), ("d" * 64, ONE)):
        note_build(records, "plain", {"version": 1, "content": content}, within(7, commit))
    assert content_of_build(records, "plain", "build:7", {}) == "d" * 64
    note_build(records, "plain", {"version": 1, "content": "e" * 64}, within(7, OTHER))
    assert content_of_build(records, "plain", "build:7", {}) == "e" * 64


def test_the_number_of_another_commit_is_not_taken(records):
    """Drone was set up anew, and its numbers have begun again."""
    note_build(records, "plain", {"version": 1, "content": "c" * 64}, within(7))
    assert content_of_build(records, "plain", "build:7", within(9)) == "c" * 64
    with pytest.raises(UsageError, match="a build 7 of another commit did"):
        content_of_build(records, "plain", "build:7", within(9, OTHER))


@pytest.mark.parametrize("environ", [{}, {"DRONE_BUILD_NUMBER": "7"}, within("../7"), within(7, "../x"), within(0)])
def test_outside_of_a_build_nothing_is_noted(records, environ):
    note_build(records, "plain", {"version": 1, "content": "c" * 64}, environ)
    assert records.place_.names("builds") == []


@pytest.mark.parametrize("asked", ["build:", "build:x", "build:7/../8", "build:-1", "build:٣"])
def test_what_is_no_number_is_told(records, asked):
    with pytest.raises(UsageError, match="names no build"):
        content_of_build(records, "plain", asked, {})
