"""What an image answers, held against what the model said when it was judged."""

import copy

import pytest

from notemill.release.image.source import find_source
from notemill.release.image.trial import differences


@pytest.fixture
def asked(wheel):
    """(the source, what a faultless image says)."""
    source = find_source(None, str(wheel), {}, print)
    answers = {name: source.golden[name] for name in ("predictions", "probabilities")}
    return source, {"golden_sha256": source.golden_sha256, "together": copy.deepcopy(answers),
                    "alone": copy.deepcopy(answers),
                    "model": {"version": source.facts["version"], "digest": source.facts["content"]}}


def test_the_same_answers_are_no_difference(asked):
    assert list(differences(*asked)) == []


def test_a_millionth_is_no_difference_and_more_is(asked):
    source, said = asked
    said["together"]["probabilities"][1][0] += 1e-9
    assert list(differences(source, said)) == []
    said["together"]["probabilities"][1][0] += 0.01
    (words,) = differences(source, said)
    assert words.startswith("row 2: probabilities was [")


def test_rows_are_asked_alone_as_well(asked):
    source, said = asked
    said["alone"]["predictions"][0] = "neither"
    (words,) = differences(source, said)
    assert words.startswith("row 1 alone: predictions was ") and words.endswith(", is neither")


def test_answers_that_are_missing_are_a_difference(asked):
    source, said = asked
    said["together"]["predictions"].pop()
    said["alone"]["probabilities"] = None
    count = len(source.golden["rows"])
    assert list(differences(source, said)) == [f"predictions: {count} are recorded, it gives {count - 1}",
                                               f"probabilities: {count} are recorded, it gives 0"]
