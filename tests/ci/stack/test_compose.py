"""The compose file and what it is told: each variable has a value, and pull requests get no more than they may."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from notemill.ci.stack import compose, images
from notemill.ci.stack import settings as own
from notemill.ci.steward.settings import read_settings
from notemill.errors import UsageError

VARIABLE = re.compile(r"\$\{(\w+)(?::-)?\}")


@pytest.fixture(scope="module")
def settings():
    made = own.new(None, 7300, "172.30.73.0/24", "172.30.73.1", True)
    made["tokens"] |= {"forge_admin": "a" * 40, "forge_steward": "b" * 40}
    made["oauth"] = {"client_id": "c" * 36, "client_secret": "d" * 40}
    made["mlflow"]["hash"] = made["registry"]["hash"] = "$6$salt$hash"
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory, settings):
    folder = tmp_path_factory.mktemp("stack")
    compose.lay_files(folder, settings)
    return folder


@pytest.fixture(scope="module")
def environ(settings, folder):
    return compose.environment(settings, images.names(True, {}), folder, "/var/run/docker.sock")


@pytest.fixture(scope="module")
def services(environ):
    return services_of(environ)


def services_of(environ):
    text = (compose.FILES / "compose.yaml").read_text()
    return yaml.safe_load(VARIABLE.sub(lambda found: environ[found[1]], text))["services"]


def test_every_variable_has_a_value_and_every_value_is_used(environ):
    used = set(VARIABLE.findall((compose.FILES / "compose.yaml").read_text()))
    assert used == set(environ) and all(environ.values())


def test_its_services_are_those_that_status_and_logs_know(services):
    assert set(services) == set(compose.SERVICES)


def test_each_part_starts_again_and_says_how_it_is(services):
    assert {facts["restart"] for facts in services.values()} == {"unless-stopped"}
    assert {name for name, facts in services.items() if "healthcheck" not in facts} == {"proxy"}


def test_its_volumes_are_those_that_a_backup_holds():
    text = yaml.safe_load((compose.FILES / "compose.yaml").read_text())
    assert {*text["volumes"], "store"} == set(compose.VOLUMES)


def test_only_the_proxy_has_ports(services):
    assert [name for name, facts in services.items() if "ports" in facts] == ["proxy"]
    assert sorted(services["proxy"]["ports"]) == sorted(
        [f"172.30.73.1:{port}:{port}" for port in range(7300, 7305)] + ["127.0.0.1:7302:7302"])


@pytest.mark.parametrize(("host", "published"), [
    (None, {"172.30.73.1"}), ("192.0.2.7", {"192.0.2.7"}), ("box.example", {"0.0.0.0"}), ("fd00::2", {"fd00::2"})])
def test_the_compose_of_this_machine_takes_the_file(tmp_path, host, published):
    """The plugin or the older program, whichever is there: only read, nothing is started."""
    program = shutil.which("docker-compose")
    plugin = shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    if plugin != 0 and program is None:
        pytest.skip("there is no Compose here")
    made = own.new(host, 7300, "172.30.73.0/24", "172.30.73.1", True)
    compose.lay_files(tmp_path, made)
    given = {**os.environ, **compose.environment(made, images.names(True, {}), tmp_path, "/var/run/docker.sock")}
    done = subprocess.run([*(["docker", "compose"] if plugin == 0 else [program]), "-p", "notemill-7300", "-f",
                           tmp_path / "compose.yaml", "config"], env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert set(services) == set(compose.SERVICES) and services["steward"]["environment"]["NOTEMILL_FORGE_URL"]
    assert {bound_to(port) for port in services["proxy"]["ports"]} == published | {"127.0.0.1"}
    assert services["drone"]["environment"]["DRONE_SERVER_HOST"] == own.drone_host(made)


def bound_to(port):
    """Of a port as either of them writes it: a mapping, or a text as 192.0.2.7:7300:7300/tcp."""
    return port["host_ip"] if isinstance(port, dict) else port.rsplit(":", 2)[0]


def test_an_address_with_colons_stands_in_brackets_before_a_port():
    made = own.new("fd00::2", 7300, "172.30.73.0/24", "172.30.73.1", True)
    given = compose.environment(made, images.names(True, {}), Path(), "/s")
    assert given["BIND"] == "[fd00::2]" and given["DRONE_HOST"] == "[fd00::2]:7301"


def test_steps_of_pull_requests_get_no_socket_no_writable_store_and_no_mlflow(services, folder, settings):
    runner = services["runner-pull-request"]
    assert runner["environment"]["DRONE_RUNNER_VOLUMES"] == "notemill-7300-store-to-read:/store"
    assert runner["environment"]["DRONE_LIMIT_EVENTS"] == "pull_request"
    assert f"{folder}/pull-request.env:/run/step.env:ro" in runner["volumes"]
    seen = (folder / "pull-request.env").read_text()
    assert settings["tokens"]["drop_pull_request"] in seen and "MLFLOW" not in seen
    assert [secret for secret in own.hidden(settings) if secret in seen] == [settings["tokens"]["drop_pull_request"]]


def test_steps_of_main_write_to_the_store_and_find_mlflow(services, folder, settings):
    runner = services["runner-main"]
    assert runner["environment"]["DRONE_RUNNER_VOLUMES"] == "notemill-7300-store:/store"
    assert "pull_request" not in runner["environment"]["DRONE_LIMIT_EVENTS"]
    assert runner["environment"]["DRONE_RUNNER_LABELS"] == "role:main"  # without: whichever runner asks first gets it
    lines = dict(line.split("=", 1) for line in (folder / "main.env").read_text().splitlines())
    assert lines["MLFLOW_TRACKING_URI"] == "http://172.30.73.1:7303" and lines["NOTEMILL_STORE"] == "/store/cache"
    assert lines["NOTEMILL_DROP_TOKEN"] == settings["tokens"]["drop_main"]


def test_steps_of_deployments_know_the_registry_as_the_engine_names_it(services, folder, settings):
    runner = services["runner-deploy"]
    assert f"{folder}/deploy.env:/run/step.env:ro" in runner["volumes"]
    seen, others = (folder / "deploy.env").read_text(), (folder / "main.env").read_text()
    lines = dict(line.split("=", 1) for line in seen.splitlines())
    assert lines["NOTEMILL_REGISTRY"] == settings["registry_engine"] == "127.0.0.1:7302"
    assert lines["NOTEMILL_REGISTRY_PASSWORD"] == settings["registry"]["password"] and "REGISTRY" not in others
    assert set(others.splitlines()) <= set(seen.splitlines()) and lines["NOTEMILL_PINS"].startswith("/store/")
    assert not [name for name, facts in services.items() if settings["registry"]["password"] in str(facts)]


def test_images_are_made_from_the_index_that_was_named(settings):
    given = {"PIP_INDEX_URL": "https://index.example/simple", "UV_DEFAULT_INDEX": "x\nEVIL=1", "HOME": "/root"}
    seen = compose.step_environ(settings, "deploy", given)
    assert seen["PIP_INDEX_URL"] == given["PIP_INDEX_URL"] and not {"UV_DEFAULT_INDEX", "HOME"} & set(seen)
    assert "PIP_INDEX_URL" not in compose.step_environ(settings, "main", given)


@pytest.mark.parametrize(("host", "seen"), [(None, None), ("192.0.2.7", "192.0.2.7"), ("box.example", None)])
def test_deployments_are_reached_where_the_stack_is(host, seen):
    """Where the stack is on its own network's address, its machine's loopback is as near."""
    made = own.new(host, 7300, "172.30.73.0/24", "172.30.73.1", True)
    assert compose.step_environ(made, "deploy", {}).get("NOTEMILL_DEPLOY_HOST") == seen


def test_a_name_that_is_bound_to_one_address_is_as_good_as_that():
    made = {**own.new("box.example", 7300, "172.30.73.0/24", "172.30.73.1", True), "bind": "192.0.2.7"}
    given = compose.environment(made, images.names(True, {}), Path(), "/s")
    assert (given["BIND"], given["REGISTRY_FOR_ENGINE"]) == ("192.0.2.7", "127.0.0.1:7302:7302")
    assert compose.step_environ(made, "deploy", {})["NOTEMILL_DEPLOY_HOST"] == "192.0.2.7"


def test_no_full_name_gets_into_a_squashed_commit(services):
    """Drone takes [ci skip] in one for an order. Gitea reads _0X2E_ as a dot, and so on, into its app.ini."""
    (name,) = [one for one in services["gitea"]["environment"] if one.endswith("__ADD_CO_COMMITTER_TRAILERS")]
    section = re.sub("_0X([0-9A-F]{2})_", lambda found: chr(int(found[1], 16)), name.split("__")[1])
    assert section == "repository.pull-request" and services["gitea"]["environment"][name] == "false"


def test_the_login_for_cloning_stays_in_the_clone_step(services):
    runners = [facts["environment"] for name, facts in services.items() if name.startswith("runner-")]
    assert len(runners) == 3 and all(one["DRONE_NETRC_CLONE_ONLY"] == "true" for one in runners)


def test_only_steps_with_the_label_get_the_socket(services):
    with_socket = [name for name, facts in services.items()
                   if "docker.sock" in facts.get("environment", {}).get("DRONE_RUNNER_VOLUMES", "")]
    assert with_socket == ["runner-deploy"]
    runner = services["runner-deploy"]["environment"]
    assert runner["DRONE_RUNNER_LABELS"] == "role:deploy" and "pull_request" not in runner["DRONE_LIMIT_EVENTS"]


def test_only_the_steward_holds_the_forges_token(services, settings):
    token = settings["tokens"]["forge_steward"]
    assert [name for name, facts in services.items() if token in str(facts)] == ["steward"]
    assert not [name for name, facts in services.items() if settings["tokens"]["forge_admin"] in str(facts)]


@pytest.mark.parametrize("kept, reviews", [({}, 0), ({"reviews": 0}, 0), ({"reviews": 2}, 2)])
def test_the_steward_understands_what_it_is_given(settings, folder, kept, reviews):
    made = {name: value for name, value in settings.items() if name != "reviews"} | kept    # {}: of an older notemill
    environ = compose.environment(made, images.names(True, {}), folder, "/var/run/docker.sock")
    found = read_settings(services_of(environ)["steward"]["environment"])
    assert (found.reviews, found.port, found.forge) == (reviews, 7310, settings["urls"]["forge"])
    assert found.forge_token == settings["tokens"]["forge_steward"]


def test_no_password_of_a_login_reaches_the_proxy(services, settings):
    assert settings["mlflow"]["password"] not in str(services) and settings["mlflow"]["hash"] in str(services["proxy"])


def test_the_proxy_is_given_what_its_file_asks_for(services):
    asked = set(VARIABLE.findall((compose.FILES / "haproxy.cfg").read_text()))
    assert asked <= set(services["proxy"]["environment"])


def test_what_holds_a_token_is_for_this_user_alone(folder):
    for name in ("main.env", "pull-request.env", "deploy.env"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_another_token_makes_other_containers(tmp_path, settings):
    def digest():
        return compose.environment(settings, images.names(True, {}), tmp_path, "/s")["CONFIG_DIGEST"]
    compose.lay_files(tmp_path, settings)
    before = digest()
    compose.lay_files(tmp_path, settings)
    assert digest() == before
    compose.lay_files(tmp_path, {**settings, "tokens": {**settings["tokens"], "drop_main": "e" * 32}})
    assert digest() != before


def test_a_part_that_there_is_not_is_named_with_those_there_are():
    with pytest.raises(UsageError, match="no part 'gita'") as caught:
        compose.Compose(None, {}, Path()).log("gita", False, print)
    assert "gitea" in caught.value.allowed
