"""What people wrote, or a notebook put out: it fetches nothing, leads nowhere, and each report has its own address."""

import http.server
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from notemill.demo.pages.card import without_images
from notemill.demo.state import Current

sys.path.insert(0, str(Path(__file__).parent))

from running import running  # noqa: E402
from visiting import PATIENCE  # noqa: E402


@pytest.mark.parametrize("text, shown", [
    ("![a](http://e/x.png)", "a"), ("![a][b]\n\n[b]: http://e", "a\n\n[b]: http://e"),
    ("![a]\n\n[a]: http://e", "a\n\n[a]: http://e"), ("![a][]", "a"), ("<IMG src=x>", ""),
    ("![![a](http://e)](http://f)", "[a](http://f)"), ("!![a](b) !![[c](d)", "!a [c"), ("[a](b)", "[a](b)"),
    ("Wow!", "Wow!")])
def test_a_card_has_no_pictures(text, shown):
    assert without_images(text) == shown and "![" not in shown


@pytest.mark.parametrize("name, part", [("100%25#c", "100%2525%23c.html"), ("a) **b**", "a%29%20%2A%2Ab%2A%2A.html"),
                                        ("train", "train.html"), ("é?x=1", "%C3%A9%3Fx%3D1.html")])
def test_each_report_has_its_own_address(demo, tmp_path, name, part):
    (tmp_path / f"{name}.html").write_text("x")
    Current.demo = replace(demo, reports=tmp_path, base="/shop")
    page = AppTest.from_string("from notemill.demo.pages import notebooks\nnotebooks.show()", default_timeout=60).run()
    assert not page.exception
    assert page.markdown[0].value.endswith(f" on a page of its own](/shop/own/alone/{part})")
    assert page.get("iframe")[0].proto.src == f"/shop/own/reports/{part}"


# in a browser
class Elsewhere(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"you are elsewhere")

    def log_message(self, *_):
        pass


@pytest.fixture
def elsewhere():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.asked = []
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server
    server.shutdown()
    serving.join()
    server.server_close()


def wait_for(page, is_so):
    until = time.monotonic() + PATIENCE / 1000
    while not is_so():
        assert time.monotonic() < until, page.url
        page.wait_for_timeout(100)


@pytest.mark.slow
def test_a_report_cannot_send_itself_elsewhere(browser, packages, elsewhere, tmp_path):
    there = f"http://127.0.0.1:{elsewhere.server_port}"
    (tmp_path / "a) b#.html").write_text(
        f"<script>console.log('began'); setTimeout(() => location = '{there}/script', 200);\n"
        f"try {{ top.location = '{there}/top' }} catch (error) {{}}</script>")
    with running(packages(), "--reports", tmp_path) as demo:
        page, said = browser.new_page(), []
        page.on("console", lambda one: said.append(one.text))
        for place in ("alone", "reports"):
            page.goto(f"{demo.url}own/{place}/a%29%20b%23.html")
            wait_for(page, lambda: page.frames[-1].url.startswith("chrome-error:"))  # it has been held back
            assert page.url == f"{demo.url}own/alone/a%29%20b%23.html"
            assert "began" in said and [line for line in said if "allow-top-navigation" in line]
            said.clear()
        page.close()
    assert elsewhere.asked == []
