"""Behind a real proxy, HAProxy with a certificate, as docs/how-to/demo.md has it: below a path, on another origin."""

import contextlib
import datetime
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from browsing import chromium
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

sys.path.insert(0, str(Path(__file__).parent))

from running import running  # noqa: E402
from serving_samples import PATIENCE  # noqa: E402
from visiting import ask, go, visitor  # noqa: E402

pytestmark = pytest.mark.slow
HOST = "shop.example"
CONFIG = """
global
    log stderr local0 warning
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 1h
    option forwardfor
frontend shop
    bind 127.0.0.1:{port} ssl crt {pem}
    use_backend demo if {{ path /demo }} || {{ path_beg /demo/ }}
backend demo
    option httpchk GET /demo/readyz
    server one 127.0.0.1:{inner} check inter 100ms
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def certificate(path):
    """Of a shop on this machine: its own word alone."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "shop")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - datetime.timedelta(days=1),
                                   now + datetime.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
                     + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@contextlib.contextmanager
def haproxy(folder, port, inner):
    program = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("HAProxy is not installed (apt-get install haproxy)")
    config = folder / "haproxy.cfg"
    config.write_text(CONFIG.format(port=port, inner=inner, pem=certificate(folder / "shop.pem")))
    process = subprocess.Popen([program, "-db", "-f", str(config)], stderr=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def shop(packages, tmp_path_factory):
    """The port of a proxy, with the demo behind it."""
    port = free_port()
    with running(packages(), "--base-path", "/demo", "--origin", f"https://{HOST}:{port}") as demo:
        with haproxy(tmp_path_factory.mktemp("proxy"), port, demo.url.split(":")[2].split("/")[0]):
            until_ready(port)
            yield port


@pytest.fixture(scope="module")
def browser():
    """One that finds the shop on this machine."""
    with chromium(f"--host-resolver-rules=MAP {HOST} 127.0.0.1") as found:
        yield found


def get(port, path, **headers):
    """(status, text) at the proxy."""
    asked = {"Host": f"{HOST}:{port}", **headers}
    with httpx.stream("GET", f"https://127.0.0.1:{port}{path}", headers=asked, verify=False) as answer:
        return answer.status_code, "" if answer.status_code == 101 else answer.read().decode()


def until_ready(port):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if get(port, "/demo/readyz")[0] == 200:
                return
        time.sleep(0.05)
    raise TimeoutError(port)


def test_a_visitor_is_answered(browser, shop):
    url = f"https://{HOST}:{shop}/demo/"
    with visitor(browser, url, ignore_https_errors=True) as page:
        sockets = []
        page.on("websocket", lambda one: sockets.append(one.url))
        go(page, url)
        ask(page)
        assert page.url.startswith(f"{url}?size=") and page.locator(".nm-answer .big").inner_text() == "no"
        assert sockets == [f"wss://{HOST}:{shop}/demo/_stcore/stream"]
        page.get_by_role("link", name="How good").click()
        page.wait_for_url(f"{url}how-good")
        page.get_by_role("heading", name="How good", exact=True).wait_for()
    with visitor(browser, f"{url}many-rows", ignore_https_errors=True) as page:
        assert page.get_by_role("heading", name="Many rows", exact=True).count() == 1


def test_health_and_readiness_below_the_path(shop):
    for name in ("healthz", "readyz"):
        assert get(shop, f"/demo/{name}") == (200, '{"ready":true}')
    assert get(shop, "/readyz")[0] == 503  # no way leads there


@pytest.mark.parametrize("origin, status", [
    ("https://shop.example:{}", 101), ("https://elsewhere.example", 403), ("https://shop.example.elsewhere:{}", 403),
    ("https://shop.example:1", 403), ("http://localhost:1", 403)])
def test_only_pages_of_the_proxy_s_origin_connect(shop, origin, status):
    asked = {"Origin": origin.format(shop), "Connection": "Upgrade", "Upgrade": "websocket",
             "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert get(shop, "/demo/_stcore/stream", **asked)[0] == status
