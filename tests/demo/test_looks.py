"""The demo on the tables of ../shared/data in a real browser, wide and narrow, light and dark: each page can be read,
fits, and fetches nothing from elsewhere."""

import json
import sys
from pathlib import Path

import pytest
from browsing import CONTRAST
from model_samples import shared_files
from serving_samples import make_wheel, unpacked

from notemill.serve.loading import content_digest

sys.path.insert(0, str(Path(__file__).parent))

from running import running  # noqa: E402
from verdict_samples import verdict  # noqa: E402
from visiting import PATIENCE, ask, go, visitor  # noqa: E402

pytestmark = pytest.mark.slow
TABLES = {"penguins": "species", "adult": "income-per-year", "bike_hour": "cnt", "taxis": "fare"}
QUANTITIES = ("cnt", "fare")
ROWS = 400
WIDTHS = [(1280, "light"), (390, "dark")]
PAGES = {"how-good": "Against version 1", "lineage": "This version", "many-rows": "Many rows",
         "model-card": "Model card"}
# the edges of what is ours that reach beyond the window
BEYOND = """() => [...document.querySelectorAll('[class^=nm-], [class^=nm-] *')]
  .filter(one => one.checkVisibility() && !one.closest('.nm-below'))
  .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(one => one.outerHTML.slice(0, 80))"""
# what is Streamlit's own, marked: its words are not ours to mend
MARK = """() => document.querySelectorAll('body *').forEach(one =>
  one.toggleAttribute('data-strange', !one.closest('[class^=nm-]') && !one.querySelector('[class^=nm-]')))"""


@pytest.fixture(scope="module", params=TABLES)
def shown(request, tmp_path_factory):
    """The demo of a table's model, whose verdict has all that can be drawn."""
    folder, target = tmp_path_factory.mktemp("seen"), TABLES[request.param]
    given = {"source": shared_files(folder / "made", f"{request.param}.csv", ROWS), "target": target}
    package = unpacked(make_wheel(folder, given, name=f"seen-{request.param}"), folder / "package")
    (package / "verdict.json").write_text(json.dumps(verdict(quantity=target in QUANTITIES)), encoding="utf-8")
    with running(package, "--sha256", content_digest(package)) as demo:
        yield demo


def in_sight(page, selector):
    box = page.locator(selector).last.bounding_box()
    return box and box["y"] >= 0 and box["y"] + box["height"] <= page.viewport_size["height"]


def check_looks(page):
    """Nothing is wider than the window, and each word of ours can be read."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= page.viewport_size["width"]
    assert page.evaluate(BEYOND) == []
    page.evaluate(MARK)
    assert page.evaluate(CONTRAST, "[data-strange]") == []


@pytest.mark.parametrize("width, scheme", WIDTHS)
def test_a_row_is_answered(browser, shown, width, scheme):
    with visitor(browser, shown.url, width, scheme) as page:
        ask(page)
        said = page.locator(".nm-answer .big").inner_text()
        assert in_sight(page, ".nm-answer .big" if width > 640 else ".nm-below strong")
        assert said in page.locator(".nm-below strong").text_content()
        assert page.locator(".nm-parts li").count() > 2
        check_looks(page)
        go(page, page.url)  # a link reproduces the prediction
        assert page.locator(".nm-answer .big").inner_text() == said


@pytest.mark.parametrize("width, scheme", WIDTHS)
def test_each_page_fits_and_can_be_read(browser, shown, width, scheme):
    with visitor(browser, shown.url, width, scheme) as page:
        for name, heading in PAGES.items():
            go(page, shown.url + name)
            page.get_by_role("heading", name=heading, exact=True).wait_for(timeout=PATIENCE)
            check_looks(page)
