"""deploy/targets.yaml is checked whole: each error names the place, and what is allowed."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator
from tiny import write

from notemill import schemas
from notemill.errors import UsageError
from notemill.release.deploy import FILE, deploying, find_target, read_targets
from notemill.release.deploy.deploying import check_same_place, urls_of
from notemill.release.deploy.process import Process
from notemill.release.deploy.state import Release, State

DOCKER = "kind: docker, port: 8100, demo: 8101, keys: k"
WRONG = {
    "targets: {here: {kind: proces, port: 1}}": ("targets.here.kind: got 'proces'", "did you mean 'process'?"),
    "targets: {here: {kind: process}}": ("the key 'port' is missing", None),
    "targets: {here: {kind: process, port: 8100, prot: 1}}": ("unknown key 'prot'", "did you mean 'port'?"),
    "targets: {here: {kind: process, port: 0}}": ("got 0", None),
    "targets: {here: {kind: process, port: 70000}}": ("got 70000", None),
    "targets: {Here: {kind: process, port: 1}}": ("the name 'Here' is not taken", None),
    "targets: {../x: {kind: process, port: 1}}": ("the name '../x' is not taken", None),
    "targets: {here: {kind: process, port: 8100, demo: 8100}}": ("the port 8100 is taken by target 'here'", None),
    "targets: {a: {kind: process, port: 8100}, b: {kind: process, port: 8100}}": ("is taken by target 'a'", None),
    "targets: {here: {kind: process, port: 1, host: 0.0.0.0}}": (
        "others can reach '0.0.0.0', and there are no keys", "notemill serve --keys FILE --new-key NAME makes one"),
    "targets: {here: {kind: docker, port: 1, host: box.example, keys: k}}": (
        "'box.example' is no address, and an engine would listen everywhere", None),
    "targets: {here: {kind: docker, port: 1, host: 0.0.0.0, keys: k}}": (
        "'0.0.0.0' is every address of a machine, and none that people can open", None),
    "targets: {here: {kind: process, port: 1, host: '::', keys: k}}": ("'::' is every address of a machine", None),
    "targets: {here: {kind: command, start: [a], check: [b], stop: [c], demo_open: true}}": (
        "targets.here.demo_open: means nothing for a target of kind command", None),
    "targets: {here: {kind: process, port: 1, keys: nowhere}}": ("there is no file 'nowhere'", "--new-key NAME"),
    "targets: {here: {kind: process, port: 1, start: [a]}}": ("means nothing for a target of kind process", None),
    "targets: {here: {kind: command, start: [a], check: [b]}}": ("the key 'stop' is missing", None),
    "targets: {here: {kind: command, start: ['{verson}'], check: [b], stop: [c]}}": (
        "'{verson}' is not replaced by anything", "did you mean 'version'?"),
    "targets: {here: {kind: process, port: 1, watch: .inf}}": ("must be at most 86400", None),
    "targets: {here: {kind: process, port: 1, watch: .nan}}": ("got nan", None),
    "targets: {here: {kind: process, port: 1, errors: .inf}}": ("got inf", None),
    "targets: {here: {kind: process, port: 1, production: yes}}": ("got 'yes'", "write true"),
    "targets: {}": ("is empty", None), "{}": ("the key 'targets' is missing", None), "": ("'targets' is missing", None)}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told(tmp_path, text):
    write(tmp_path / FILE, text)
    got, hint = WRONG[text]
    with pytest.raises(UsageError) as told:
        read_targets(tmp_path, "toy")
    assert told.value.where.startswith(FILE) and got in str(told.value), str(told.value)
    assert hint is None or hint in (told.value.hint or ""), str(told.value)


def test_there_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="there is no such file"):
        read_targets(tmp_path, "toy")


def test_a_target_that_is_not_there(tmp_path):
    write(tmp_path / FILE, "targets: {staging: {kind: process, port: 8100}}")
    with pytest.raises(UsageError, match="did you mean 'staging'"):
        find_target(tmp_path, "toy", "stagin")


def test_what_is_right(tmp_path):
    write(tmp_path / FILE, "targets: {staging: {kind: process, port: 8100, demo: 8101, watch: 0.5}}")
    target = find_target(tmp_path, "toy", "staging")
    assert (target.parts, target.watch, target.errors) == ({"score": 8100, "demo": 8101}, 0.5, 0)
    assert target.url("demo") == "http://127.0.0.1:8101"


def test_the_schema_is_one():
    Draft202012Validator.check_schema(schemas.load("targets"))


def test_our_own_file_is_right():
    root = Path(__file__).parents[3]
    assert {"laptop"} <= read_targets(root, "toy").keys()


def test_the_digest_is_the_service_s(tmp_path):
    from notemill.release.deploy.process import content_digest
    from notemill.serve.loading import content_digest as of_the_service

    for name, data in {"a.txt": b"a", "sub/b.bin": bytes(3), "__pycache__/c.pyc": b"c", "z\xe4": b""}.items():
        write(tmp_path / name, data)
    assert content_digest(tmp_path) == of_the_service(tmp_path)


def test_a_name_of_the_loopback_is_an_address_for_an_engine(tmp_path):
    write(tmp_path / FILE, "targets: {here: {kind: docker, port: 8100, host: localhost}}")
    target = find_target(tmp_path, "toy", "here")
    assert target.listens("score") == "127.0.0.1" and target.url("score") == "http://localhost:8100"


@pytest.mark.parametrize(("more", "score", "demo"), [
    ("", "192.0.2.7", "127.0.0.1"), (", demo_open: true", "192.0.2.7", "192.0.2.7"),
    (", host: 192.0.2.8", "192.0.2.8", "127.0.0.1"), (", host: 192.0.2.8, demo_open: true", "192.0.2.8", "192.0.2.8"),
    (", host: 127.0.0.2", "127.0.0.2", "127.0.0.2"), (", host: '::1'", "::1", "::1")])
def test_keys_open_no_demo(tmp_path, more, score, demo):
    """On a server that others reach at 192.0.2.7."""
    target = in_file(tmp_path, DOCKER + more, "192.0.2.7")
    assert (target.listens("score"), target.listens("demo")) == (score, demo)
    assert target.url("demo") == f"http://{f'[{demo}]' if ':' in demo else demo}:8101"


@pytest.mark.parametrize(("more", "host"), [("", "127.0.0.1"), (", demo_open: true", "192.0.2.7")])
def test_keys_open_no_demo_of_processes(tmp_path, more, host):
    body = f"kind: process, port: 8100, demo: 8101, keys: k, host: 192.0.2.7{more}"
    site = Process(in_file(tmp_path, body), {"XDG_DATA_HOME": str(tmp_path / "data")}, print)
    site.render(State())
    told = (site.folder / "haproxy.cfg").read_text()
    assert "bind 192.0.2.7:8100" in told and f"bind {host}:8101" in told
    assert site.target.url("demo") == f"http://{host}:8101"


@pytest.mark.parametrize("more", ["", ", demo_open: true"])
def test_an_engine_publishes_what_others_may_reach(tmp_path, more):
    from notemill.release.deploy.docker.owned import Owned
    from notemill.release.deploy.docker.proxy import Proxy

    made = []
    fake = SimpleNamespace(images=SimpleNamespace(get=lambda name: name),
                           containers=SimpleNamespace(create=lambda *words, **options: made.append(options)))
    Proxy(Owned(in_file(tmp_path, DOCKER + more, "192.0.2.7"), fake)).made()
    assert made[0]["ports"] == {"8000/tcp": ("192.0.2.7", 8100),
                                "8501/tcp": ("192.0.2.7" if more else "127.0.0.1", 8101)}
    assert made[0]["use_config_proxy"] is False


def in_file(root, body, server=""):
    """The target, as a build of the server at this address reads it."""
    write(root / "k", "a sha256:b\n")
    write(root / FILE, f"targets: {{here: {{{body}}}}}")
    return find_target(root, "toy", "here", {"NOTEMILL_DEPLOY_HOST": server})


@pytest.mark.parametrize("more", ["", ", demo_open: true"])
def test_what_a_server_has_deployed_stays_there_by_hand(tmp_path, more):
    state, target = served(in_file(tmp_path, DOCKER + more, "192.0.2.7")), in_file(tmp_path, DOCKER + more)
    check_same_place(target, state)
    assert urls_of(target, state)["score"] == "http://192.0.2.7:8100"
    assert urls_of(target, state) == state.serving.urls != urls_of(target, State())
    assert deploying.outcome(target, state.serving, "serving", None, None).address == "http://192.0.2.7:8100"


@pytest.mark.parametrize("command", [
    lambda project: deploying.deploy(project, "1", "here", "Ada <ada@example.org>"),
    lambda project: deploying.undeploy(project, "here", "Ada <ada@example.org>")])
def test_a_project_s_own_environment_says_where(tmp_path, monkeypatch, command):
    in_file(tmp_path, DOCKER)
    seen = []
    monkeypatch.setattr(deploying, "opened", lambda target, *more: seen.append(target.url("score")) or nullcontext(1))
    project = SimpleNamespace(root=tmp_path, pipeline=SimpleNamespace(name="toy"),
                              environ={"NOTEMILL_DEPLOY_HOST": "192.0.2.7"})
    with pytest.raises(AttributeError):  # 1 is no site
        command(project)
    assert seen == ["http://192.0.2.7:8100"]


@pytest.mark.parametrize("now, server", [
    (DOCKER, "192.0.2.8"), (f"{DOCKER}, host: 127.0.0.1", ""), ("kind: docker, port: 8100, demo: 8101", ""),
    (DOCKER.replace("8100", "8200"), ""), (f"{DOCKER}, demo_open: true", "")])
def test_what_asks_for_another_place_is_refused(tmp_path, now, server):
    """Another server, another host, no keys any more, another port, an open demo."""
    state = served(in_file(tmp_path, DOCKER, "192.0.2.7"))
    with pytest.raises(UsageError, match="serves at http://192.0.2.7:8100, http://127.0.0.1:8101, and the file now"):
        check_same_place(in_file(tmp_path, now, server), state)


def served(target):
    return State(Release("d1", 1, "toy", "c", "m", "p", "x", "s1", "now", urls=urls_of(target, State())))


@pytest.mark.parametrize(("more", "host"), [("keys: k", "192.0.2.7"), ("", "127.0.0.1"),
                                            ("keys: k, host: 127.0.0.1", "127.0.0.1")])
def test_a_server_that_others_reach_shows_what_asks_for_keys(tmp_path, monkeypatch, more, host):
    monkeypatch.setenv("NOTEMILL_DEPLOY_HOST", "192.0.2.7")
    write(tmp_path / "k", "a sha256:b\n")
    write(tmp_path / FILE, f"targets: {{here: {{kind: docker, port: 8100{more and ', '}{more}}}}}")
    assert find_target(tmp_path, "toy", "here").url("score") == f"http://{host}:8100"


@pytest.mark.parametrize("named", ["", "box.example", "-x", "127.0.0.1/x", "0.0.0.0", "::"])
def test_what_is_no_address_is_none_of_a_server(tmp_path, monkeypatch, named):
    monkeypatch.setenv("NOTEMILL_DEPLOY_HOST", named)
    write(tmp_path / "k", "a sha256:b\n")
    write(tmp_path / FILE, "targets: {here: {kind: docker, port: 8100, keys: k}}")
    assert find_target(tmp_path, "toy", "here").host == "127.0.0.1"
