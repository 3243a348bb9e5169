"""The demo as a process: it listens only with a good model, says where, keeps text from acting, and ends in order."""

import json
import shutil
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rebuilding import rebuilt  # noqa: E402
from running import fails, running  # noqa: E402
from serving_samples import unpacked  # noqa: E402


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    (folder / "train.html").write_text("<h1>trained</h1><script>1</script>")
    (folder / "100%25#c (a)'.html").write_text("the odd one")
    (folder.parent / "secret.html").write_text("no")
    return folder


@pytest.fixture(scope="module")
def at(packages, reports, tmp_path_factory):
    with running(packages(), "--base-path", "/shop/demo", "--origin", "https://shop.example", "--reports", reports,
                 "--log", tmp_path_factory.mktemp("log") / "log", "--beside", packages()) as demo:
        yield demo


def test_it_says_where_and_what(at):
    assert at.url.endswith("/shop/demo/") and at.said["version"] == "3+g6e976e976e97" and at.said["error"] is None


def test_health_and_readiness_are_below_the_base_path(at):
    for name in ("healthz", "readyz"):
        answer = httpx.get(at.url + name)
        assert (answer.status_code, answer.json()) == (200, {"ready": True})
    root = at.url.removesuffix("/shop/demo/")
    assert httpx.get(f"{root}/healthz").status_code == 404 and httpx.get(at.url + "_stcore/health").text == "ok"


def test_pages_may_fetch_nothing_from_elsewhere(at):
    rules = httpx.get(at.url).headers["content-security-policy"]
    assert "default-src 'none'" in rules and "connect-src 'self'" in rules and "http" not in rules
    assert "script-src 'self' 'sha256-" in rules and "unsafe-eval'" not in rules.replace("wasm-unsafe-eval", "")


def test_what_others_wrote_is_shown_in_a_frame_that_reaches_nothing(at):
    report = httpx.get(at.url + "own/reports/train.html")
    assert "trained" in report.text and report.headers["x-content-type-options"] == "nosniff"
    assert report.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
    assert "same-origin" not in report.headers["content-security-policy"]
    card = httpx.get(at.url + "own/card")
    assert card.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_a_page_of_its_own_holds_the_report_in_a_frame(at):
    alone = httpx.get(at.url + "own/alone/100%2525%23c%20(a)%27.html")
    assert "src='../reports/100%2525%23c%20%28a%29%27.html'" in alone.text and "sandbox=allow-scripts " in alone.text
    assert "<title>100%25#c (a)&#x27;<" in alone.text
    assert alone.headers["content-security-policy"].startswith("default-src 'none'; frame-src 'self'; ")
    inner = httpx.get(at.url + "own/alone/../reports/100%2525%23c%20%28a%29%27.html")
    assert inner.text.startswith("the odd one")


def test_who_goes_to_a_report_itself_is_led_to_that_page(at):
    answer = httpx.get(at.url + "own/reports/train.html", headers={"Sec-Fetch-Dest": "document"})
    assert (answer.status_code, answer.headers["location"]) == (307, "../alone/train.html")


@pytest.mark.parametrize("place", ["reports", "alone"])
@pytest.mark.parametrize("name", ["secret.html", "..%2Fsecret.html", "%2e%2e/secret.html", "none.html"])
def test_only_reports_are_given(at, place, name):
    answer = httpx.get(f"{at.url}own/{place}/{name}")
    assert "no" != answer.text and answer.status_code in (400, 404) or "streamlit" in answer.text.lower()


def test_the_metrics_of_streamlit_are_closed(at):
    assert httpx.get(at.url + "_stcore/metrics").status_code == 404


@pytest.mark.parametrize("origin, status", [("https://shop.example", 101), ("https://elsewhere.example", 403)])
def test_only_pages_of_its_own_origin_connect(at, origin, status):
    handshake = {"Origin": origin, "Host": "shop.example", "Connection": "Upgrade", "Upgrade": "websocket",
                 "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    number = int(at.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", number), timeout=30) as asking:
        lines = "".join(f"{name}: {text}\r\n" for name, text in handshake.items())
        asking.sendall(f"GET /shop/demo/_stcore/stream HTTP/1.1\r\n{lines}\r\n".encode())
        assert int(asking.recv(1024).split()[1]) == status


def test_it_listens_to_this_machine_alone(at):
    number = int(at.url.split(":")[2].split("/")[0])
    assert at.url.startswith("http://127.0.0.1:")
    with socket.socket() as other, pytest.raises(OSError):
        other.settimeout(2)
        other.connect(("127.0.0.2", number))


PRINTS = b"""
print("loading ...")


class Prints(Model):
    def score_rows(self, rows):
        print("scoring ...")
        return super().score_rows(rows)


Model = Prints
"""


def test_what_a_model_prints_is_no_word_of_the_demo(wheels, tmp_path):
    wheel = rebuilt(wheels(), tmp_path, model__py=lambda text: text + PRINTS)
    with running(unpacked(wheel, tmp_path / "package"), faultless=False) as demo:
        assert demo.said["error"] is None
    assert "loading ...\n" in demo.errors and "scoring ...\n" in demo.errors


# what does not begin
def test_a_package_that_has_changed_does_not_begin(packages, tmp_path):
    shutil.copytree(packages().parent, tmp_path / "spoilt")
    package = tmp_path / "spoilt" / packages().name
    (package / "schema.json").write_bytes((package / "schema.json").read_bytes() + b" ")
    code, out, err = fails(package, "--json")
    assert code == 1 and "schema.json has changed" in json.loads(out)["error"]["got"] and "Traceback" not in err


def test_a_model_that_answers_otherwise_than_recorded_does_not_begin(packages, tmp_path):
    from notemill.serve.loading import content_digest

    package = Path(shutil.copytree(packages(), tmp_path / packages().name))
    golden = json.loads((package / "golden.json").read_text())
    golden["predictions"][0] = "ja" if golden["predictions"][0] == "no" else "no"
    (package / "golden.json").write_text(json.dumps(golden))
    code, _, err = fails(package, "--sha256", content_digest(package))
    assert code == 1 and "row 1: predictions was" in err and "Traceback" not in err


def test_a_bad_version_beside_it_does_not_begin(packages, tmp_path):
    code, _, err = fails(packages(), "--beside", tmp_path)
    assert code == 1 and "is no model package" in err and "Traceback" not in err


def test_a_port_that_is_taken(packages):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        code, _, err = fails(packages(), "--port", other.getsockname()[1])
    assert code == 1 and "in use" in err and "Traceback" not in err


@pytest.mark.parametrize("words, said", [(["--port", "x"], "'x' is no whole number from 0 to 65535"),
                                         (["--reports", "/nowhere"], "no such folder"),
                                         (["--pages", "/nowhere"], "no such folder"),
                                         (["--origin", "shop"], "without a path")])
def test_wrong_usage(packages, words, said):
    code, _, err = fails(packages(), *words)
    assert code == 2 and said in err and "Traceback" not in err


@pytest.mark.parametrize("given, asks", [
    ("https://shop.example:443", "https://shop.example"), ("http://Shop.example:80", "http://shop.example"),
    ("https://shop.example:8443", "https://shop.example:8443"), ("http://[::1]:443", "http://[::1]:443")])
def test_an_origin_is_as_browsers_write_it(given, asks):
    from notemill.demo.main import parser
    from notemill.demo.server import is_own

    origin = parser().parse_args(["folder", f"--origin={given}"]).origin
    assert is_own([(b"origin", asks.encode()), (b"host", b"inner:8501")], origin)
    assert not is_own([(b"origin", b"https://elsewhere.example"), (b"host", b"inner:8501")], origin)


@pytest.mark.parametrize("sign, code", [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_in_order(packages, sign, code):
    with running(packages()) as demo:
        assert demo.stop(sign) == code
