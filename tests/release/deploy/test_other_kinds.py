"""Targets of other kinds: by commands of one's own; processes without HAProxy; with a demo."""

import json
import sys

import httpx
import pytest
from demo_samples import keeps_its_inputs
from deploy_samples import Load, deploy, free_port, serves, targets
from tiny import cli, write

from notemill.errors import NotemillError
from notemill.project import open_project
from notemill.registry import open_records
from notemill.registry.deployed import read_deployments
from notemill.release.deploy import deploying, for_build, noted, sites
from notemill.release.deploy.process import Process
from notemill.release.deploy.state import as_state
from notemill.release.deploy.words import in_words
from notemill.release.packaged import manifest_of

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


@pytest.mark.parametrize("kind", ["process", "docker"])
def test_a_target_of_another_kind_by_now_is_left_alone(project, tool, kind):
    """What serves would not be seen, and not be ended."""
    assert deploy(project, 1).code == 0
    path = project / "deploy" / "targets.yaml"
    kept, before = path.read_text(), tool()
    targets(project, kind=kind)
    for done in (deploy(project, 2), cli("undeploy", "here", "--json", project=project)):
        assert done.code == 2 and done.json["error"]["got"] == \
            f"serves with kind: command, and the file now says kind: {kind}", done
    assert shown(project, "--again")["status"] == "broken" and tool() == before
    path.write_text(kept)
    assert cli("undeploy", "here", project=project).code == 0 and tool()["runs"] == {}


@pytest.mark.parametrize("written", [True, False])
def test_where_nobody_knows_whether_it_was_written_nothing_is_undone(project, tool, written, monkeypatch):
    """As where an engine goes away with the last write: nothing is noted that the next command might not find so."""
    assert deploy(project, 1).code == 0
    with monkeypatch.context() as patch:
        gone(patch, written)
        done = deploy(project, 2)
    assert done.code == 1 and "whether that is written down is not known" in done.json["error"]["got"], done
    assert len(tool()["runs"]) == 2 and entries(project) == [(1, "serving")]
    again = shown(project, "--again")
    assert (again["status"], again["version"]) == ("serving", 2 if written else 1), again
    assert tool()["runs"] == {again["deployment"]: str(again["version"])} and tool()["traffic"] == again["deployment"]
    assert entries(project)[-1] == ((2, "serving") if written else (2, "rolled-back"))


def test_what_the_ledger_calls_rolled_back_is_not_finished(project, tool, monkeypatch):
    """A write that was late, and came after all."""
    assert deploy(project, 1).code == 0
    with monkeypatch.context() as patch:
        gone(patch, True)
        assert deploy(project, 2).code == 1
    [path] = (project.parent / "data").glob("notemill/targets/*/here/state.json")
    release = as_state(json.loads(path.read_text()), "here").coming.release
    noted.note(open_project(project), release, "here", "rolled-back", "deploy", "it was late", 1, print)
    assert shown(project, "--again")["version"] == 1 and list(tool()["runs"].values()) == ["1"]
    assert entries(project) == [(1, "serving"), (2, "rolled-back")]


def gone(patch, written):
    """The place of the state is away from the last write on, which was done, or not."""
    save, read, away = Process.save, Process.read, []

    def failing(site, state):
        if state.coming and state.coming.step == "passed":
            away.append(site)
            if written:
                save(site, state)
        if away:
            raise OSError("the engine went away")
        save(site, state)

    def reading(site):
        if away:
            raise OSError("the engine went away")
        return read(site)

    patch.setattr(Process, "save", failing)
    patch.setattr(Process, "read", reading)


def entries(root):
    """(version, status) of all that the ledger has."""
    return [(one["version"], one["status"]) for one in
            read_deployments(open_records(open_project(root)), "plain").entries]


def test_interrupted_once_it_has_passed(project, tool, monkeypatch):
    """By what is written the next command finishes it: nothing is taken back before."""
    assert deploy(project, 1).code == 0
    save = Process.save

    def interrupted(site, state):
        save(site, state)
        if state.coming and state.coming.step == "passed":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Process, "save", interrupted)
        done = deploy(project, 2)
    assert done.code not in (0, 4) and "has passed" in done.err, done
    assert len(tool()["runs"]) == 2 and entries(project) == [(1, "serving")]
    assert shown(project, "--again")["version"] == 2 and list(tool()["runs"].values()) == ["2"]


@pytest.mark.parametrize("trouble", [OSError("no space left"), NotemillError("entry 2", "was changed")])
def test_a_ledger_that_cannot_be_written_is_told_of_what_serves(project, tool, monkeypatch, trouble):
    def refused(*words):
        raise trouble

    assert deploy(project, 1).code == 0
    monkeypatch.setenv("DRONE_BUILD_NUMBER", "7")
    with monkeypatch.context() as patch:
        patch.setattr(noted, "append_deployment", refused)
        done = deploy(project, 2)
        kept = json.loads((project / ".notemill" / for_build.FILE).read_text())
        assert deploy(project, 3).code == 1  # the next one has deployed nothing, whatever serves
        assert json.loads((project / ".notemill" / for_build.FILE).read_text())["status"] == "failed"
    assert done.code == 1 and "version 2 serves, and not all of that is written down" in done.json["error"]["got"], done
    assert "notemill deployments --again" in done.json["error"]["hint"] and in_words(trouble) in done.out
    assert (kept["status"], kept["version"]) == ("serving", 2) and in_words(trouble) in kept["problem"]
    assert shown(project, "--again")["version"] == 2 and entries(project)[-1] == (2, "serving")


def test_a_build_that_cannot_stand_for_it_says_what_serves(project, tool, monkeypatch):
    def refused(*words):
        raise OSError("no space left")

    monkeypatch.setenv("DRONE_BUILD_NUMBER", "7")
    monkeypatch.setattr(for_build, "note_build", refused)
    done = deploy(project, 1)
    assert done.code == 1 and "version 1 serves at target 'here'" in done.json["error"]["got"], done


def test_what_a_command_says_is_kept_without_secrets(project, tool, monkeypatch):
    """For good, and for all to read."""
    monkeypatch.setenv("DRONE_BUILD_NUMBER", "7")
    monkeypatch.setenv("CLUSTER_TOKEN", "hunter2-is-secret")  # pragma: allowlist secret
    words = "PUT https://ci:in-address@cluster/x: 401, with hunter2-is-secret"  # pragma: allowlist secret
    write(project / "tool.py", TOOL.replace('sys.exit(f"no {what} today")', f"sys.exit({words!r})"))
    spoil(project, start_1=1)
    done = deploy(project, 1)
    assert done.code == 4 and "cluster/x: 401" in done.json["reason"], done
    found = [path for place in (project, project.parent / "data") for path in place.rglob("*")
             if path.is_file() and path.name not in ("tool.py", "tool.json")]
    assert len(found) > 10
    for secret in (b"hunter2", b"in-address"):
        assert [path for path in found if secret in path.read_bytes()] == []
        assert secret.decode() not in done.out + done.err


def test_a_version_without_golden_rows_is_not_started(project, monkeypatch):
    targets(project)
    monkeypatch.setattr(deploying, "manifest_of", lambda *words: {
        **manifest_of(*words), "files": {**manifest_of(*words)["files"], "golden.json": None}})
    done = deploy(project, 1)
    assert done.code == 1 and "has no golden rows" in done.json["error"]["got"], done
    assert entries(project) == [] and not list((project.parent / "data").glob("notemill/targets/*/here/releases/*"))


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
