"""A version that fails in a Docker engine: the old one serves, the state is true, and it is said clearly."""

import re

import pytest
from deploy_samples import Load, deploy, targets
from docker_samples import as_before, begun, left
from real_engine import asked

from notemill.project import open_project
from notemill.registry import open_records
from notemill.registry.deployed import read_deployments

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), asked]


@pytest.mark.parametrize("label, words", [
    ("asleep", "the score did not start: .*out of paper"),
    ("mortal", "its score died: (exit code 9|the engine had to start it again)")])
def test_the_old_one_serves(engine, row, numbers, label, words):
    port = begun(engine)
    with Load(port, row, threads=1) as load:
        done = deploy(engine, numbers[label], "--reason", "a trial")
    assert (done.code, done.json["status"], done.json["from"]) == (4, "rolled-back", 1), done
    assert re.search(words, done.json["reason"], re.S) and "Traceback" not in done.err and not load.failed
    assert load.versions <= ({"1", str(numbers[label])} if label == "mortal" else {"1"})
    assert as_before(engine, 1, port=port, row=row)
    told = read_deployments(open_records(open_project(engine)), "plain").entries[-1]
    assert (told["status"], told["version"], told["from"]) == ("rolled-back", numbers[label], 1)


def test_a_first_one_that_fails_leaves_nothing(engine, numbers):
    targets(engine, kind="docker", ready=300)
    done = deploy(engine, numbers["asleep"])
    assert (done.code, done.json["from"], done.json["problem"]) == (4, None, None) and left() == [], done
