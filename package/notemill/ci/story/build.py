"""The build that this runs in, as Drone says it."""

from collections.abc import Mapping
from dataclasses import dataclass

PULL_REQUEST, MAIN = "pull-request", "main"  # the two areas of the drop


@dataclass(frozen=True)
class Build:
    """`branch`: where the commit comes from; `after`: the session that has just ended, and whether it `failed`."""

    repository: str
    commit: str
    event: str
    branch: str
    number: int | None
    link: str | None
    after: str
    failed: bool

    @property
    def area(self) -> str:
        return PULL_REQUEST if self.event == "pull_request" else MAIN


def build_of(environ: Mapping[str, str], after: str, failed: bool) -> Build:
    number = environ.get("DRONE_BUILD_NUMBER", "")
    link = environ.get("DRONE_BUILD_LINK", "")
    return Build(repository=environ.get("DRONE_REPO_NAME", ""), after=after, failed=failed,
                 commit=environ.get("DRONE_COMMIT_SHA") or environ.get("DRONE_COMMIT", ""),
                 event=environ.get("DRONE_BUILD_EVENT", ""),
                 branch=environ.get("DRONE_SOURCE_BRANCH") or environ.get("DRONE_BRANCH", ""),
                 number=int(number) if number.isascii() and number.isdecimal() else None,
                 link=link if link.startswith(("http://", "https://")) else None)
