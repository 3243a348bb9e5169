"""What is handed out: pages whose links lead somewhere, files that are what they seem."""

from pathlib import Path

import pytest
from story_samples import facts, record, step

from notemill.ci.story.offers import offers_of, relinked

AREA = "http://d/main"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "train.html").write_text('<a href="./index.html">run</a>')
    (tmp_path / "reports" / "index.html").write_text('<a href="./train.html#cell-3">t</a><a href="other.html">o</a>')
    return tmp_path


def test_pages_lead_to_one_another(root):
    run, train = offers_of(facts(root=root, verdict=None), AREA)
    assert (run.title, run.name, train.title) == ("report of the run", "run.html", "report of train")
    assert train.content == b'<a href="http://drone.example/o/tiny/7">run</a>'
    assert f'<a href="{AREA}/{train.path}#cell-3">' in run.content.decode() and b'href="other.html"' in run.content


def test_only_links_are_changed():
    page = b'<p>href=train.html "train.html"</p><a href="train.html">'
    assert relinked(page, {"train.html": 'http://d/"><b>'}) == \
        b'<p>href=train.html "train.html"</p><a href="http://d/%22>%3Cb>">'


def test_a_report_that_is_a_link_elsewhere_stays(root, tmp_path):
    (tmp_path / "secret").write_text("s")
    (root / "reports" / "train.html").unlink()
    (root / "reports" / "train.html").symlink_to(tmp_path / "secret")
    assert [one.name for one in offers_of(facts(root=root, verdict=None), AREA)] == ["run.html"]


def test_nothing_of_a_step_that_never_ran(root):
    found = facts(root=root, verdict=None, record=record(step(executed=None)))
    assert [one.name for one in offers_of(found, AREA)] == ["run.html"]


def test_verdict_card_wheel_and_coverage(root):
    (root / "run").mkdir()
    (root / "run" / "verdict.html").write_text("v")
    (root / "m-1+g1 x.whl").write_text("w")
    coverage = {"totals": {"percent_covered": 50.0, "num_statements": 2}, "files": {}}
    found = offers_of(facts(root=root, page=root / "run" / "verdict.html", card=b"c", wheel=root / "m-1+g1 x.whl",
                            record=None, coverage=coverage), AREA)
    assert [(one.title, one.name) for one in found] == [
        ("verdict", "verdict.html"), ("model card", "card.html"), ("wheel", "m-1+g1_x.whl"),
        ("coverage", "coverage.html")]


def test_names_are_such_as_the_drop_takes(root):
    from notemill.ci.drop.address import read

    for one in offers_of(facts(root=root, verdict=None, wheel=Path(__file__)), AREA):
        assert one.name.endswith(".py") or read(f"/main/{one.path}")
