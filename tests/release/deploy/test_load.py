"""Twenty deployments under load: nobody's request fails."""

import time

import pytest
from deploy_samples import Load, deploy, targets
from tiny import cli


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
