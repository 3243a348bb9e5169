"""What the environment says, and how the service begins."""

import os
import subprocess
import sys
import urllib.request

import drop_process
import pytest

from notemill.ci.steward.health import Pulse, serve_health
from notemill.ci.steward.settings import Unusable, read_settings

HERE = "http://127.0.0.1:1"
GOOD = {"NOTEMILL_FORGE_URL": f"{HERE}/", "NOTEMILL_DRONE_URL": HERE, "NOTEMILL_REPORTS_URL": HERE,
        "NOTEMILL_FORGE_TOKEN": "f" * 20, "NOTEMILL_DRONE_TOKEN": "d" * 20}


def test_what_is_said_is_taken(tmp_path):
    (tmp_path / "token").write_text("from a file\n")
    told = {"NOTEMILL_FORGE_TOKEN_FILE": str(tmp_path / "token"), "NOTEMILL_STEWARD_REVIEWS": "2"}
    found = read_settings({**GOOD, **told})
    assert (found.forge, found.forge_token, found.reviews) == ("http://127.0.0.1:1", "from a file", 2)
    assert "from a file" not in repr(found) and "dddd" not in repr(found)


@pytest.mark.parametrize("more, words", [
    ({"NOTEMILL_FORGE_URL": ""}, "NOTEMILL_FORGE_URL"), ({"NOTEMILL_DRONE_URL": "drone"}, "'drone' is no address"),
    ({"NOTEMILL_FORGE_TOKEN": ""}, "a token is needed"), ({"NOTEMILL_DRONE_TOKEN_FILE": "/nowhere"}, "cannot be read"),
    ({"NOTEMILL_STEWARD_REVIEWS": "many"}, "'many' is no number"), ({"NOTEMILL_STEWARD_REVIEWS": "-1"}, "no number"),
    ({"NOTEMILL_STEWARD_REVIEWS": "1.5"}, "no whole number"), ({"NOTEMILL_STEWARD_PORT": "nan"}, "no number")])
def test_what_is_wrong_is_told(more, words):
    with pytest.raises(Unusable, match=words):
        read_settings({**GOOD, **more})


def test_it_ends_in_words_where_it_cannot_begin():
    environ = {**os.environ, **GOOD, "NOTEMILL_FORGE_URL": "x", "PYTHONPATH": drop_process.environ()["PYTHONPATH"]}
    done = subprocess.run([sys.executable, "-m", "notemill.ci.steward"], env=environ, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 2 and "no address" in done.stderr and "Traceback" not in done.stderr


def test_servers_that_are_away_do_not_end_it():
    environ = {**os.environ, **GOOD, "NOTEMILL_STEWARD_SECONDS": "0.2", "NOTEMILL_STEWARD_PORT": "0",
               "NOTEMILL_STEWARD_HOST": "127.0.0.1", "PYTHONPATH": drop_process.environ()["PYTHONPATH"]}
    process = subprocess.Popen([sys.executable, "-m", "notemill.ci.steward"], env=environ, stdout=subprocess.PIPE,
                               text=True)
    with process.stdout:
        lines = [process.stdout.readline() for _ in range(2)]
        assert "watches" in lines[0] and "cannot be reached" in lines[1]
        assert process.poll() is None
        process.terminate()
        rest = process.stdout.read()
    assert process.wait(20) == 0 and "cannot be reached" not in rest  # the same again is not said again


def test_health_is_of_the_last_round():
    pulse = Pulse(1.0)
    server = serve_health(pulse, "127.0.0.1", 0)
    try:
        pulse.beat(3)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{server.server_port}/healthz") as answer:
            assert b'"pull_requests": 3' in answer.read()
        pulse.last -= 1000
        with pytest.raises(urllib.error.HTTPError) as error:
            opener.open(f"http://127.0.0.1:{server.server_port}/healthz")
        assert error.value.code == 503
        error.value.close()
    finally:
        server.shutdown()
        server.server_close()
