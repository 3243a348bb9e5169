"""What is known of a pull request, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

APPROVED, REJECTED = "APPROVED", "REQUEST_CHANGES"
LINK, SUBMODULE, FOLDER = "120000", "160000", "040000"


@dataclass(frozen=True)
class Entry:
    """What a commit holds at a path."""

    mode: str
    sha: str
    size: int = 0


Tree = Mapping[str, frozenset[Entry]]  # by path; names that are no text may meet at one


@dataclass(frozen=True)
class Reason:
    """Why a person has to look: `words` are ours, `what` is a stranger's text."""

    words: str
    what: str = ""


@dataclass(frozen=True)
class Review:
    """What somebody said of a commit; `writer`: of one who may write here."""

    login: str
    state: str
    commit: str
    writer: bool
    dismissed: bool = False


@dataclass(frozen=True)
class Pull:
    """A pull request at one moment. `member`: its author may write here; `own_branch`: of this repository, no fork's.

    `authors`: who wrote its commits, as far as the forge knows; `loosens`: what of it a person has to look at.
    """

    number: int
    head: str
    base: str
    author: str
    title: str = ""
    member: bool = False
    own_branch: bool = False
    draft: bool = False
    mergeable: bool = True
    authors: frozenset[str] = frozenset()
    reviews: tuple[Review, ...] = ()
    loosens: tuple[Reason, ...] = ()


def same(one: str, other: str) -> bool:
    """Whether two logins are one person's: the forge knows no difference of case."""
    return one.casefold() == other.casefold()
