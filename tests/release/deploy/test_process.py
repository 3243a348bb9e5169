"""A target of kind process: real services behind a real HAProxy."""

from deploy_samples import deploy, serves, targets
from tiny import cli


def test_versions_follow_each_other(project, row):
    port = targets(project)["port"]
    first = deploy(project, 1)
    assert (first.code, first.json["status"], first.json["version"]) == (0, "serving", 1), first.err
    assert first.json["address"] == f"http://127.0.0.1:{port}" and serves(port, row) == 1
    second = deploy(project, 2)
    assert (second.code, second.json["from"], serves(port, row)) == (0, 1, 2)
    back = deploy(project, "previous")
    assert (back.code, back.json["version"], serves(port, row)) == (0, 1, 1)
    shown = cli("deployments", "--json", project=project)
    assert (shown.code, [one["status"] for one in shown.json["targets"]]) == (0, ["serving"])
    gone = cli("undeploy", "here", project=project)
    assert gone.code == 0 and cli("deployments", "--json", project=project).json["targets"][0]["status"] == "nothing"
