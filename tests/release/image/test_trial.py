"""What an image answers, held against what the model said when it was judged."""

import copy
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from notemill.release.image import engine, trial
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


# what a trial leaves

class Left:
    """A container of a trial, so many minutes old; `taken`: somebody else removes it just now."""

    def __init__(self, minutes, taken=False):
        began = datetime.now(UTC) - timedelta(minutes=minutes)
        self.attrs, self.taken, self.gone = {"Created": f"{began:%Y-%m-%dT%H:%M:%S}.123456789Z"}, taken, False

    def remove(self, force, v):
        from docker.errors import APIError

        if self.taken:
            raise APIError("removal is in progress")
        self.gone = True


def test_what_a_killed_trial_has_left_goes():
    pytest.importorskip("docker")
    asked, left = [], [Left(61, taken=True), Left(61), Left(59), Left(0)]
    fake = SimpleNamespace(containers=SimpleNamespace(list=lambda **words: asked.append(words) or left))
    trial.clear(fake)
    assert [one.gone for one in left] == [False, True, False, False]
    assert asked == [{"all": True, "filters": {"label": "notemill.trial=yes"}, "ignore_removed": True}]


def test_each_trial_looks_for_what_others_have_left(monkeypatch):
    pytest.importorskip("docker")
    looked = []
    monkeypatch.setattr(trial, "clear", looked.append)
    monkeypatch.setattr(trial, "running", lambda *words: pytest.fail("a trial that is none"))
    with pytest.raises(pytest.fail.Exception):
        trial.trial("client", "image", None, False)
    assert looked == ["client"]


def test_a_container_gets_none_of_the_users_proxies():
    """Docker's SDK would hand them over, with their logins."""
    given = []
    container = SimpleNamespace(remove=lambda **words: None)
    fake = SimpleNamespace(containers=SimpleNamespace(create=lambda *words, **more: given.append(more) or container))
    with engine.made(fake, "image", ["serve"], labels={"a": "b"}) as made:
        assert made is container
    assert given == [{"use_config_proxy": False, "labels": {"a": "b"}}]
