"""What a push comes to, on the real stack: the demo at its address, production after an approval, and the way back.

NOTEMILL_STACK: its stack.json. The model is of high risk, so that a promotion needs somebody else's word.
"""

import datetime
import json
import re
import subprocess

import pytest
import requests
from browsing import chromium
from team import (
    STACK, all_logs, build_of, edit, ended, git, log_of, notemill, push, start_project, take_away, until,
)

from notemill.ci import drone, gitea
from notemill.ci.http import call

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800),
              pytest.mark.skipif(not STACK, reason="NOTEMILL_STACK names no stack.json: notemill stack up makes one")]
SECTION = re.compile(r"(?m)^(## .*)$")
SOON = 90   # seconds for the steward to say it
SERVES = ("notemill/deployed/staging", "notemill/deployed/production")


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A project of high risk from `notemill init`; its deployments are watched for seconds, and end with the tests."""
    def change(folder):
        card = folder / "model_card.md"
        text = SECTION.sub(r"\1\n\nSaid by a test.", card.read_text())
        text = text.replace("author: ", "author: Ada").replace("reviewed: ", f"reviewed: {datetime.date.today()}")
        card.write_text(text)
        edit(folder / "deploy" / "targets.yaml", "watch: 20}", "watch: 5}")
        edit(folder / "deploy" / "targets.yaml", "watch: 60, production", "watch: 15, production")
    found = start_project(tmp_path_factory.mktemp("deploy"), change, "--risk", "high", "--owner", "Ada")
    yield found
    take_away(found)


def promote(team, number, target, **parameters):
    """The promotion of a build, once it has ended."""
    made = drone.promote(team.drone, team.slug, number, target, parameters)
    return ended(team, made["number"])


def status(team, commit, context, wanted):
    """The forge's status of a commit, once it says so."""
    def seen():
        return next((one for one in gitea.statuses(team.forge, team.slug, commit)
                     if one["context"] == context and one["status"] == wanted), None)
    return until(seen, f"{context} of {commit[:8]} is {wanted}", SOON)


def served(service):
    """The version that answers there, as it says itself."""
    said = requests.get(f"{service}/openapi.json", timeout=10).json()["info"]["version"]
    return int(re.match(r"\d+", said)[0])


def coming(team):
    """Whether a second deployment of production has its containers already."""
    name = f"notemill.target={team.project.name}/production"
    there = subprocess.run(["docker", "ps", "--filter", f"label={name}", "--filter", "label=notemill.part=score",
                            "-q"], capture_output=True, text=True, check=True).stdout.split()
    return len(there) > 1


def tags(team):
    """Those that the stack's registry has of the model."""
    who = team.stack["registry"]
    url = f"{team.stack['urls']['registry']}/v2/{team.project.name}-model/tags/list"
    return requests.get(url, auth=(who["name"], who["password"]), timeout=10).json()["tags"]


def serving(log):
    """(version, service, demo) as the end of the step's log says."""
    found = re.search(r"deployed to \S+: version (\d+)\n  service  (\S+)\n  demo     (\S+)\n", log)
    assert found, log
    return int(found[1]), found[2], found[3]


@pytest.fixture(scope="module")
def first(team):
    """The first push, built."""
    built = build_of(team, git(team.project, "rev-parse", "HEAD").strip(), seconds=1200)
    assert built["status"] == "success", all_logs(team, built)
    return built


@pytest.mark.delivery
def test_a_push_reaches_the_demo_in_a_browser(team, first):
    version, service, demo = serving(log_of(team, first, "deploy"))
    told = status(team, first["after"], SERVES[0], "success")
    assert version == 1 and told["target_url"] == demo and "version 1 serves" in told["description"]
    assert told["creator"]["login"] == team.stack["steward"]["name"]
    assert requests.get(f"{service}/v2/health/ready", timeout=10).ok
    with chromium() as browser:
        page = browser.new_page()
        page.goto(told["target_url"])
        page.get_by_role("button", name="Predict").wait_for(timeout=60_000)
    assert first["after"] in tags(team)


def test_a_push_of_words_serves_the_version_of_before(team, first):
    (team.project / "README.md").write_text("Only words.\n")
    built = build_of(team, push(team, "words"), seconds=1200)
    assert built["status"] == "success", all_logs(team, built)
    version, service, _ = serving(log_of(team, built, "deploy"))
    assert version == 1 and served(service) == 1 and {built["after"], first["after"]} <= set(tags(team))
    status(team, built["after"], SERVES[0], "success")


@pytest.mark.delivery
def test_the_demo_of_production_is_not_there_before_somebody_has_approved_it(team, first):
    built = promote(team, first["number"], "production")
    log = log_of(team, built, "deploy")
    assert built["status"] == "failure" and "nobody has approved it" in log and "notemill approve 1" in log, log
    told = status(team, first["after"], SERVES[1], "failure")
    assert "nobody has approved it" in told["description"] and told["target_url"].endswith(f"/{built['number']}")


@pytest.fixture(scope="module")
def approved(team, first):
    """The first version in production: the same promotion again, after somebody's word."""
    said = promote(team, first["number"], "approval", REASON='I have looked; $(touch /tmp/pwned) "`id`"')
    assert said["status"] == "success", all_logs(team, said)
    built = promote(team, first["number"], "production")
    assert built["status"] == "success", all_logs(team, built)
    return built


@pytest.mark.delivery
def test_after_the_approval_the_same_promotion_passes(team, first, approved):
    version, service, demo = serving(log_of(team, approved, "deploy"))
    told = status(team, first["after"], SERVES[1], "success")
    assert version == 1 and told["target_url"] == demo
    with chromium() as browser:
        page = browser.new_page()
        page.goto(demo)
        page.get_by_role("button", name="Predict").wait_for(timeout=60_000)


@pytest.fixture(scope="module")
def second(team, approved):
    """A push that makes another version, which serves in staging."""
    edit(team.project / "notebooks" / "pipeline.yaml", "linear, max", "linear, regularisation: 1.5, max")
    built = build_of(team, push(team, "another model"), seconds=1200)
    assert built["status"] == "success", all_logs(team, built)
    assert serving(log_of(team, built, "deploy"))[0] == 2
    return built


@pytest.mark.delivery
def test_an_earlier_build_is_the_way_back(team, first, second):
    assert promote(team, second["number"], "production")["status"] == "failure"  # the first one's approval is not its
    assert promote(team, second["number"], "approval", REASON="seen")["status"] == "success"
    there = promote(team, second["number"], "production")
    assert serving(log_of(team, there, "deploy"))[0] == 2
    back = promote(team, first["number"], "production")
    version, service, _ = serving(log_of(team, back, "deploy"))
    assert back["status"] == "success" and version == 1 and served(service) == version


def test_a_promotion_can_be_promoted_again(team, second, approved):
    """By its own number: it stands for what it deployed."""
    built = promote(team, approved["number"], "production")
    assert built["status"] == "success" and serving(log_of(team, built, "deploy"))[0] == 1


def test_two_promotions_at_once_follow_one_another(team, first, second):
    made = [drone.promote(team.drone, team.slug, number, "production", {})["number"]
            for number in (first["number"], second["number"])]
    built = [ended(team, number) for number in made]
    assert [one["status"] for one in built] == ["success", "success"], [all_logs(team, one) for one in built]
    assert served(serving(log_of(team, built[1], "deploy"))[1]) == 2


def test_a_promotion_that_was_cancelled_is_undone_by_the_next(team, first, second):
    made = drone.promote(team.drone, team.slug, first["number"], "production", {})["number"]
    until(lambda: coming(team), "the deployment is under way", 300, 0.3)
    call(team.drone, "DELETE", drone.of(team.slug, "builds", made))
    assert ended(team, made)["status"] == "killed"
    built = promote(team, second["number"], "production")
    log = log_of(team, built, "deploy")
    assert built["status"] == "success" and "was cut off: it is undone" in log, log
    assert served(serving(log)[1]) == 2


def test_a_build_that_is_delivered_twice_serves_the_same(team, second):
    again = call(team.drone, "POST", drone.of(team.slug, "builds", second["number"]))
    built = ended(team, again["number"], 1200)
    assert built["status"] == "success", all_logs(team, built)
    assert serving(log_of(team, built, "deploy"))[0] == 2


def builds(team):
    """The newest ones, as `ci status` tells of them."""
    return json.loads(notemill("ci", "status", "--json", cwd=team.project).stdout)["builds"]


@pytest.mark.delivery
def test_registry_and_deployments_are_there_after_a_restore(team, first, tmp_path):
    """The stack is destroyed, and brought back from its backup: what it had deployed serves all the time."""
    service, before, file = serving(log_of(team, first, "deploy"))[1], sorted(tags(team)), tmp_path / "stack.tar"
    version, known = served(service), builds(team)
    notemill("stack", "backup", file, cwd=team.project)
    notemill("stack", "down", "--volumes", cwd=team.project)
    assert served(service) == version
    notemill("stack", "restore", file, cwd=team.project, seconds=1200)
    assert served(service) == version and sorted(tags(team)) == before and first["after"] in before
    assert builds(team) == known
    built = promote(team, first["number"], "staging")
    assert built["status"] == "success", all_logs(team, built)
    assert serving(log_of(team, built, "deploy"))[0] == 1 and served(service) == 1
