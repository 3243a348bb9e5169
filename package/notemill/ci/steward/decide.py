"""A pull request's facts -> what to do: the status of its commit, and whether to ask for the merge."""

from dataclasses import dataclass

from notemill.ci.steward.facts import APPROVED, REJECTED, Pull, Reason, Review, same

SUCCESS, PENDING = "success", "pending"
CONTEXT = "notemill/steward"


@dataclass(frozen=True)
class Decision:
    """`waits`: for what, nothing where it need not; `merge`: ask the forge to merge it once all checks are green."""

    state: str
    words: str
    waits: tuple[Reason, ...] = ()
    merge: bool = False


def decide(pull: Pull, needed: int = 0) -> Decision:
    """`needed`: how many members have to approve each commit that is merged."""
    waits = (*objections(pull), *missing(pull, needed), *outside(pull), *unseen(pull))
    if waits:
        return Decision(PENDING, "waits for a person: " + "; ".join(dict.fromkeys(one.words for one in waits)), waits)
    by = f", approved by {len(approvals(pull))}" if approvals(pull) else ""
    return Decision(SUCCESS, f"nothing here needs a person's eyes{by}" if not pull.loosens else
                    "a member other than the author has approved this very commit",
                    merge=pull.member and pull.own_branch and not pull.draft)


def latest(pull: Pull) -> dict[str, Review]:
    """Each reviewer's last word; comments are none. In the order in which they were given."""
    words = (one for one in pull.reviews if one.state in (APPROVED, REJECTED) and one.writer and not one.dismissed)
    return {one.login.casefold(): one for one in words}


def approvals(pull: Pull) -> list[str]:
    """Members other than the author who approved exactly this commit."""
    return [one.login for one in latest(pull).values()
            if one.state == APPROVED and one.commit == pull.head and not same(one.login, pull.author)]


def objections(pull: Pull) -> list[Reason]:
    return [Reason("a member asks for changes", one.login) for one in latest(pull).values() if one.state == REJECTED]


def missing(pull: Pull, needed: int) -> list[Reason]:
    there = len(approvals(pull))
    return [Reason(f"{there} of {needed} approvals of this commit")] if there < needed else []


def outside(pull: Pull) -> list[Reason]:
    """Of somebody who may not write here: a member has to have looked, whatever it changes."""
    if pull.member or approvals(pull):
        return []
    return [Reason("its author may not write here, so a member has to approve this commit")]


def unseen(pull: Pull) -> tuple[Reason, ...]:
    """What loosens a rule, unless somebody has approved it who wrote none of it."""
    others = [login for login in approvals(pull) if not any(same(login, one) for one in pull.authors)]
    return () if others else pull.loosens
