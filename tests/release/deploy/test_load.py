"""Twenty deployments under load: nobody's request fails."""

import time

import pytest
from deploy_samples import Load, deploy, targets
from tiny import cli


@pytest.mark.slow
def test_twenty_deployments_under_load(project, row):
    port = targets(project, watch=0.3)["port"]
    assert deploy(project, 1).code == 0
    began, ended = time.monotonic(), []
    with Load(port, row) as load:
        for turn in range(20):
            asked = "previous" if turn % 2 else 2
            ended.append(deploy(project, asked))
            assert ended[-1].code == 0, ended[-1]
    seconds = time.monotonic() - began
    print(f"{load.done} requests, {len(load.failed)} failed, {seconds:.0f} s, longest {load.longest:.1f} s")
    assert load.failed == [] and load.done > 20 * 20 and load.versions == {"1", "2"}
    assert [one.json["version"] for one in ended] == [2, 1] * 10
    assert cli("deployments", "--json", project=project).json["targets"][0]["version"] == 1
