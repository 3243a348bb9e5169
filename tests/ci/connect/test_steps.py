"""Each step of `connect` where something is in the way. Against fakes of Drone and the forge; real: test_real.py."""

from types import SimpleNamespace

import pytest
from fake_server import fake_server

from notemill.ci import drone, gitea
from notemill.ci.connect import Servers, steps
from notemill.ci.connect.servers import Login
from notemill.ci.http import Refused
from notemill.errors import NotemillError, UsageError

SLUG = "ada/house"
D, G = f"/api/repos/{SLUG}", f"/api/v1/repos/{SLUG}"
ACTIVE = {"active": True, "protected": True, "timeout": 60, "ignore_forks": True, "auto_cancel_pull_requests": True}


@pytest.fixture
def fakes(monkeypatch):
    monkeypatch.setattr(steps, "PATIENCE", 0.6)
    with fake_server({"GET /api/v1/user": (200, {"login": "ada"})}) as forge, fake_server() as server:
        servers = Servers(gitea.server(forge.url, "g", direct=True), drone.server(server.url, "d", direct=True),
                          mlflow=Login("ml", "hidden-pass"))
        yield SimpleNamespace(forge=forge, drone=server, servers=servers)


def test_a_repository_of_somebody_who_is_not_there(fakes):
    with pytest.raises(UsageError, match="no organisation 'team'") as error:
        steps.repository(fakes.servers, "team/house")
    assert "ada/house would be yours" in str(error.value)


def test_a_login_of_drones_that_has_run_out(fakes):
    fakes.drone.answers["POST /api/user/repos"] = (500, {"message": "invalid_grant"})
    with pytest.raises(NotemillError, match="its login there has run out") as error:
        steps.activation(fakes.servers, SLUG)
    assert f"log in once at {fakes.drone.url}" in str(error.value)


def test_a_token_that_drone_does_not_know(fakes):
    fakes.drone.answers |= {f"GET {D}": (401, None), "POST /api/user/repos": (401, None)}
    with pytest.raises(Refused, match="does not accept the token"):
        steps.activation(fakes.servers, SLUG)


def test_a_repository_that_drone_hears_of_late(fakes):
    fakes.drone.answers |= {"POST /api/user/repos": (200, []), f"POST {D}": [(404, None), (200, {"active": True})]}
    assert steps.activation(fakes.servers, SLUG).changed
    assert fakes.drone.words().count("POST /api/user/repos") == 2


def test_a_repository_that_drone_never_hears_of(fakes):
    fakes.drone.answers["POST /api/user/repos"] = (200, [])
    with pytest.raises(NotemillError, match="cannot take ada/house: has no such thing") as error:
        steps.activation(fakes.servers, SLUG)
    assert "administrator of the repository" in error.value.hint


def test_a_repository_that_drones_user_may_only_read(fakes):
    fakes.drone.answers |= {"POST /api/user/repos": (200, []), f"POST {D}": (403, None),
                            "GET /api/user": (200, {"login": "ci"})}
    with pytest.raises(NotemillError, match="does not allow it") as error:
        steps.activation(fakes.servers, SLUG)
    assert "make ci an administrator of the repository" in error.value.hint
    assert fakes.drone.words().count(f"POST {D}") == 1


C = f"{G}/collaborators/ci"


@pytest.fixture
def of_others(fakes):
    """Drone's user is `ci`, whom the forge knows, and Drone sees the repository at its second look."""
    fakes.drone.answers |= {"POST /api/user/repos": (200, []), f"POST {D}": [(404, None), (200, {"active": True})],
                            "GET /api/user": (200, {"login": "ci"})}
    fakes.forge.answers |= {"GET /api/v1/users/ci": (200, {"login": "ci"}), f"PUT {C}": (204, None)}
    return fakes


def test_drones_user_is_let_into_a_repository_of_others(of_others):
    said = steps.activation(of_others.servers, SLUG)
    assert "ci, who connects Drone with the forge, administers it now" in said.words
    assert of_others.forge.body(f"PUT {C}") == {"permission": "admin"}


@pytest.mark.parametrize("answer", [{f"GET {C}": (204, None)}, {"GET /api/v1/orgs/ada/members/ci": (204, None)},
                                    {"GET /api/v1/users/ci": (404, None)}])
def test_who_is_in_it_already_or_unknown_is_given_nothing(of_others, answer):
    of_others.forge.answers |= answer
    said = steps.activation(of_others.servers, SLUG)
    assert said.changed and "administers" not in said.words and f"PUT {C}" not in of_others.forge.words()


def test_nobody_is_let_into_what_is_their_own(of_others):
    of_others.drone.answers["GET /api/user"] = (200, {"login": "Ada"})
    assert steps.activation(of_others.servers, SLUG).changed
    assert not [words for words in of_others.forge.words() if words.startswith("PUT")]


@pytest.mark.parametrize("hook", [None, {"active": False}, {"active": True, "config": {"url": "http://other/hook"}}])
def test_a_webhook_that_reaches_drone_no_more_is_made_anew(fakes, hook):
    fakes.drone.answers |= {f"GET {D}": (200, ACTIVE), f"POST {D}/repair": (200, {})}
    hook = hook and {"config": {"url": f"{fakes.drone.url}/hook?secret=x"}, **hook}
    fakes.forge.answers[f"GET {G}/hooks"] = (200, [hook] if hook else None)
    assert steps.activation(fakes.servers, SLUG).changed and f"POST {D}/repair" in fakes.drone.words()


def test_a_webhook_that_is_there_is_left(fakes):
    fakes.drone.answers[f"GET {D}"] = (200, ACTIVE)
    fakes.forge.answers[f"GET {G}/hooks"] = (200, [{"active": True, "config": {"url": f"{fakes.drone.url}/hook?s=x"}}])
    assert not steps.activation(fakes.servers, SLUG).changed and fakes.drone.words() == [f"GET {D}"]


def test_only_what_differs_is_set(fakes):
    fakes.drone.answers |= {f"GET {D}": (200, {**ACTIVE, "trusted": True}), f"PATCH {D}": (200, ACTIVE)}
    assert steps.settings(fakes.servers, SLUG).changed and fakes.drone.body(f"PATCH {D}") == {"trusted": False}
    fakes.drone.answers[f"GET {D}"] = (200, ACTIVE)
    assert not steps.settings(fakes.servers, SLUG).changed


def test_a_token_that_is_no_administrators_is_told(fakes):
    fakes.drone.answers |= {f"GET {D}": (200, {**ACTIVE, "trusted": True}),
                            f"PATCH {D}": (200, {**ACTIVE, "trusted": True})}
    with pytest.raises(NotemillError, match="did not take trusted") as error:
        steps.settings(fakes.servers, SLUG)
    assert "administrator" in str(error.value)


def test_secrets_are_made_or_written_again_and_never_told(fakes):
    one, two = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
    fakes.drone.answers |= {f"GET {D}/secrets": (200, [{"name": one}]), f"PATCH {D}/secrets/{one}": (200, {}),
                            f"POST {D}/secrets": (200, {})}
    said = steps.secrets(fakes.servers, SLUG)
    assert said.changed and "hidden-pass" not in said.words
    assert fakes.drone.body(f"POST {D}/secrets")["name"] == two
    fakes.drone.answers |= {f"GET {D}/secrets": (200, [{"name": one}, {"name": two}]),
                            f"PATCH {D}/secrets/{two}": (200, {})}
    assert not steps.secrets(fakes.servers, SLUG).changed


def test_without_a_login_of_mlflow_no_secret_is_set(fakes):
    servers = Servers(fakes.servers.forge, fakes.servers.drone)
    assert "MLFLOW_TRACKING_PASSWORD" in steps.secrets(servers, SLUG).words and fakes.drone.asked == []


def test_a_cron_entry_at_another_time_is_replaced_and_others_stay(fakes):
    mine = {"name": "mine", "expr": "@hourly", "branch": "x"}
    fakes.drone.answers |= {f"GET {D}/cron": (200, [mine, {"name": "nightly", "expr": "@daily", "branch": "main"}]),
                            f"DELETE {D}/cron/nightly": (204, None), f"POST {D}/cron": (200, {})}
    assert steps.schedule(fakes.servers, SLUG).changed
    assert fakes.drone.words() == [f"GET {D}/cron", f"DELETE {D}/cron/nightly", f"POST {D}/cron"]
    assert fakes.drone.body(f"POST {D}/cron") == {"name": "nightly", "expr": "0 17 2 * * *", "branch": "main"}


def test_a_forge_without_a_steward(fakes):
    said = steps.steward(fakes.servers, SLUG)
    assert not said.changed and "no user notemill-steward" in said.words


def test_a_protection_keeps_what_people_added():
    now = {"push_whitelist_usernames": ["bob"], "status_check_contexts": ["security"], "required_approvals": 2}
    made = steps.rule(now, "ada", None)
    assert made["push_whitelist_usernames"] == ["bob", "ada"] and made["required_approvals"] == 2
    assert made["status_check_contexts"] == ["security", *steps.CONTEXTS]
    assert steps.rule(made, "ada", None) == made and steps.rule(made, "ada", 0)["required_approvals"] == 0
    assert steps.rule({}, "ada", None)["required_approvals"] == 0


def test_only_what_differs_of_a_protection_is_changed(fakes):
    rule = {**steps.rule({}, "ada", 1), "enable_status_check": False, "enable_force_push": False}
    fakes.forge.answers |= {f"GET {G}/branch_protections/main": (200, rule),
                            f"PATCH {G}/branch_protections/main": (200, {})}
    assert steps.protection(fakes.servers, SLUG, "main", None).changed
    assert fakes.forge.body(f"PATCH {G}/branch_protections/main") == {"enable_status_check": True}
