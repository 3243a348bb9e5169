"""What each target serves, and whether it lives."""

from dataclasses import dataclass, replace

from notemill.project import Project
from notemill.release.deploy.deploying import FAILURES, Told, Work, settled
from notemill.release.deploy.sites import opened
from notemill.release.deploy.targets import Target, read_targets
from notemill.release.deploy.words import hidden, in_words

NOTHING, SERVES, DOWN, UNDER_WAY, BROKEN = "nothing", "serving", "down", "under way", "broken"


@dataclass(frozen=True)
class Shown:
    """One target. `status`: nothing, serving, down, under way, broken; `reason`: why it is not well."""

    target: str
    kind: str
    production: bool
    status: str
    version: int | None = None
    deployment: str | None = None
    since: str | None = None
    address: str | None = None
    demo: str | None = None
    reason: str | None = None

    def as_json(self) -> dict:
        return {"target": self.target, "kind": self.kind, "production": self.production, "status": self.status,
                "version": self.version, "deployment": self.deployment, "since": self.since, "address": self.address,
                "demo": self.demo, "reason": self.reason}


def deployments(project: Project, *, again: bool = False, told: Told = lambda words: None) -> list[Shown]:
    """All targets. `again`: finish what was left half done, and start what a reboot took away."""
    found = read_targets(project.root, project.pipeline.name, project.environ)
    return [one(project, target, again, told) for target in found.values()]


def one(project: Project, target: Target, again: bool, told: Told) -> Shown:
    shown = Shown(target.name, target.kind, target.production, NOTHING)
    try:
        with opened(target, project, told) as site:
            if again:
                repaired(project, target, site, told)
            return described(shown, site)
    except FAILURES as error:  # one that is ill does not keep the others down
        return replace(shown, status=BROKEN, reason=hidden(project, in_words(error)))


def described(shown: Shown, site) -> Shown:
    """By its state, and by whether it lives."""
    state = site.read()
    coming, serving = state.coming, state.serving
    if serving is None:
        return shown if coming is None else replace(
            shown, status=UNDER_WAY, version=coming.release.version, deployment=coming.release.deployment,
            reason=under_way(coming))
    why = site.unwell(state)
    return replace(shown, status=DOWN if why else UNDER_WAY if coming else SERVES, version=serving.version,
                   deployment=serving.deployment, since=serving.since, address=serving.urls.get("score"),
                   demo=serving.urls.get("demo"), reason=why or (coming and under_way(coming)))


def under_way(coming) -> str:
    return f"deployment {coming.release.deployment} of version {coming.release.version} is at the step '{coming.step}'"


def repaired(project: Project, target: Target, site, told: Told) -> None:
    with site.held("notemill deployments --again", 0):
        settled(Work(project, target, site, told))
