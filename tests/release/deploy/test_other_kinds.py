"""Targets of other kinds: by commands of one's own; processes without HAProxy; with a demo."""

import json
import sys

import httpx
import pytest
from demo_samples import keeps_its_inputs
from deploy_samples import Load, deploy, free_port, serves, targets
from tiny import cli, write

from notemill.release.deploy import sites
from notemill.release.deploy.process import Process

# keeps what it was told: which deployment has traffic, which run, and which version each is
TOOL = """import json, pathlib, sys
place = pathlib.Path("tool.json")
known = json.loads(place.read_text()) if place.exists() else {"runs": {}, "traffic": None, "told": []}
what, deployment, version = sys.argv[1:4]
spoilt = pathlib.Path("spoilt.json")  # {"stop 1": how often it does not go}
times = json.loads(spoilt.read_text()) if spoilt.exists() else {}
if times.get(f"{what} {version}"):
    times[f"{what} {version}"] -= 1
    spoilt.write_text(json.dumps(times))
    sys.exit(f"no {what} today")
known["told"].append(what)
if what == "start":
    known["runs"][deployment] = version
elif what == "switch":
    known["traffic"] = deployment
elif what == "stop":
    known["runs"].pop(deployment, None)
bad = what == "check" and version == "3" and (known["traffic"] == deployment or pathlib.Path("soon").exists())
place.write_text(json.dumps(known))
sys.exit("version 3 is ill" if bad else 0)
"""


@pytest.fixture
def tool(project):
    """A target of commands: what they were told."""
    write(project / "tool.py", TOOL)
    words = {what: [sys.executable, "tool.py", what, "{deployment}", "{version}"]
             for what in ("start", "check", "switch", "stop")}
    write(project / "deploy" / "targets.yaml", json.dumps({"targets": {
        "here": {"kind": "command", "watch": 0.1, "ready": 2, **words}}}))
    yield lambda: json.loads((project / "tool.json").read_text())


@pytest.mark.parametrize("soon", [False, True])
def test_commands_of_one_s_own(project, tool, soon):
    first = deploy(project, 1)
    assert first.code == 0 and tool()["runs"] == {first.json["deployment"]: "1"}, first
    second = deploy(project, 2)
    assert second.code == 0 and tool()["runs"] == {second.json["deployment"]: "2"}
    assert tool()["traffic"] == second.json["deployment"]
    if soon:
        write(project / "soon", "")
    third = deploy(project, 3)
    assert third.code == 4 and "version 3 is ill" in third.json["reason"]
    assert tool()["traffic"] == second.json["deployment"] and tool()["runs"] == {second.json["deployment"]: "2"}
    assert deploy(project, "previous").json["version"] == 1
    assert cli("undeploy", "here", project=project).code == 0 and tool()["runs"] == {}


def spoil(root, **times):
    write(root / "spoilt.json", json.dumps({name.replace("_", " "): count for name, count in times.items()}))


def shown(root, *more):
    return cli("deployments", "--json", *more, project=root).json["targets"][0]


def test_a_way_back_that_fails_is_tried_again(project, tool):
    second = [deploy(project, version) for version in (1, 2)][1].json["deployment"]
    spoil(project, switch_2=2)
    third = deploy(project, 3)
    assert third.code == 4 and "`switch` ended with 1: no switch today" in third.json["problem"], third
    assert tool()["traffic"] == third.json["deployment"] and third.json["deployment"] in tool()["runs"]
    told = cli("deploy", 1, "--to", "here", project=project)  # and fails again: no third one beside the two
    assert told.code == 1 and "is not undone yet" in told.err and len(tool()["runs"]) == 2, told
    again = shown(project, "--again")
    assert (again["status"], again["version"], again["reason"]) == ("serving", 2, None), again
    assert tool()["traffic"] == second and tool()["runs"] == {second: "2"}


def test_its_words(project, tool):
    for version in (1, 2):
        deploy(project, version)
    spoil(project, switch_2=1)
    told = cli("deploy", 3, "--to", "here", project=project)
    assert told.code == 4 and "as before" not in told.err, told
    assert "what serves is not known" in told.err and "notemill deployments --again decides" in told.err


def test_a_stop_that_never_goes_wedges_nothing(project, tool):
    assert deploy(project, 1).code == 0
    spoil(project, stop_1=99, stop_2=99, stop_3=99)
    second = deploy(project, 2)
    assert second.code == 0 and "plain version 1 may still run: `stop` ended with 1" in second.err, second
    third = deploy(project, 3)
    assert third.code == 4 and third.json["problem"] is None and "no stop today" in third.err, third
    fourth = deploy(project, 1)
    assert fourth.code == 0 and "plain version 3 may still run" in fourth.err, fourth
    gone = cli("undeploy", "here", project=project)
    assert gone.code == 0 and "plain version 1 may still run" in gone.err, gone
    assert shown(project)["status"] == "nothing"


@pytest.mark.parametrize("written", [True, False])
def test_a_last_write_of_which_nobody_knows(project, tool, written, monkeypatch):
    save = Process.save

    def failing(site, state):
        if state.coming and state.coming.step == "passed":
            if written:
                save(site, state)
            raise OSError("the disk went away")
        save(site, state)

    assert deploy(project, 1).code == 0
    monkeypatch.setattr(Process, "save", failing)
    done = deploy(project, 2)
    assert (done.code, shown(project)["version"]) == ((0, 2) if written else (4, 1)), done
    assert tool()["runs"] == {shown(project)["deployment"]: str(shown(project)["version"])}


def test_a_command_that_is_not_there(project, tool):
    path = project / "deploy" / "targets.yaml"
    path.write_text(path.read_text().replace(json.dumps(sys.executable) + ', "tool.py", "start"',
                                             '"no-such-program", "tool.py", "start"'))
    done = deploy(project, 1)
    assert done.code == 4 and "start: no-such-program: cannot be run" in done.json["reason"]


def test_without_haproxy(project, row, numbers):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sites, "find_haproxy", lambda: None)
        port = targets(project)["port"]
        first = deploy(project, 1)
        assert first.code == 0 and "HAProxy is not installed" in first.err and serves(port, row) == 1, first
        second = deploy(project, 2)
        assert second.code == 0 and "nobody was answered for" in second.err and serves(port, row) == 2
        for label in ("silent", "liar"):
            failed = deploy(project, numbers[label])
            assert failed.code == 4 and serves(port, row) == 2, failed
    assert deploy(project, "previous").code == 0 and serves(port, row) == 1  # it stays as it was begun
    assert cli("undeploy", "here", project=project).code == 0


@pytest.mark.slow
def test_the_demo_goes_with_it(project, row):
    pytest.importorskip("streamlit")
    demo = free_port()
    port = targets(project, demo=demo)["port"]
    first = deploy(project, 1)
    assert (first.code, first.json["demo"]) == (0, f"http://127.0.0.1:{demo}"), first
    with httpx.Client(base_url=f"http://127.0.0.1:{demo}", trust_env=False) as visitor, Load(port, row, 2) as load:
        assert visitor.get("/readyz").status_code == 200 and visitor.cookies["NOTEMILL"] in ("s1", "s2")
        before = visitor.cookies["NOTEMILL"]
        assert deploy(project, 2).code == 0
        assert visitor.get("/readyz").status_code == 200 and visitor.cookies["NOTEMILL"] != before
    assert load.failed == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_visitor_of_the_demo_keeps_what_was_written(project, row):
    demo = free_port()
    port = targets(project, demo=demo, watch=3)["port"]
    assert deploy(project, 1).code == 0
    keeps_its_inputs(project, port, demo, row)
