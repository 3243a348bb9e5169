"""A model that fails: one that cannot be loaded is not listened for, one that fails later is told of in words."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).parent))

from rebuilding import as_json, rebuilt  # noqa: E402
from running import fails, running  # noqa: E402
from serving_samples import environment, unpacked  # noqa: E402
from visiting import PATIENCE, ask, visitor  # noqa: E402

HEAD = b"size,colour,flag,at\n"


class Unreviewed(LogisticRegression):
    """A type that nobody has looked at."""


def without_plan(said):
    said.update(plan=None, reason="a test", arrays=[])


BROKEN = {
    "a damaged plan": ({"plan__json": lambda data: data[:-20]}, "plan.json cannot be used"),
    "another scikit-learn": ({"facts__json": as_json(lambda said: said.update(trained_with={"scikit-learn": "0.1"}))},
                             "scikit-learn 0.1"),
    "a damaged model": ({"plan__json": as_json(without_plan), "model__skops": lambda data: data[:-200] + bytes(200)},
                        "cannot be")}
UNREVIEWED = {"plan__json": as_json(without_plan), "model__skops": lambda data: skops.io.dumps(Unreviewed())}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_loaded_does_not_begin(name, wheels, tmp_path):
    changes, words = BROKEN[name]
    code, out, err = fails(unpacked(rebuilt(wheels(), tmp_path, **changes), tmp_path / "package"), "--json")
    assert code == 1 and words in json.loads(out)["error"]["got"] and words in err and "Traceback" not in err


def test_the_command_says_so_too_and_nobody_can_connect_meanwhile(wheels, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "notemill", "demo", str(rebuilt(wheels(), tmp_path, **UNREVIEWED)), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env=environment(XDG_CACHE_HOME=str(tmp_path / "cache")))
    while process.poll() is None:
        with socket.socket() as asking:
            assert asking.connect_ex(("127.0.0.1", port)) != 0
        time.sleep(0.02)
    out, err = process.communicate()
    assert process.returncode == 1 and out == "" and "nobody has reviewed" in err and "Traceback" not in err


# later
POISON = b"""

class Poisoned(Model):
    def score_rows(self, rows):
        if any(row["colour"] == "pink" for row in rows) or len(rows) > 20 and any(row["size"] == 13 for row in rows):
            raise RuntimeError("<b>out of paper</b>")
        return super().score_rows(rows)

    def answer(self, method, table):
        if "pink" in table["colour"].tolist():
            raise MemoryError
        return super().answer(method, table)


Model = Poisoned
"""


@pytest.fixture(scope="module")
def poisoned(wheels, tmp_path_factory):
    """Fails on whatever is pink; and where the size is 13 on all but the row itself."""
    folder = tmp_path_factory.mktemp("poisoned")
    package = unpacked(rebuilt(wheels(), folder, model__py=lambda text: text + POISON), folder / "package")
    with running(package, "--beside", package, faultless=False) as demo:
        yield demo
    said = "".join(demo.errors)
    assert "the model failed" in said and "RuntimeError: <b>out of paper" in said  # whoever runs it can find out why


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_a_model_that_fails_on_a_row(browser, poisoned, width):
    with visitor(browser, f"{poisoned.url}?size=9&colour=pink&flag=true&at=", width) as page:
        told = page.locator(".nm-note.bad")
        assert "the model failed on it: RuntimeError: <b>out of paper</b>" in told.inner_text()
        assert page.locator(".nm-answer").count() == 0 and no_traceback(page)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        colour = page.get_by_role("combobox", name="colour")
        colour.fill("green")
        colour.press("Enter")
        ask(page)
        assert page.locator(".nm-answer .big").inner_text() in ("ja", "no")
        assert "says" in page.locator(".nm-beside").inner_text()  # the other version, which failed as well, goes on


@pytest.mark.slow
def test_a_model_that_fails_on_rows_like_it(browser, poisoned):
    with visitor(browser, f"{poisoned.url}?size=13&colour=red&flag=true&at=") as page:
        assert page.locator(".nm-answer .big").inner_text() == "ja"
        page.get_by_text("There is no explanation").wait_for(timeout=PATIENCE)
        page.get_by_text("The same as a call").wait_for(timeout=PATIENCE)
        assert no_traceback(page)


@pytest.mark.slow
def test_a_model_that_fails_on_a_file(browser, poisoned):
    with visitor(browser, f"{poisoned.url}many-rows") as page:
        file = page.locator("input[type=file]")
        file.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": HEAD + b"9,pink,true,\n"})
        page.get_by_text("the model failed on it: MemoryError").wait_for(timeout=PATIENCE)
        assert no_traceback(page)
        file.set_input_files({"name": "b.csv", "mimeType": "text/csv", "buffer": HEAD + b"9,red,true,\n"})
        page.get_by_text("1 rows scored").wait_for(timeout=PATIENCE)


@pytest.mark.slow
def test_a_page_that_fails_is_told_in_the_log_alone(browser, packages, tmp_path):
    (tmp_path / "late.py").write_text("raise ValueError('a fault of its own')")
    with running(packages(), "--pages", tmp_path, faultless=False) as demo:
        with pytest.raises(AssertionError, match="error"), visitor(browser, f"{demo.url}own-late"):
            pass
    said = "".join(demo.errors)
    assert "Traceback" in said and "a fault of its own" in said and "\x1b[" not in said and demo.more == []


def no_traceback(page):
    said = page.locator("body").inner_text()
    return not [word for word in ("Traceback", "line ", ".py", "Oh no") if word in said]
