"""Coverage: one figure, and one page of the lines that no test ran."""

import pytest

from notemill.ci.story.coverage import page, share


@pytest.mark.parametrize(("totals", "expected"), [
    ({"percent_covered": 91.26, "num_statements": 3}, 91.3), ({"percent_covered": 100, "num_statements": 0}, None),
    ({"percent_covered": "x", "num_statements": 3}, None), ({"percent_covered": 101, "num_statements": 3}, None),
    ({}, None)])
def test_the_share(totals, expected):
    assert share({"totals": totals}) == expected


def test_there_is_none():
    assert share(None) is None and share({"totals": []}) is None


def test_the_page_marks_what_was_missed(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\ny = '<b>'\n")
    summary = {"percent_covered": 50.0, "num_statements": 2}
    files = {"a.py": {"summary": summary, "missing_lines": [2]}}
    text = page("tiny <i>", {"totals": summary, "files": files}, tmp_path).decode()
    assert '<span class="missed"><i>2</i>y = &#39;&lt;b&gt;&#39;' in text and '<span class="ran"><i>1</i>x = 1' in text
    assert "tiny &lt;i&gt;: 50.0 %" in text and "<script" not in text


def test_no_text_from_elsewhere(tmp_path):
    (tmp_path / "outside.py").write_text("secret = 1\n")
    (tmp_path / "in").mkdir()
    files = {"../outside.py": {"summary": {}, "missing_lines": [1]}, str(tmp_path / "outside.py"): {
        "summary": {}, "missing_lines": [1]}}
    assert b"secret" not in page("tiny", {"totals": {}, "files": files}, tmp_path / "in")
