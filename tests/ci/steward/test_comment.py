"""The comment: what it tells, and that a stranger's words stay words."""

import re
from dataclasses import replace

import mistune
import pytest
from steward_samples import summary

from notemill.ci.steward.builds import Build
from notemill.ci.steward.comment import MARK, Told, comment
from notemill.ci.steward.decide import Decision
from notemill.ci.steward.facts import Reason
from notemill.ci.steward.markdown import code, link
from notemill.ci.steward.summary import read_summary

DROP, COMMIT = "http://drop:7304", "a" * 40
GO = Decision("success", "fine", merge=True)
FILE = f"{DROP}/pull-request/{'d' * 64}/train.html"
HOSTILES = [
    "<script>alert(1)</script>", "</td></table><img src=x onerror=alert(1)>", "`</code><b>x</b>`", "``` `` ` x",
    "@ann @bob",
    "![x](http://evil.example/x.png)", "[x](javascript:alert(1))", "http://evil.example", "www.evil.example", "a|b|c",
    "#1 !2 ann/cells#3", "\n# head\n- item\n", "\r\n\r\n<b>", "\u202eabc\u2066", "a\u0300" * 400, "\\`\\|", "&lt;b&gt;",
    "$x$ $$y$$", "<!-- notemill:steward -->", "-->", "\x00\x1b[31m", "| --- |", ":tada:", "x" * 5000, "`", "|", ""]


def told(content=None, main=None, decision=GO, state="success", **more):
    build = Build(3, state, "http://drone/a/b/3", COMMIT, content and read_summary(content))
    other = main and Build(2, "success", "http://drone/a/b/2", "b" * 40, read_summary(main))
    return Told(decision, COMMIT, build, other, DROP, **more)


def test_what_a_green_build_says():
    here = summary(COMMIT, links=[{"title": "report of train", "url": FILE}], params={"train.estimator": "boosting"})
    said = comment(told(here, summary("b" * 40, coverage=90.0, metrics=[
        {"name": "roc_auc", "value": 0.95, "low": None, "high": None, "n": None}])))
    assert said.startswith(MARK) and "Merges by itself once all checks are green." in said
    for line in ("[Build 3](http://drone/a/b/3) of `aaaaaaaaaa` is green.",
                 "#### Verdict: passed (1 checks, 0 refused, 0 warned)",
                 "| `floor` | passed | 0.98 | 0.96 to 0.99 | `0.9` |  |",
                 "| `roc_auc` | 0.95 | 0.98 (0.96 to 0.99) | +0.03 |",
                 '| `train.estimator` | `"linear"` | `"boosting"` |',
                 "Tests cover 91.2 % of the code (main: 90.0 %).", f"[`report of train`]({FILE})"):
        assert line in said


def test_what_is_the_same_is_said_in_a_line():
    assert "Parameters and data are the same." in comment(told(summary(COMMIT), summary("b" * 40)))


def test_without_a_build_of_main_there_are_figures_all_the_same():
    said = comment(told(summary(COMMIT)))
    assert "no green build of main yet" in said and "| `roc_auc` | none | 0.98 (0.96 to 0.99) |  |" in said


def test_what_waits_is_told_with_its_place():
    said = comment(told(decision=Decision("pending", "", (Reason("changes the gate", "gate: floor"),))))
    assert "**Waits for a person.**" in said and "- changes the gate: `gate: floor`" in said


def test_what_failed_is_told_with_the_cell():
    error = {"step": "train", "cell": 4, "words": "ValueError: no", "report": f"{FILE}#cell-4"}
    said = comment(told(summary(COMMIT, error=error, verdict=None), state="failure"))
    assert f"**Failed** in `train`, cell 4: `ValueError: no` ([`report`]({FILE}#cell-4))" in said


@pytest.mark.parametrize("state, words", [
    ("running", "is running"), ("blocked", "is not signed"), ("odd", "is under way")])
def test_a_build_under_way(state, words):
    assert words in comment(told(state=state))


def test_no_build_yet_and_the_end():
    assert "no build of `aaaaaaaaaa` yet" in comment(replace(told(), build=None))
    assert "Merged as `1`." in comment(replace(told(), decision=None, ended="Merged as `1`."))
    assert "main is open" in comment(replace(told(), unprotected="main is open"))


@pytest.mark.parametrize("words", HOSTILES)
def test_a_strangers_words_stay_words(words):
    words = words[:500]
    check = {"check": words, "passed": False, "warning": True, "figure": 1, "interval": None, "limit": words,
             "words": words}
    here = summary(COMMIT, verdict={"passed": False, "checks": [check]}, params={words: words}, data={words: "e" * 64},
                   metrics=[{"name": words, "value": 1}], links=[{"title": words, "url": words}],
                   error={"step": words, "cell": 1, "words": words, "report": words})
    said = comment(told(here, summary("b" * 40), Decision("pending", "", (Reason("changes it", words),))))
    assert "@" not in said and re.sub("`[^`]*`", "", said).count(MARK) == 1
    shown = mistune.create_markdown(escape=False, plugins=["table", "url", "strikethrough"])(said)
    assert set(re.findall(r'(?:href|src)="([^"]+)"', shown)) == {"http://drone/a/b/3", "http://drone/a/b/2"}
    assert {line.count("|") for line in said.splitlines() if line.startswith("|")} == {4, 5, 7}
    ours = set("p code a strong h3 h4 ul li table thead tbody tr th td sub".split())
    assert set(re.findall(r"<(\w+)", shown)) <= ours
    assert {row.count("<td") for row in re.findall(r"<tr>(.*?)</tr>", shown, re.S) if "<td" in row} <= {3, 4, 6}


def test_a_comment_is_never_longer_than_people_read():
    words = "x" * 500
    checks = [{"check": words, "passed": False, "warning": False, "words": words}] * 200
    many = {f"{n}{words[:400]}": words for n in range(200)}
    here = summary(COMMIT, verdict={"passed": False, "checks": checks}, params=many,
                   data={name: "e" * 64 for name in many}, links=[{"title": words, "url": FILE}] * 200,
                   metrics=[{"name": name, "value": 1} for name in many])
    waits = tuple(Reason("changes it", f"{n}{words}") for n in range(500))
    assert len(comment(told(here, summary("b" * 40), Decision("pending", "", waits)))) < 50_000


@pytest.mark.parametrize("url, linked", [
    (FILE, True), (f"{FILE}#cell-4", True), (f"{DROP}/main/{'d' * 64}/a.whl", True), ("http://evil.example/", False),
    (f"{FILE})[x](http://evil.example", False), (f"{FILE}?x", False), (f"{DROP}@evil/main/{'d' * 64}/a.html", False),
    (f"{FILE}#a b", False), (f"{FILE}\n", False), ("javascript:alert(1)", False), (f"{DROP}/main/../a.html", False)])
def test_links_lead_to_the_drop_alone(url, linked):
    assert link("report", url, DROP) == (f"[`report`]({url})" if linked else "`report`")


def test_code_is_one_span():
    assert code("a`b") == "`aʼb`" and code("") == "" and code(" \n ") == "" and code("a" * 200) == f"`{'a' * 159}…`"
