"""Another version beside this one: whatever it prints, however long it takes, each row has its own answer or words."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from serving_samples import PATIENCE, environment, make_wheel, unpacked

from notemill.demo.beside import Beside
from notemill.serve.loading import LoadError, content_digest

sys.path.insert(0, str(Path(__file__).parent))

from rebuilding import rebuilt  # noqa: E402
from running import fails, running  # noqa: E402

LOUD = b"""
import json, os, sys, time
print("loading ...")
print(json.dumps({"name": "another", "version": "0"}))
os.system("echo from C")


class Loud(Model):
    def score_rows(self, rows):
        print(json.dumps({"number": 1, "prediction": "another's", "probabilities": []}))
        if rows[0]["colour"] == "hangs":
            time.sleep(60)
        if rows[0]["colour"] == "ends":
            os._exit(3)
        if sys.stdin.readline():
            os._exit(4)  # the next question is not the model's to read
        return super().score_rows(rows)


Model = Loud
"""
ROW = {"size": 9.0, "colour": "red", "flag": True, "at": None}


@pytest.fixture(scope="module")
def loud(wheels, tmp_path_factory):
    """A model that prints when it is imported and with each row; some rows it never answers."""
    folder = tmp_path_factory.mktemp("loud")
    return unpacked(rebuilt(wheels(), folder, model__py=lambda text: text + LOUD), folder / "package")


@pytest.fixture
def asked(loud, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    beside = Beside(str(loud), answering=4)
    yield beside
    beside.close()


def test_each_row_has_its_own_answer_whatever_the_model_prints(asked, loaded):
    golden = loaded().golden
    assert asked.version == loaded().version
    for row, said in zip(golden["rows"], golden["predictions"], strict=True):
        assert asked.ask(row)["prediction"] == said


def test_a_row_that_takes_too_long_keeps_nobody_for_long(asked):
    found, began = {}, time.monotonic()
    waiting = threading.Thread(target=lambda: found.update(asked.ask({**ROW, "colour": "hangs"})))
    waiting.start()
    time.sleep(0.5)
    other = asked.ask(ROW)  # who asks meanwhile
    waiting.join()
    assert time.monotonic() - began < 30 and "within 4 seconds" in found["error"]
    assert "busy" in other.get("error", "") or other["prediction"] in ("ja", "no")
    assert asked.ask(ROW)["prediction"] in ("ja", "no")


def test_a_version_that_has_ended_is_started_again(asked):
    assert "has ended" in asked.ask({**ROW, "colour": "ends"})["error"]
    assert asked.ask(ROW)["prediction"] in ("ja", "no")
    asked.child.process.kill()
    asked.child.process.wait()
    assert asked.ask(ROW)["prediction"] in ("ja", "no")


def test_an_answer_to_another_question_is_none(asked):
    asked.child.number = 6  # a word that nobody has fetched
    asked.child.process.stdin.write(json.dumps({"number": 5, "row": ROW}) + "\n")
    assert "another question" in asked.ask({**ROW, "colour": "green"})["error"]
    assert asked.ask(ROW)["prediction"] in ("ja", "no")


def test_one_that_never_begins_is_told(loud, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    with pytest.raises(LoadError, match="within 0.01 seconds"):
        Beside(str(loud), starting=0.01)


# what it is
def changed_rows(package, folder):
    copy = Path(shutil.copytree(package.parent, folder / "copy")) / package.name
    (copy / "rows.py").write_text((copy / "rows.py").read_text() + "\nprint('changed')\n")
    return copy


def test_a_version_beside_is_as_its_wheel_says(packages, tmp_path):
    code, _, err = fails(packages(), "--beside", changed_rows(packages(), tmp_path))
    assert code == 1 and "rows.py has changed" in err and "--beside" in err and "Traceback" not in err


def test_or_as_its_digest_says(packages, tmp_path):
    changed = changed_rows(packages(), tmp_path)
    code, _, err = fails(packages(), "--beside", changed, "--beside-sha256", content_digest(packages()))
    assert code == 1 and "is not what --beside-sha256 names" in err
    with running(packages(), "--beside", changed, "--beside-sha256", content_digest(changed), faultless=False) as demo:
        assert demo.said["error"] is None


def test_another_model_is_not_shown_beside_it(packages):
    code, _, err = fails(packages(), "--beside", packages("weight"))
    assert code == 2 and "is the model 'tried-weight'" in err and "'tried-answer'" in err and "Traceback" not in err


def test_nor_one_that_predicts_another_column(packages, tmp_path):
    from serving_samples import plain_files

    wheel = make_wheel(tmp_path, plain_files(tmp_path / "made", "weight"), name="tried-answer")
    code, _, err = fails(packages(), "--beside", unpacked(wheel, tmp_path / "package"))
    assert code == 2 and "predicts 'weight'" in err and "'answer'" in err and "Traceback" not in err


def test_ctrl_c_is_told_by_no_traceback(packages):
    words = [sys.executable, "-m", "notemill.demo", str(packages()), "--port", "0", "--beside", str(packages())]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
                               start_new_session=True)
    assert "can be tried at" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: all of the group
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and err == ""
