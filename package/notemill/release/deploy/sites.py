"""Which site a target has, by its kind."""

import contextlib
from collections.abc import Callable, Iterator

from notemill.project import Project
from notemill.release.deploy.commands import Commands
from notemill.release.deploy.lasting import check_same_kind
from notemill.release.deploy.plain import Plain
from notemill.release.deploy.process import Process, find_haproxy
from notemill.release.deploy.state import PORT
from notemill.release.deploy.targets import COMMAND, DOCKER, Target

NO_PROXY = ("HAProxy is not installed (apt-get install haproxy): the target is switched by stopping one version and "
            "starting the other, and nobody is answered in between")


@contextlib.contextmanager
def opened(target: Target, project: Project, told: Callable[[str], None]) -> Iterator:
    """The site, while it is used. Raises UsageError where its kind cannot be had here."""
    site = site_of(target, project, told)
    try:
        yield site
    finally:
        site.done()


def site_of(target: Target, project: Project, told: Callable[[str], None]):
    if target.kind == COMMAND:
        return Commands(target, project.environ, told)
    if target.kind == DOCKER:
        check_same_kind(target, Process(target, project.environ, told).read(), "kind")  # it is not in the engine
        from notemill.release.deploy.docker import Docker

        return Docker(target, project, told)
    site = Process(target, project.environ, told)
    state = site.read()
    begun = state.serving or state.coming and state.coming.release
    if begun.slot != PORT if begun else find_haproxy():
        return site
    told(NO_PROXY)
    return Plain(target, project.environ, told)
