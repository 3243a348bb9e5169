"""A target of kind docker: real containers behind a real HAProxy in a container."""

import json

import pytest
from demo_samples import keeps_its_inputs
from deploy_samples import Load, deploy, free_port
from docker_samples import as_before, begun, containers, docker, left, site_of
from real_engine import asked
from test_load import twenty
from tiny import cli

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), asked]


def test_versions_follow_each_other(engine, row, monkeypatch):
    port = begun(engine, watch=1)
    assert as_before(engine, 1, port=port, row=row)
    with Load(port, row, threads=3) as load:
        second = deploy(engine, 2)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")  # neither was ever promoted
        back = deploy(engine, "previous")
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert (second.code, back.code, load.failed) == (0, 0, []), (second, back)
    assert back.json["version"] == 1 and "not in MLflow yet" in back.err
    assert as_before(engine, 1, port=port, row=row)
    # the engine's restart: containers come back, perhaps with other addresses
    ids = docker("ps", "-q", "--filter", "label=notemill.target=plain/here").stdout.split()
    assert docker("kill", *ids).returncode == 0
    assert cli("deployments", "--json", project=engine).json["targets"][0]["status"] == "down"
    again = cli("deployments", "--again", "--json", project=engine)
    assert again.json["targets"][0]["status"] == "serving" and as_before(engine, 1, port=port, row=row), again
    assert cli("undeploy", "here", project=engine).code == 0 and left() == []
    told = deploy(engine, "previous")
    assert (told.code, told.json["version"]) == (0, 1) and as_before(engine, 1, port=port, row=row), told


def test_twenty_deployments_under_load(engine, row):
    port = begun(engine, watch=0.3)
    twenty(engine, port, row)
    assert containers() == ["1 running", "running"]


def test_more_rows_than_an_argument_may_have(engine, row):
    begun(engine, watch=0)
    site = site_of(engine)
    try:
        door, rows = site.door(site.read().serving), [row] * 4000
        status, body = door.ask("POST", "/predict", rows)
        assert len(json.dumps(rows)) > 2 * (1 << 17) and status == 200
        assert len(json.loads(body)["predictions"]) == 4000
        assert door.ask("POST", "/predict", "no row")[0] == 400
    finally:
        site.done()


def test_a_visitor_of_the_demo_keeps_what_was_written(engine, row):
    demo = free_port()
    keeps_its_inputs(engine, begun(engine, demo=demo, watch=1), demo, row)


def test_no_container_has_rights(engine):
    begun(engine, watch=0)
    for number in docker("ps", "-q", "--filter", "label=notemill.target=plain/here").stdout.split():
        [facts] = json.loads(docker("inspect", number).stdout)
        limits = facts["HostConfig"]
        assert limits["CapDrop"] == ["ALL"] and limits["ReadonlyRootfs"] and not limits["Privileged"]
        assert limits["SecurityOpt"] == ["no-new-privileges"] and limits["RestartPolicy"]["Name"] == "always"
        opened = (limits["PortBindings"] or {}).values()
        assert {port["HostIp"] for ports in opened for port in ports} <= {"127.0.0.1"}
