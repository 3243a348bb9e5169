"""How each part is, from what the engine says."""

import json

import pytest

from notemill.ci.stack import state
from notemill.ci.stack.compose import SERVICES
from notemill.errors import NotemillError


class Slow:
    """An engine whose gitea is well at the third look; the others at once."""

    settings = {"project": "notemill-7300", "urls": {}}

    def __init__(self, *looks):
        self.engine, self.looks = self, list(looks)

    def run(self, *words):
        said = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return "\n".join(line(name, "running", said if name == "gitea" else "Up 1 second") for name in SERVICES)


URLS = {"forge": "http://h:7300"}


def line(service, facts, status):
    labels = f"com.docker.compose.project=notemill-7300,com.docker.compose.service={service},x=y=z"
    return json.dumps({"State": facts, "Status": status, "Labels": labels})


def states(*lines):
    return {part.name: part.state for part in state.read(list(lines), URLS)}


def test_every_part_is_told_of_in_order():
    found = state.read([line("gitea", "running", "Up 2 hours (healthy)")], URLS)
    assert [part.name for part in found] == list(SERVICES)
    gitea = next(part for part in found if part.name == "gitea")
    assert gitea.well and gitea.as_json() == {"name": "gitea", "state": "running", "says": "Up 2 hours (healthy)",
                                              "url": "http://h:7300"}


def test_what_runs_and_is_not_well_is_not_said_to_run():
    found = states(line("gitea", "running", "Up 1 second (health: starting)"),
                   line("drone", "running", "Up 1 hour (unhealthy)"), line("proxy", "running", "Up 3 seconds"),
                   line("runner-main", "restarting", "Restarting (1) 3 seconds ago"),
                   line("mlflow", "exited", "Exited (137) 1 second ago"))
    assert {name: found[name] for name in ("gitea", "drone", "proxy", "runner-main", "mlflow", "drop")} == {
        "gitea": "starting", "drone": "unhealthy", "proxy": "running", "runner-main": "restarting", "mlflow": "exited",
        "drop": "missing"}


def test_the_start_waits_until_every_part_is_well():
    starting = "Up 1 second (health: starting)"
    slow = Slow(starting, starting, "Up 2 seconds (healthy)")
    state.wait(slow, seconds=30)
    assert slow.looks == ["Up 2 seconds (healthy)"]
    with pytest.raises(NotemillError, match=r"after 0 s gitea is unhealthy\n  notemill stack logs gitea"):
        state.wait(Slow("Up 9 minutes (unhealthy)"), seconds=0)
