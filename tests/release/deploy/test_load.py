"""Twenty deployments under load, and a service that is busy: nobody's request fails."""

import os
import signal
import time

import pytest
from deploy_samples import Load, deploy, targets
from tiny import cli

from notemill.release.deploy import running

STILL = 3  # seconds in which a service answers nobody, its checks neither


def twenty(root, port, row):
    """Deployments and rollbacks, from version 1, which serves there."""
    began, ended = time.monotonic(), []
    with Load(port, row) as load:
        for turn in range(20):
            asked = "previous" if turn % 2 else 2
            ended.append(deploy(root, asked))
            assert ended[-1].code == 0, ended[-1]
    seconds = time.monotonic() - began
    print(f"{load.done} requests, {load.large_done} of them large, {len(load.failed)} failed, {seconds:.0f} s, longest "
          f"{load.longest:.1f} s")
    assert load.failed == [] and load.done > 20 * 20 and load.large_done > 40 and load.versions == {"1", "2"}
    assert [one.json["version"] for one in ended] == [2, 1] * 10
    assert cli("deployments", "--json", project=root).json["targets"][0]["version"] == 1


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute; on a machine that is busy with other tests four and more
def test_twenty_deployments_under_load(project, row):
    port = targets(project, watch=0.3)["port"]
    assert deploy(project, 1).code == 0
    twenty(project, port, row)


def test_a_busy_one_keeps_its_traffic(project, row):
    """There is no other one: who asks meanwhile waits, and is answered."""
    port = targets(project)["port"]
    done = deploy(project, 1)
    place = project.parent / "data/notemill/targets/plain/here/releases" / done.json["deployment"] / "score"
    number = running.numbers(place)[0]
    os.kill(number, signal.SIGSTOP)
    try:
        with Load(port, row, threads=2) as load:
            time.sleep(STILL)
            os.kill(number, signal.SIGCONT)
            time.sleep(STILL)
    finally:
        os.kill(number, signal.SIGCONT)
    assert load.failed == [] and load.longest > STILL - 1 and load.done > 2
