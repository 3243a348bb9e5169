"""axe-core on each page, light and dark, wide and narrow: nothing that it finds is ours."""

import json
import sys
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from model_samples import VERDICT

from notemill import card
from notemill.serve.loading import content_digest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "card")]

from card_samples import MANIFEST, RECORD, make_schema  # noqa: E402
from running import running  # noqa: E402
from serving_samples import unpacked  # noqa: E402
from visiting import PATIENCE, ask, settled, visitor  # noqa: E402

pytestmark = pytest.mark.slow
# (rule, what the element is known by) -> why it is not ours to mend
STREAMLITS = {
    ("presentation-role-conflict", 'data-testid="stFileUploaderDropzone"'):
        "minor: Streamlit names an area that is there for dropping files; the button in it has its own name"}
LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
SHOWN = "scheme => getComputedStyle(document.querySelector('.stApp')).colorScheme.includes(scheme)"
CURVE = {"x": [0.1, 0.9], "y": [0.2, 0.8], "low": [0.1, 0.7], "high": [0.3, 0.9], "n": [5, 5]}
PARTS = [{"name": "red", "figure": 0.9, "outcome": "passed"}, {"name": "blue", "figure": 0.8, "outcome": "refused"}]
CHECKS = [{"check": "slices", "figure": 0.8, "outcome": "refused", "hint": "blue is worse",
           "details": {"parts": PARTS}},
          {"check": "calibration.error", "figure": 0.02, "outcome": "passed", "details": {"curve": CURVE}},
          {"check": "champion", "figure": 0.01, "low": -0.01, "high": 0.02, "outcome": "passed", "hint": "as good"}]
ORIGINS = {"predicate": {"buildDefinition": {"resolvedDependencies": [{"name": "data.csv",
                                                                       "digest": {"sha256": "d" * 64}}]}}}
FAULTY = b"size,colour,flag,at\n99,red,true,\n9,red,true,\n"


@pytest.fixture(scope="module")
def demo(wheels, tmp_path_factory):
    """With something to show on each page."""
    folder = tmp_path_factory.mktemp("axe")
    package = unpacked(wheels(), folder / "package")
    verdict = {**VERDICT, "verdict": "refused", "champion": "2", "checks": VERDICT["checks"] + CHECKS}
    (package / "verdict.json").write_text(json.dumps(verdict))
    (package / "provenance.json").write_text(json.dumps(ORIGINS))
    (package / "card.html").write_text(card.render_page(card.collect(MANIFEST, verdict, make_schema(), RECORD,
                                                                     tables={})))
    (folder / "reports").mkdir()
    (folder / "reports" / "train.html").write_text("<!doctype html><html lang=en><title>train</title><h1>Train</h1>")
    with running(package, "--sha256", content_digest(package), "--reports", folder / "reports", "--log", folder / "log",
                 "--beside", package, "--beside-sha256", content_digest(package)) as found:
        yield found


def found_by_axe(page):
    """What axe-core says of the page, less what is known."""
    page.evaluate(AXE_SCRIPT)
    said = page.evaluate("axe.run(document, {resultTypes: ['violations'], iframes: false})")
    assert len(said["passes"]) > 10  # it has looked
    return [(rule["impact"], rule["id"], node["html"][:200], node["failureSummary"])
            for rule in said["violations"] for node in rule["nodes"]
            if not any(rule["id"] == known and mark in node["html"] for known, mark in STREAMLITS)]


def check(page, looks=LOOKS):
    """In all looks; the theme follows the browser's."""
    papers = set()
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(SHOWN, arg=scheme, timeout=PATIENCE)
        page.wait_for_timeout(300)
        papers.add(page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor"))
        assert (width, scheme, found_by_axe(page)) == (width, scheme, [])
    assert len(papers) == 2


@pytest.mark.parametrize("place", ["how-good", "model-card", "notebooks", "lineage"])
def test_a_page(browser, demo, place):
    with visitor(browser, demo.url + place) as page:
        check(page)


def test_trying_it(browser, demo):
    with visitor(browser, demo.url) as page:
        check(page)
        ask(page)
        page.get_by_text("The same as a call").click()
        page.get_by_text("This is wrong").click()
        page.get_by_label("What would be right").wait_for(timeout=PATIENCE)
        check(page)


@pytest.mark.parametrize("query", ["size=99&colour=red&shape=x", "size=9&colour=pink&flag=true"])
def test_a_row_with_faults_and_one_to_look_at_twice(browser, demo, query):
    with visitor(browser, f"{demo.url}?{query}") as page:
        page.locator(".nm-note").wait_for(timeout=PATIENCE)
        check(page, LOOKS[::3])


def test_many_rows(browser, demo):
    with visitor(browser, f"{demo.url}many-rows") as page:
        page.locator("input[type=file]").set_input_files(
            {"name": "rows.csv", "mimeType": "text/csv", "buffer": FAULTY})
        page.get_by_text("1 rows scored").wait_for(timeout=PATIENCE)
        settled(page)
        check(page)


def test_the_card_alone(browser, demo):
    """A document of its own, in a frame that runs no scripts: axe-core looks at the same in a page without rules."""
    context = browser.new_context()
    page = context.new_page()
    page.set_content(context.request.get(f"{demo.url}own/card").text())
    assert [one for one in found_by_axe(page) if one[0] in ("serious", "critical")] == []
    context.close()
