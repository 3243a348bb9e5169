"""The checks of two verdicts, side by side, and what the gate found between the two models."""

from collections.abc import Mapping
from dataclasses import dataclass

from notemill.gate.verdict import NOT_ASKED, is_number, parts_of
from notemill.text import number

COMPARED = ("outcome", "figure", "low", "high", "n", "limit")


@dataclass(frozen=True)
class CheckPair:
    """A check, or a part of one, as both verdicts have it; None where one has none."""

    name: str
    left: Mapping | None
    right: Mapping | None
    parts: tuple["CheckPair", ...] = ()

    @property
    def differs(self) -> bool:
        return any(part.differs for part in self.parts) or values(self.left) != values(self.right)

    @property
    def asked(self) -> bool:
        """Whether one of the two asked for it."""
        return any(side and side.get("outcome") != NOT_ASKED for side in (self.left, self.right))


def values(check: Mapping | None) -> list | None:
    """What of a check makes it another one; the words of its hint do not."""
    return check and [check.get(key) for key in COMPARED]


def pair_checks(left: Mapping | None, right: Mapping | None) -> tuple[CheckPair, ...]:
    """All checks of both verdicts, in the order of the later one."""
    before, after = by_name(left), by_name(right)
    names = [*after, *(name for name in before if name not in after)]
    return tuple(CheckPair(name, plain(before.get(name)), plain(after.get(name)),
                           pair_parts(before.get(name), after.get(name))) for name in names)


def by_name(verdict: Mapping | None) -> dict[str, Mapping]:
    checks = (verdict or {}).get("checks")
    found = [check for check in checks if isinstance(check, Mapping)] if isinstance(checks, list) else []
    return {str(check.get("check")): check for check in found}


def plain(check: Mapping | None) -> dict | None:
    """Its figures, outcome and hint: what is no number is none."""
    if check is None:
        return None
    numbers = {key: check.get(key) if is_number(check.get(key)) else None for key in COMPARED[1:]}
    hint = check.get("hint")
    return {"check": str(check.get("check", check.get("name"))), "outcome": check.get("outcome"), **numbers,
            "hint": None if hint is None else str(hint)}


def pair_parts(left: Mapping | None, right: Mapping | None) -> tuple[CheckPair, ...]:
    before, after = ({part["name"]: part for part in parts_of(side)} if side else {} for side in (left, right))
    names = [*after, *(name for name in before if name not in after)]
    return tuple(CheckPair(name, plain(before.get(name)), plain(after.get(name))) for name in names)


# the difference between the two
@dataclass(frozen=True)
class Between:
    """What may be said of the difference. `check` is the gate's paired comparison, if one was made against the other:
    `ours` the version that was judged, `theirs` the champion then."""

    words: str
    check: Mapping | None = None
    ours: int | None = None
    theirs: int | None = None


def between(left: tuple[int, Mapping | None], right: tuple[int, Mapping | None]) -> Between:
    """For (number, verdict) of both."""
    if left[0] == right[0]:
        return Between("It is one and the same version.")
    for (ours, verdict), (theirs, _) in ((right, left), (left, right)):
        given = by_name(verdict).get("champion")
        check = plain(given)
        against = (verdict or {}).get("champion") == f"version {theirs}"
        if against and check and check["figure"] is not None:
            check["least"] = least_of(given)
            return Between(paired_words(ours, theirs, verdict, check), check, ours, theirs)
    return Between(caution(left[1], right[1]))


def least_of(check: Mapping) -> float | None:
    """How much better the judged version is at the least, 95 % sure: what is held against the limit."""
    details = check.get("details")
    least = details.get("least") if isinstance(details, Mapping) else None
    return least if is_number(least) else None


def paired_words(ours: int, theirs: int, verdict: Mapping, check: Mapping) -> str:
    gap = check["figure"]
    sense = "the same" if gap == 0 else f"{number(abs(gap))} {'better' if gap > 0 else 'worse'}"
    rows = f", paired, on the same {number(check['n'])} rows" if check["n"] is not None else ", paired"
    return (f"Version {ours} against version {theirs}: {verdict.get('metric')} {sense}{rows}{ends_words(check)}"
            f"{limit_words(check)}.{certainty(check)} So the gate found when it judged version {ours}.")


def certainty(check: Mapping) -> str:
    """What the interval says of which is better; of an old verdict's one-sided bounds nothing is said."""
    low, high = check["low"], check["high"]
    if None in (low, high, check["least"]):
        return ""
    if low <= 0 <= high:
        return " Which of the two is better these rows cannot tell."
    return f" By this interval it is {'better' if low > 0 else 'worse'}."


def ends_words(check: Mapping) -> str:
    if None in (check["low"], check["high"]):
        return ""
    what = "each end a 95 % bound" if check["least"] is None else "95 % interval"
    return f" ({what}: {number(check['low'])} to {number(check['high'])}; above 0 is better)"


def limit_words(check: Mapping) -> str:
    if check["limit"] is None:
        return ""
    least = "" if check["least"] is None else f"; at the least {number(check['least'])}, 95 % sure,"
    return f"{least} held against the limit {number(check['limit'])}: {check['outcome']}"


def caution(left: Mapping | None, right: Mapping | None) -> str:
    """Why nothing is said of the difference."""
    alone = "Two separate intervals do not tell whether two models differ"
    if not left or not right:
        return f"A verdict is not there any more. {alone}."
    if left.get("metric") != right.get("metric"):
        return f"The figures are of different metrics: {left.get('metric')}, {right.get('metric')}."
    if left.get("data") != right.get("data"):
        return f"They were judged on different held-out rows. {alone}, still less on different rows."
    return (f"They were judged on the same held-out rows, but not against each other. {alone}: the gate compares a "
            "model with the champion, row by row.")
