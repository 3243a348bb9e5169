"""Nothing that is sent makes the service fail, tell of its inside, or grow: bodies made to hurt, and schemathesis."""

import subprocess
import sys

import httpx
import pytest
from hostile import attack, memory_mb
from serving_samples import environment, serving

EXAMPLES = 15
# What it takes is wider than what it says (numbers as text), and tensors' sizes are no matter of JSON Schema.
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
          "unsupported_method,ignored_auth")


def test_hostile_bodies(service):
    found = attack(service.url, 300)
    assert set(found) <= {200, 400, 404, 413, 415, 422} and found[200] and found[422] and found[400]
    assert service.process.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [True, False])
def test_hostile_bodies_leave_no_memory_behind(packages, tmp_path, compiled):
    seen = {}
    with serving(packages("linear", compiled), "--log", tmp_path / "log", faultless=False) as running:
        pid = running.process.pid
        attack(running.url, 500)
        attack(running.url, 1500, each=lambda number: seen.setdefault(number // 500, memory_mb(pid)))
        grown = memory_mb(pid) - seen[0]
    assert grown < 20, seen
    assert "Traceback" not in "".join(running.errors)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [True, False])
def test_schemathesis_finds_nothing(packages, tmp_path, compiled):
    with serving(packages("linear", compiled), "--log", tmp_path / "log") as running:
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{running.url}/openapi.json", "--checks", CHECKS,
             "--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing", "--mode", "all", "--seed", "1",
             "--generation-database", "none", "--no-color"],
            capture_output=True, text=True, env=environment(), cwd=tmp_path, timeout=280)
        assert httpx.get(f"{running.url}/ping").status_code == 200
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
