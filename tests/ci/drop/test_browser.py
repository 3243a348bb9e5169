"""Pages of a build in a real browser: a report works, and a hostile page reaches nothing."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from browsing import chromium
from drop_process import put, running

from notemill.report.page import OPEN_INSIDE

pytestmark = pytest.mark.slow
PAGE = f"""<!doctype html><meta charset=utf-8><meta http-equiv="Content-Security-Policy" content="{OPEN_INSIDE}">
<title>report</title><style>p {{ color: rgb(1, 2, 3) }}</style><p>text</p>
<img id=own src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">
<iframe sandbox="allow-scripts" srcdoc="<script>parent.postMessage('inner', '*')</script>"></iframe>
<script>addEventListener("message", told => document.title = told.data + eval("1 + 1"))</script>"""
HOSTILE = """<!doctype html><title>waiting</title><form id=f action="{other}" method=post><input name=a></form><script>
const done = [];
const tried = (name, act) => {{ try {{ act(); }} catch (error) {{ done.push(name); }} }};
tried("cookie", () => document.cookie);
tried("storage", () => localStorage.length);
tried("parent", () => open("{other}/opened").document);
new Image().src = "{other}/image";
fetch("{other}/fetched").catch(() => done.push("fetch"));
fetch("/healthz").catch(() => done.push("own"));
navigator.sendBeacon("{other}/beacon");
document.getElementById("f").submit();
setTimeout(() => document.title = done.sort().join(), 500);
</script><link rel=stylesheet href="{other}/style"><script src="{other}/script"></script>"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def drop(tmp_path_factory):
    with running(tmp_path_factory.mktemp("drop")) as found:
        yield found


@contextmanager
def another_server():
    """Keeps what it is asked for."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *words):
            pass

    asked = []
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_report_shows_as_it_does_from_a_file(browser, drop):
    page = browser.new_page()
    page.goto(put(drop, PAGE.encode(), "report.html")[1])
    page.wait_for_function("document.title === 'inner2'", timeout=10_000)
    assert page.evaluate("getComputedStyle(document.querySelector('p')).color") == "rgb(1, 2, 3)"
    assert page.evaluate("document.getElementById('own').naturalWidth") == 1
    page.close()


def test_a_hostile_page_reaches_nothing(browser, drop):
    with another_server() as (other, asked):
        page = browser.new_page()
        page.goto(put(drop, HOSTILE.format(other=other).encode(), "hostile.html")[1])
        page.wait_for_function("document.title !== 'waiting'", timeout=10_000)
        assert page.title() == "cookie,fetch,own,parent,storage"
        page.close()
    assert asked == []


@pytest.mark.parametrize("name, content", [
    ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'), ("a.zip", b"PK")])
def test_what_is_no_page_is_saved(browser, drop, name, content):
    page = browser.new_page()
    with page.expect_download(timeout=10_000) as saved, pytest.raises(Exception, match="Download|ERR_ABORTED"):
        page.goto(put(drop, content, name)[1])
    assert saved.value.suggested_filename == name
    page.close()


def test_markdown_is_text(browser, drop):
    page = browser.new_page()
    page.goto(put(drop, b"<script>document.title = 'ran'</script>", "a.md")[1])
    assert page.title() != "ran" and "<script>" in page.inner_text("body")
    page.close()
