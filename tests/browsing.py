"""Pages in a real Chromium: what is asked of each of them. `from browsing import ...`."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
HOSTILE = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
# the texts, but for those within `skip` (a selector), with a contrast of less than 4.5 to 1 (WCAG AA)
CONTRAST = """
skip => {
  skip ??= 'svg, math';
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const paper = node => { for (; node; node = node.parentElement) {
    const c = parse(getComputedStyle(node).backgroundColor); if (c.length < 4 || c[3] > 0.99) return c; } };
  const bad = [];
  for (const node of document.querySelectorAll('body *')) {
    const written = [...node.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    const style = getComputedStyle(node);
    if (node.closest(skip) || !written || style.opacity === '0') continue;
    const ink = node.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(parse(ink)), light(paper(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.push([node.tagName, node.textContent.slice(0, 30), a, b]);
  }
  return bad;
}"""
# intervals that go on in a second line
SPLIT = """
() => [...document.querySelectorAll('.of, .whole')]
  .filter(one => one.checkVisibility() && / to |,/.test(one.textContent))
  .filter(one => one.getBoundingClientRect().height > 1.6 * parseFloat(getComputedStyle(one).lineHeight))
  .map(one => one.textContent)"""
OVERLAPS = """
() => {
  const bad = [], wide = document.documentElement.clientWidth;
  for (const node of document.querySelectorAll('body *')) {
    if (!node.checkVisibility() || node.closest('.graph, svg')) continue;
    const box = node.getBoundingClientRect();
    if (box.width && (box.right > wide + 1 || box.left < -1)) bad.push([node.className || node.tagName, box.right]);
  }
  return bad;
}"""


@contextmanager
def chromium(*words):
    """A browser, started with more words; the test is skipped where there is none."""
    if not CHROMIUM:
        pytest.skip("needs Chromium: there is no chromium or chromium-browser on PATH")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the playwright package")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *words])
        yield browser
        browser.close()


@contextmanager
def opened(browser, path, width=1200, scheme="light"):
    """The page of a file, all of its foldings open; `requests`: all that it asked for but itself."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.requests = []
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.wait_for_timeout(150)
    page.requests = [url for url in page.requests if url != path.as_uri()]
    yield page
    context.close()


def check_quiet(browser, path):
    """Nothing hostile runs, nothing is fetched, and there is no script at all."""
    with opened(browser, path) as page:
        assert page.title() != "pwned" and page.requests == []
        assert page.evaluate("document.scripts.length") == 0
        assert "default-src 'none'" in page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")


def check_looks(browser, path):
    """Each word can be read, light and dark; nothing is wider than a phone or a desk's screen; intervals stay whole."""
    for scheme in ("light", "dark"):
        with opened(browser, path, scheme=scheme) as page:
            assert page.evaluate(CONTRAST) == []
    for width in (390, 1200):
        with opened(browser, path, width) as page:
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width and page.evaluate(OVERLAPS) == []
            assert page.evaluate(SPLIT) == []


def check_prints(browser, path):
    """On paper, 19 cm wide: black on white, and nothing is cut off."""
    with opened(browser, path, 718) as page:
        page.emulate_media(media="print")
        shown = "[...document.querySelectorAll('body, .drawing')].filter(one => one.checkVisibility())"
        assert page.evaluate(f"Math.max(...{shown}.map(one => one.getBoundingClientRect().right))") <= 718
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
