"""The pages in a real browser: nothing hostile runs, nothing leaves the file, nothing overflows a phone."""

import copy
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browsing import CONTRAST, chromium
from report_samples import HOSTILE, PNG, SHA, code, display, failure, make_record, make_step, notebook, stream, text

from notemill import compare, report
from notemill.report.page import render


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def visit(browser):
    """Open a file as `scheme` at `width`; the page has `requests`, all that it asked for."""
    opened = []

    def go(path, width=1280, scheme="light", anchor=""):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        opened.append(context)
        page = context.new_page()
        page.requests = []
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.as_uri() + anchor)
        page.wait_for_timeout(200)
        return page
    yield go
    for context in opened:
        context.close()


REMOTE = ("<img src='https://example.org/a.png'><link rel=stylesheet href='https://example.org/a.css'>"
          "<script src='https://example.org/a.js'></script><iframe src='https://example.org/'></iframe>"
          "<style>@import 'https://example.org/b.css'; @font-face {font-family: x; src: url(https://example.org/f)}"
          " p {background: url(https://example.org/c.png); font-family: x}</style><p>styled</p>"
          "<script>fetch('https://example.org/d'); new Image().src = 'https://example.org/e';"
          "navigator.sendBeacon('https://example.org/f'); new WebSocket('wss://example.org/g')</script>")


COLOURS = "".join(f"\x1b[{number}mword\x1b[39m " for number in (*range(31, 37), *range(91, 97), "38;5;28;01"))


def full_notebook():
    wide = "".join(f"<td>column number {n}</td>" for n in range(40))
    return notebook(
        text(f"# Title\n{'A long sentence. ' * 20}\n\n`{'long_name_' * 30}` $x^2$"
             f" [link](https://example.org/{'x' * 200})\n\n"
             f"| {' | '.join('abcdefgh' * 3)} |\n|{'---|' * 24}\n| {' | '.join('12345678' * 3)} |"),
        code(f"x = '{'long ' * 100}'  # comment\ndef f(a: int) -> str:\n    return 1",
             stream(HOSTILE + "word" * 200), stream("warning " * 50, "stderr")),
        code("t", display(text_html=f"<table class=dataframe border=1><tr>{wide}</tr></table>"),
             display(image_png=PNG)),
        code("r", display(text_html=REMOTE)),
        code("bad", failure(message=HOSTILE, traceback=[COLOURS + "e" * 300])))


@pytest.fixture
def step_page(tmp_path):
    report.write_step_report(full_notebook(), tmp_path / "train.html", step=HOSTILE, subtitle=f"demo {HOSTILE}")
    return tmp_path / "train.html"


@pytest.fixture
def index_page(tmp_path, three_steps):
    record = copy.deepcopy(three_steps)
    first, train, last = record["steps"]
    train.update(title=HOSTILE, purpose=HOSTILE, params={HOSTILE: HOSTILE, "p" * 100: "v" * 300},
                 metrics={HOSTILE: 0.5}, status="failed",
                 error={"name": "E", "message": HOSTILE, "cell": 5, "line": 1, "report": "x.html"})
    last.update(status="skipped", warnings=[HOSTILE])
    record.update(status="failed", error={"where": "x", "got": HOSTILE, "allowed": None, "hint": None, "step": "train",
                                          "cell": 5, "line": 1, "report": "reports/train.html#cell-5"},
                  ci={"build": "1", "link": "javascript:alert(1)"}, git={"commit": "a" * 40, "branch": "b" * 200})
    report.write_index(record, tmp_path / "index.html", previous=three_steps,
                       pictures={"train": report.pictures(full_notebook())})
    return tmp_path / "index.html"


@pytest.fixture
def compare_page(tmp_path, three_steps):
    other = copy.deepcopy(three_steps)
    other["steps"][1].update(params={HOSTILE: HOSTILE}, metrics={HOSTILE: 1.0})
    made = compare.compare_runs(three_steps, other, environment=lambda sha256: {})
    compare.write_html(made, tmp_path / "compare.html", render)
    return tmp_path / "compare.html"


@pytest.fixture(params=["step_page", "index_page", "compare_page"])
def any_page(request):
    return request.getfixturevalue(request.param)


def test_nothing_hostile_runs(visit, any_page):
    page = visit(any_page)
    assert page.title() != "pwned" and HOSTILE in page.inner_text("body")


def test_the_index_runs_no_script_at_all(visit, tmp_path, index_page):
    """Even one that got into the page: the policy is the second wall."""
    added = f"{HOSTILE}<img src=x onerror=\"document.title='pwned'\"></body>"
    broken = index_page.read_text().replace("</body>", added)
    (tmp_path / "broken.html").write_text(broken)
    assert visit(tmp_path / "broken.html").title() != "pwned"
    (tmp_path / "open.html").write_text(broken.replace("Content-Security-Policy", "x"))
    assert visit(tmp_path / "open.html").title() == "pwned"


@pytest.fixture
def elsewhere():
    """A server of this machine that counts who comes: (its address, the list of its visitors)."""
    visitors = []

    class Handler(BaseHTTPRequestHandler):
        def handle(self):
            visitors.append(self.rfile.readline())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", visitors
    server.shutdown()
    server.server_close()


def test_no_request_leaves_the_file(visit, any_page, tmp_path, elsewhere):
    address, visitors = elsewhere
    text = any_page.read_text().replace("https://example.org", f"http://{address}")
    text = text.replace("wss://example.org", f"ws://{address}")
    (tmp_path / "local.html").write_text(text)
    page = visit(tmp_path / "local.html")
    page.wait_for_timeout(500)
    assert visitors == []
    if any_page.name == "train.html":       # without its policy the same page would ask: the server does count
        (tmp_path / "open.html").write_text(text.replace("Content-Security-Policy", "x"))
        visit(tmp_path / "open.html").wait_for_timeout(500)
        assert len(visitors) > 3


@pytest.mark.parametrize("page_of", ["index_page", "compare_page"])
def test_run_pages_do_not_even_try_to_fetch(visit, page_of, request):
    page = visit(request.getfixturevalue(page_of))
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []


def test_inline_scripts_of_a_report_do_run(visit, tmp_path):
    plot = display(text_html="<div id=p></div><script>document.getElementById('p').textContent = 'drawn'</script>")
    script = display(application_javascript="element.append('too')")
    report.write_step_report(notebook(code("a", plot, script)), tmp_path / "x.html", step="s", subtitle="t")
    assert visit(tmp_path / "x.html").inner_text("#p") == "drawn"
    assert "too" in visit(tmp_path / "x.html").inner_text("#cell-1")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_does_not_overflow(visit, any_page, width):
    page = visit(any_page, width)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


@pytest.fixture
def long_page(tmp_path):
    """Forty steps with long reasons, a long parameter and a long name."""
    steps = [make_step(f"step_{n}", reasons=["a reason of some length, said in words"] * 3, metrics={"roc_auc": 0.5},
                       outputs={"model": {"file": "model.skops", "sha256": SHA, "bytes": 1}}) for n in range(40)]
    steps[1].update(step="a_name_that_is_much_longer_than_any_node_is_wide_" * 2, purpose="Says what it is for. " * 30,
                    params={"text": "word\n" * 1000, "blob": "x" * 5000}, needs=["step_0"])
    report.write_index(make_record(*steps), tmp_path / "index.html", previous=make_record(*steps), pictures={})
    return tmp_path / "index.html"


SCROLLS = """way => [...document.querySelectorAll('body *')].filter(node => node.checkVisibility()
  && ['auto', 'scroll', 'hidden'].includes(getComputedStyle(node)['overflow' + way.toUpperCase()]) && (way === 'x'
  ? node.scrollWidth > node.clientWidth + 1 : node.scrollHeight > node.clientHeight + 1))
  .map(node => node.className).filter(name => !['purpose', 'name', 'who again'].includes(name))"""


@pytest.mark.parametrize("width", [390, 1280])
def test_the_index_reads_in_one_go(visit, long_page, index_page, width):
    """No box within the page scrolls up and down."""
    for path in (long_page, index_page):
        page = visit(path, width)
        assert page.evaluate(SCROLLS, "y") == [] and page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_on_a_phone_tables_need_no_scrolling_sideways(visit, tmp_path, three_steps):
    report.write_index(three_steps, tmp_path / "index.html", previous=copy.deepcopy(three_steps), pictures={})
    assert visit(tmp_path / "index.html", 390).evaluate(SCROLLS, "x") == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_node_shows_its_purpose_within_its_bounds(visit, long_page, width):
    inside = """[...document.querySelectorAll('.node > *')].filter(n => n.checkVisibility()).map(part => {
      const a = part.getBoundingClientRect(), b = part.closest('.node').getBoundingClientRect();
      return a.height > 10 && a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom })"""
    page = visit(long_page, width)
    found = page.evaluate(inside)
    shown = "[...document.querySelectorAll('.node > .purpose')].filter(node => node.checkVisibility()).length"
    assert page.evaluate(shown) == 40 and len(found) == 120 and all(found)


def test_a_large_parameter_is_folded(visit, long_page):
    page = visit(long_page)
    row = "[aria-label=Parameters] tbody tr:nth-child(1)"
    assert page.locator(f"{row} summary").bounding_box()["height"] < 90
    page.click(f"{row} summary")
    assert "x" * 5000 in page.inner_text(row)


def test_a_report_prints_whole(visit, step_page, tmp_path):
    page = visit(step_page)
    page.emulate_media(media="print")
    assert page.evaluate(SCROLLS, "y") == [] and not page.locator(".tools").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_wide_things_scroll_within_their_box(visit, step_page):
    page = visit(step_page, 390)
    assert page.evaluate("(() => { const box = document.querySelector('table.dataframe').closest('.output');"
                         " return box.scrollWidth > box.clientWidth && box.clientWidth <= 390 })()")
    assert page.evaluate("document.querySelector('.output > img').getBoundingClientRect().width") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read(visit, any_page, scheme):
    """WCAG AA: at least 4.5 to 1 for every text."""
    assert visit(any_page, scheme=scheme).evaluate(CONTRAST) == []


def test_dark_is_another_look(visit, any_page):
    colours = {scheme: visit(any_page, scheme=scheme).evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]") for scheme in
        ("light", "dark")}
    assert colours["light"] != colours["dark"]


def test_the_failing_cell_is_one_click_away(visit, index_page, step_page):
    page = visit(index_page)
    page.click("#failure a")
    page.wait_for_load_state()      # the address changes before the page is read
    assert page.url.endswith("/train.html#cell-5")
    assert page.evaluate("document.querySelector(':target').matches('section.cell.failed')")
    assert page.evaluate("Math.abs(document.querySelector(':target').getBoundingClientRect().top)") < 800
    page.click(".back a")
    assert page.url.endswith("/index.html")


def test_code_can_be_hidden_but_not_the_failing_cells(visit, step_page):
    page = visit(step_page)
    shown = "[...document.querySelectorAll('details.code')].map(d => d.checkVisibility())"
    assert page.evaluate(shown) == [True] * 4
    page.check("#no-code")
    assert page.evaluate(shown) == [False, False, False, True]


def test_mathematics_and_pictures_are_drawn(visit, step_page):
    page = visit(step_page)
    assert page.evaluate("document.querySelector('math msup') instanceof MathMLElement")
    assert page.evaluate("document.querySelector('.output > img').naturalWidth") == 1200


def test_plots_of_the_index_are_drawn(visit, index_page):
    page = visit(index_page)
    page.locator("figure img").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('figure img').complete", timeout=5000)   # a broken one is, too
    assert page.evaluate("document.querySelector('figure img').naturalWidth") == 1200


NASTY = ["</div></section></main></body></html>", "<table><tr><td>", "<!-- ", "<plaintext>", "<textarea>", "<title>",
         "<style>", "<script>", "<xmp>", "<iframe>", "<noembed>", "<select><option>", "<svg><desc>", "<math><mtext>",
         "<![CDATA[", "<?", "<a href='", "<p><b><i>", "<template>", "<button>", "<form action=//x>", "<noscript>",
         "<dialog>", "<object>", "<frameset>"]


def test_no_output_swallows_the_cells_behind_it(visit, tmp_path):
    cells = [code("n", display(text_html=f"before {nasty}")) for nasty in NASTY]
    report.write_step_report(notebook(*cells, code("last", failure())), tmp_path / "x.html", step="s", subtitle="t")
    page = visit(tmp_path / "x.html")
    places = page.evaluate("[...document.querySelectorAll('main > section.cell')].map(cell => cell.id)")
    assert places == [f"cell-{n + 1}" for n in range(len(NASTY) + 1)]
    assert page.evaluate("document.querySelector('#cell-26.failed pre').checkVisibility()")
