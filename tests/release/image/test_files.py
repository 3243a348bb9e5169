"""The programs that run while an image is built, and its entry; on folders here."""

import http.server
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader

import pytest

from notemill.release.image.context import FILES


def load(name):
    """A file of the image as a module."""
    loader = SourceFileLoader(f"image_{name}", str(FILES / f"{name}.py"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def lay(folder, *names, content=b"x"):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


SITE = "lib/python3.11/site-packages/"


def there(folder):
    return {path.relative_to(folder).as_posix().removeprefix(SITE) for path in folder.rglob("*") if path.is_file()}


def test_what_nobody_loads_goes_and_the_model_stays(tmp_path):
    lay(tmp_path, *(SITE + name for name in (
        "pkg/__init__.py", "pkg/tests/test_a.py", "pkg/fast.c", "pkg/testing/a.py", "pyarrow/libarrow_flight.so.25",
        "pyarrow/libarrow_substrait.so.25", "pyarrow/include/a.h", "numpy/__init__.pyi", "x_model/golden.json",
        "x_model/code/tests/a.py")), "bin/python3", "bin/streamlit", "bin/notemill-model", "share/jupyter/a.js")
    load("trim").main(tmp_path)
    assert there(tmp_path) == {"pkg/__init__.py", "pkg/testing/a.py", "pyarrow/libarrow_substrait.so.25",
                               "x_model/golden.json", "x_model/code/tests/a.py", "model.pth", "bin/python3",
                               "bin/notemill-model"}


def test_a_library_of_several_names_is_there_once(tmp_path):
    lay(tmp_path, SITE + "a/lib.so", SITE + "a/lib.so.1", SITE + "b.libs/lib-0.so", content=b"x" * 200_000)
    lay(tmp_path, SITE + "b.libs/small.so", SITE + "a/small.so")
    load("trim").main(tmp_path)
    inodes = {(tmp_path / SITE / name).stat().st_ino for name in ("a/lib.so", "a/lib.so.1", "b.libs/lib-0.so")}
    assert len(inodes) == 1
    assert (tmp_path / SITE / "a/small.so").stat().st_ino != (tmp_path / SITE / "b.libs/small.so").stat().st_ino


def test_large_packages_keep_what_is_compiled_alone(tmp_path):
    names = (SITE + name for name in ("pandas/__init__.py", "pandas/core.py", "small/one.py"))
    lay(tmp_path, *names, content=b"A = 7\n")
    lay(tmp_path, SITE + "pandas/broken.py", content=b"def\n")
    subprocess.run([sys.executable, FILES / "compiled.py", tmp_path / "lib"], check=True)
    names = {re.sub(r"cpython-\d+", "cpython", name) for name in there(tmp_path)}
    assert names == {"pandas/__init__.py", "pandas/__pycache__/__init__.cpython.pyc", "pandas/core.pyc",
                     "pandas/broken.py", "small/one.py", "small/__pycache__/one.cpython.pyc"}
    got = subprocess.run([sys.executable, "-c", "import pandas.core; print(pandas.core.A)"], text=True,
                         capture_output=True, env={**os.environ, "PYTHONPATH": str(tmp_path / SITE)})
    assert got.stdout == "7\n", got.stderr


@pytest.fixture
def entry(tmp_path, monkeypatch):
    """The entry, of a model called x_model."""
    lay(tmp_path, "share/model.json", content=json.dumps({"package": "x_model", "signed": "no"}).encode())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "entry.py").write_bytes((FILES / "entry.py").read_bytes())
    loader = SourceFileLoader("image_entry", str(tmp_path / "bin" / "entry.py"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("words, url", [
    ("notemill-model", "http://127.0.0.1:8000/v2/health/ready"),
    ("notemill-model serve", "http://127.0.0.1:8000/v2/health/ready"),
    ("notemill-model serve --port 81 --workers 2", "http://127.0.0.1:81/v2/health/ready"),
    ("notemill-model --port=82", "http://127.0.0.1:82/v2/health/ready"),
    ("notemill-model demo", "http://127.0.0.1:8501/_stcore/health"),
    ("notemill-model demo --port=83 --base-path /a/b/", "http://127.0.0.1:83/a/b/_stcore/health"),
    ("notemill-model demo --base-path=/", "http://127.0.0.1:8501/_stcore/health"),
    ("docker-init -- notemill-model demo", "http://127.0.0.1:8501/_stcore/health")])
def test_health_is_asked_where_it_was_told_to_listen(entry, words, url):
    running = ["/opt/needs/bin/python3", f"/opt/model/bin/{words.split()[0]}", *words.split()[1:]]
    running = words.split() if words.startswith("docker-init") else running
    assert entry.address(running) == url


def test_health_asks_no_proxy(entry, monkeypatch):
    """Docker's own settings may name one for every container."""
    with answering(502) as (proxy, seen), answering(200) as (here, _):
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setattr(entry, "address", lambda running: here)
        assert (entry.health([]), seen) == (0, [])


@contextmanager
def answering(status):
    """(the address of a server, the paths that it was asked for)."""
    seen = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *words):
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


def test_another_word_is_told(entry, capsys):
    assert entry.main(["paint"]) == 2
    assert "there is no 'paint'" in capsys.readouterr().err


def test_a_list_of_contents_names_debians_packages(tmp_path, monkeypatch):
    contents = load("contents")
    here = b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u1\n"
    gone = b"Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
    lay(tmp_path, "status", content=here + b"\n" + gone)
    lay(tmp_path, "os-release", content=b'ID=debian\nVERSION_CODENAME=bookworm\n')  # pragma: allowlist secret
    monkeypatch.setattr(contents, "DPKG", tmp_path / "status")
    monkeypatch.setattr(contents, "OS", tmp_path / "os-release")
    (one,) = contents.system_packages()
    assert one["name"] == "libc6" and one["SPDXID"] == "SPDXRef-deb-libc6"
    address = "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64&distro=bookworm"
    assert one["externalRefs"][0]["referenceLocator"] == address
    monkeypatch.setattr(contents, "DPKG", tmp_path / "none")
    assert contents.system_packages() == []


def test_names_that_differ_in_odd_signs_alone_stay_apart():
    contents = load("contents")
    marks = {contents.package("deb", name, "1", "x")["SPDXID"] for name in ("a+b", "a:b", "a-b")}
    assert len(marks) == 3 and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", mark) for mark in marks)


def test_only_plain_expressions_are_taken_for_licences():
    contents = load("contents")
    for text in ("MIT", "Apache-2.0 OR BSD-2-Clause"):
        assert contents.LICENCE.fullmatch(text)
    for text in ("BSD License; see LICENSE", "BSD 3-Clause", ""):
        assert not contents.LICENCE.fullmatch(text)
