"""What is not served: a package that was changed, that wants other libraries, or that says other things than before."""

import csv
import json
import subprocess
import sys

import httpx
import pytest
import skops.io
from serving_samples import command, environment, serving, unpacked

from notemill.serve import loading
from notemill.serve.loading import LoadError, content_digest, digest_of, load


def refused(package, *options):
    """What the command says, in a process of its own."""
    done = subprocess.run(command(package, *options), capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"]["got"]
    return done.stderr


def record_anew(package):
    """Make the wheel's RECORD agree with what is there."""
    record = next(package.parent.glob("*.dist-info/RECORD"))
    rows = list(csv.reader(record.read_text().splitlines()))
    lines = [[name, digest_of((package.parent / name).read_bytes()) if digest else "", size]
             for name, digest, size in rows]
    record.write_text("".join(",".join(line) + "\n" for line in lines))


def test_a_changed_file(fresh):
    (fresh / "card.md").write_text("better")
    assert "plain_model/card.md has changed" in refused(fresh)


@pytest.mark.parametrize("name, words", [("card.md", "card.md is missing"), ("", "extra.py is not of the wheel")])
def test_a_file_too_few_or_too_many(fresh, name, words):
    (fresh / name).unlink() if name else (fresh / "extra.py").write_text("")
    with pytest.raises(LoadError, match=words):
        load(str(fresh))


def test_a_folder_without_a_record_needs_its_digest_named(fresh):
    next(fresh.parent.glob("*.dist-info/RECORD")).unlink()
    with pytest.raises(LoadError, match="no RECORD of a wheel beside it"):
        load(str(fresh))
    with pytest.raises(LoadError, match="not what --sha256 names"):
        load(str(fresh), "0" * 64)
    digest = content_digest(fresh)
    (fresh / "card.md").write_text("better")
    assert content_digest(fresh) != digest
    assert "not what --sha256 names" in refused(fresh, "--sha256", digest)


def test_another_scikit_learn(fresh):
    facts = json.loads((fresh / "facts.json").read_text())
    facts["trained_with"]["scikit-learn"] = "1.0.2"
    (fresh / "facts.json").write_text(json.dumps(facts))
    record_anew(fresh)
    assert "trained with scikit-learn 1.0.2" in refused(fresh)


def test_golden_rows_that_come_out_otherwise(fresh):
    golden = json.loads((fresh / "golden.json").read_text())
    golden["probabilities"][3] = [0.5, 0.5]
    (fresh / "golden.json").write_text(json.dumps(golden))
    record_anew(fresh)
    assert "row 4: probabilities was [0.5, 0.5]" in refused(fresh)


@pytest.mark.parametrize("golden, words", [({"rows": []}, "no golden rows"), ({"rows": [{}]}, "refuses its golden")])
def test_golden_rows_that_are_none(fresh, golden, words):
    (fresh / "golden.json").write_text(json.dumps(golden))
    record_anew(fresh)
    assert words in refused(fresh)


def test_types_that_nobody_reviewed(tmp_path, wheels):
    fresh = unpacked(wheels("linear", False), tmp_path / "fresh")
    (fresh / "model.skops").write_bytes(skops.io.dumps(Strange()))
    record_anew(fresh)
    assert "nobody has reviewed" in refused(fresh)


class Strange:
    """Of no type that is reviewed."""

    def __init__(self):
        self.inner = subprocess.list2cmdline


def test_a_damaged_plan(fresh):
    (fresh / "plan.json").write_text("{}")
    record_anew(fresh)
    refused(fresh)


@pytest.mark.parametrize("named", ["nowhere", "json", "/", "a.b", ""])
def test_what_is_no_package(named):
    with pytest.raises(LoadError, match="is no model package"):
        load(named)


def test_an_installed_package_is_found_by_its_name(packages, monkeypatch):
    monkeypatch.syspath_prepend(packages().parent)
    monkeypatch.delitem(sys.modules, "plain_model", raising=False)  # another test's
    assert loading.find("plain_model") == packages()


# packages that were made before the service asked for more
WAYS = "def score_quickly", "self.score_quickly("


def renamed_way(package, more=""):
    """A package whose score_rows answers, without the service's short way, or with another one."""
    model = package / "model.py"
    text = model.read_text()
    for way in WAYS:
        assert way in text
        text = text.replace(way, way.replace("score_quickly", "_of_before"))
    model.write_text(text.replace("    def score_rows", f"{more}    def score_rows"))
    record_anew(package)


def test_one_without_the_short_way_is_served(fresh, known):
    renamed_way(fresh)
    with serving(fresh) as running:
        assert running.said["compiled"]
        answer = httpx.post(f"{running.url}/predict", json=known["rows"][0])
        bad = httpx.post(f"{running.url}/predict", json={**known["rows"][0], "size": 99})
    assert answer.json()["prediction"] == known["predictions"][0] and bad.status_code == 422


def test_one_that_fails_in_the_service_s_own_way_is_not(fresh):
    renamed_way(fresh, "    def score_quickly(self, rows):\n        return self.nothing\n\n")
    assert "fails on its golden rows: AttributeError" in refused(fresh)


@pytest.mark.parametrize("wrong, words", [("[1.0, 0.0]", "row 1: probabilities was"), ("None", "are recorded")])
def test_golden_rows_that_come_out_otherwise_in_that_way(fresh, wrong, words):
    renamed_way(fresh, "    def score_quickly(self, rows):\n        found = self._of_before(rows)\n        return "
                f"Scored(found.predictions, [{wrong}] * len(rows) if {wrong} else None, found.warnings)\n\n")
    assert words in refused(fresh)


# what is not needed
LITTLE = """import json, sys
from notemill.serve import main, server
server.run = lambda *given: print(json.dumps(sorted(sys.modules))) or 0
main.main([sys.argv[1], "--port", "0"])
"""


def test_it_needs_the_package_and_the_serving_extra_alone(packages):
    done = subprocess.run([sys.executable, "-c", LITTLE, str(packages())], capture_output=True, text=True, check=True,
                          env=environment())
    modules = json.loads(done.stdout)
    assert {name for name in modules if name.startswith("notemill") and "serve" not in name} == {"notemill"}
    heads = {name.partition(".")[0] for name in modules}
    assert not heads & {"mlflow", "jinja2", "yaml", "papermill", "sklearn", "pandas", "skops", "pyarrow"}
    assert {"msgspec", "uvicorn", "numpy"} <= heads
