"""The demo in a real browser: hostile text, each page's address."""

import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
from browsing import HOSTILE

sys.path.insert(0, str(Path(__file__).parent))

from running import running  # noqa: E402
from visiting import PATIENCE, settled, visitor  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hostile(packages, tmp_path_factory):
    """A demo with a report that tries what it must not."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "train.html").write_text(
        "<p id=there>there</p><script>try { parent.document.title = 'pwned' } catch (error) {}\n"
        "try { document.cookie } catch (error) { document.getElementById('there').textContent = 'kept out' }</script>")
    with running(packages(), "--reports", folder) as demo:
        yield demo


def test_hostile_text_in_a_link_is_text(browser, hostile):
    query = urlencode({"size": "9", "colour": HOSTILE, "flag": "true", "at": "", HOSTILE: "x"})
    with visitor(browser, f"{hostile.url}?{query}") as page:
        assert "<script>document.title" in page.locator(".nm-note.warn").inner_text() and page.title() != "pwned"
        assert page.locator("img[src=x]").count() == 0


def test_a_report_reaches_nothing_outside_its_frame(browser, hostile):
    with visitor(browser, f"{hostile.url}notebooks") as page:
        frame = page.frame_locator("iframe[src*='own/reports']")
        frame.get_by_text("kept out").wait_for(timeout=PATIENCE)
        assert page.title() != "pwned"


def test_each_page_has_its_address(browser, hostile):
    names = {"many-rows": "Many rows", "how-good": "How good", "lineage": "Lineage"}
    for name, title in names.items():
        with visitor(browser, hostile.url + name) as page:
            assert page.get_by_role("heading", name=title, exact=True).count() == 1


def test_the_form_goes_by_keyboard(browser, hostile):
    with visitor(browser, hostile.url) as page:
        field = page.get_by_role("spinbutton", name="size")
        field.focus()
        page.keyboard.press("Control+A")
        page.keyboard.type("9.25")
        page.keyboard.press("Enter")
        page.wait_for_url("**size=9.25**", timeout=PATIENCE)


def example(page, number):
    page.get_by_role("combobox", name="Begin with an example").click()
    page.get_by_role("option").nth(number).click()
    page.wait_for_url("**size=*", timeout=PATIENCE)
    settled(page)


def predict(page, size):
    page.get_by_role("spinbutton", name="size").fill(size)
    page.get_by_role("button", name="Predict").click()
    shows(page, size)


def shows(page, size):
    """Address, form and answer are of that row."""
    from playwright.sync_api import expect

    page.wait_for_url(f"**size={size}*", timeout=PATIENCE)
    expect(page.get_by_role("spinbutton", name="size")).to_have_value(size, timeout=PATIENCE / 2)
    expect(page.locator(".nm-parts")).to_contain_text(size, timeout=PATIENCE / 2)
    settled(page)


def menu(page, name):
    page.get_by_role("link", name=name).click()
    page.get_by_role("heading", name={"Try it": "Why"}.get(name, name), exact=True).wait_for(timeout=PATIENCE)
    settled(page)


def test_from_page_to_page_and_back(browser, hostile):
    with visitor(browser, hostile.url) as page:
        example(page, 5)
        address, answer = page.url, page.locator(".nm-answer").inner_text()
        menu(page, "How good")
        menu(page, "Try it")
        page.wait_for_url(address, timeout=PATIENCE)
        assert page.locator(".nm-answer").inner_text() == answer
        predict(page, "9.25")
        menu(page, "How good")
        menu(page, "Try it")
        shows(page, "9.25")
        predict(page, "9.5")
        predict(page, "14.5")
        page.go_back()
        shows(page, "9.5")
        page.go_forward()
        shows(page, "14.5")
