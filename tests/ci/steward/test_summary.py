"""summary.json: what is one, and what is refused."""

import json

import pytest
from steward_samples import summary

from notemill.ci.steward.fetching import addresses
from notemill.ci.steward.summary import NoSummary, read_summary

COMMIT = "a" * 40


def test_one_is_read():
    found = read_summary(summary(COMMIT))
    assert found.commit == COMMIT and found.passed and found.coverage == 91.2
    assert found.checks[0].limit == "0.9" and found.metrics[0].low == 0.96
    assert found.params == {"train.estimator": '"linear"'}


def test_what_a_build_writes_is_one():
    """As the story writes it, with nothing done yet."""
    from notemill.ci.story.build import Build
    from notemill.ci.story.facts import Facts
    from notemill.ci.story.summary import summarise

    build = Build("cells", COMMIT, "pull_request", "b", 1, None, "lint", True)
    written = summarise(Facts(build, root=None, project="cells"), {"report": "http://x/"})
    found = read_summary(json.dumps(written).encode())
    assert found.commit == COMMIT and found.passed is None and found.error.step == "lint"


@pytest.mark.parametrize("more", [
    {"format": 2}, {"format": True}, {"format": "1"}, {"commit": None}, {"commit": "A" * 40}, {"commit": COMMIT + "\n"},
    {"event": 5}, {"event": "x" * 501}, {"steps": {}}, {"steps": [1]}, {"steps": [{}] * 201}, {"verdict": []},
    {"verdict": {"passed": 1, "checks": []}}, {"verdict": {"passed": "yes"}},
    {"verdict": {"passed": True, "checks": 5}},
    {"verdict": {"passed": True, "checks": [{"check": "a", "passed": True}]}},
    {"verdict": {"passed": True, "checks": [{"check": "a", "passed": True, "warning": False, "figure": "1"}]}},
    {"verdict": {"passed": True, "checks": [{"check": "a", "passed": True, "warning": False, "interval": [1]}]}},
    {"metrics": [{"name": "a", "value": None}]}, {"metrics": [{"name": "a", "value": True}]},
    {"metrics": [{"name": "a", "value": 1e301}]}, {"metrics": [{"name": ["a"], "value": 1}]},
    {"data": {"a": "b"}}, {"data": []}, {"data": {"a": None}}, {"params": {"a": []}}, {"params": {"a": {"b": 1}}},
    {"coverage": "91"}, {"links": [{"title": "a"}]}, {"links": "a"}, {"error": "a"}, {"error": {"step": 1}},
    {"params": {str(n): 1 for n in range(201)}}])
def test_what_is_not_of_its_form_is_refused_whole(more):
    with pytest.raises(NoSummary):
        read_summary(summary(COMMIT, **more))


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"null", b"1", b"\xff", b"[" * 100_000, b'{"a":' * 50_000, b'{"format": NaN}', b"\x00",
    b'{"format": 1, "coverage": Infinity}', b"9" * 10_000, summary(COMMIT)[:-1],
    summary(COMMIT).replace(b"91.2", b"1e999"), summary(COMMIT).replace(b"91.2", b"9" * 400)])
def test_what_is_no_json_is_refused(content):
    with pytest.raises(NoSummary):
        read_summary(content)


DROP, SHA = "http://drop.example:7304", "c" * 64
GOOD = f"{DROP}/pull-request/{SHA}/summary.json"


@pytest.mark.parametrize("line, taken", [
    (f"summary: {GOOD}", True), (f"\x1b[2msummary: {GOOD}\x1b[0m", True), (f"  summary: {GOOD}  ", True),
    (f"summary: {GOOD}?x", False), (f"summary: {GOOD}#x", False), (f"see summary: {GOOD}", False),
    (f"summary: {GOOD} more", False), (f"summary:{GOOD}", False), (f"summary: {DROP}/main/{SHA}/summary.json", False),
    (f"summary: {DROP}.evil/pull-request/{SHA}/summary.json", False),
    (f"summary: {DROP}/pull-request/{SHA}/a.html", False),
    (f"summary: http://drop.example:7304@evil/pull-request/{SHA}/summary.json", False),
    (f"summary: HTTP://drop.example:7304/pull-request/{SHA}/summary.json", False),
    (f"summary: http://dropxexample:7304/pull-request/{SHA}/summary.json", False),
    (f"summary: {DROP}/pull-request/{SHA.upper()}/summary.json", False), (f"summary: {'x' * 100_000}", False)])
def test_only_the_drops_own_addresses_are_taken(line, taken):
    found = list(addresses(f"before\n{line}\nafter\n", DROP, "pull-request"))
    assert found == ([(GOOD, SHA)] if taken else [])


def test_the_last_one_comes_first():
    other = GOOD.replace("c" * 64, "d" * 64)
    assert [sha for _, sha in addresses(f"summary: {GOOD}\nsummary: {other}", DROP, "pull-request")] == ["d" * 64, SHA]
