"""The checks of two verdicts, side by side, and what the gate found between the two models."""

from collections.abc import Mapping
from dataclasses import dataclass

from notemill.gate.verdict import NOT_ASKED, as_part, is_number, parts_of
from notemill.text import number

COMPARED = ("outcome", "figure", "low", "high", "n", "limit")
IN_METRIC = ("metric", "floor", "dummy", "baseline", "champion", "slices", "training.gap")  # figures of the metric


@dataclass(frozen=True)
class CheckPair:
    """A check, or a part of one, as both verdicts have it; None where one has none.

    `of`: what each side's figure is of, where they are of different things: no pair.
    """

    name: str
    left: Mapping | None
    right: Mapping | None
    parts: tuple["CheckPair", ...] = ()
    of: tuple[str, str] = ("", "")

    @property
    def differs(self) -> bool:
        return any(part.differs for part in self.parts) or values(self.left) != values(self.right)

    @property
    def changed(self) -> bool:
        """Whether more than figures differs: the outcome, or the limit; what one has alone, where it did not pass."""
        sides = [side for side in (self.left, self.right) if side]
        outcomes = {side.get("outcome") for side in sides}
        limits = {side["limit"] for side in sides if side.get("limit") is not None}
        alone = len(sides) == 1 and not outcomes <= {"passed", NOT_ASKED}
        return any(part.changed for part in self.parts) or len(outcomes) > 1 or len(limits) > 1 or alone

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
    metrics = tuple(str((side or {}).get("metric")) for side in (left, right))
    return tuple(pair_check(name, before.get(name), after.get(name), metrics)
                 for name in [*after, *(name for name in before if name not in after)])


def pair_check(name: str, left: Mapping | None, right: Mapping | None, metrics: tuple[str, str]) -> CheckPair:
    """Both sides of a check, and what their figures are of, where they are of different things."""
    other = metrics if name in IN_METRIC and metrics[0] != metrics[1] else ("", "")
    of = other if any(other) else figures_of(left, right)
    return CheckPair(name, plain(left), plain(right), pair_parts(left, right, other), of)


def figures_of(left: Mapping | None, right: Mapping | None) -> tuple[str, str]:
    """The parts that the figures of both are those of; empty where it is one and the same, or nobody says."""
    names = [figure_names(side) if side else [] for side in (left, right)]
    one = not all(names) or any(name in names[1] for name in names[0])
    return ("", "") if one else (names[0][0], names[1][0])


def figure_names(check: Mapping) -> list[str]:
    """The parts that have the very figures of their check: it took them from there."""
    own, given = plain(check), check.get("details")
    parts = given.get("parts") if isinstance(given, Mapping) else None
    found = [as_part(part) for part in (parts if isinstance(parts, list) else []) if isinstance(part, Mapping)]
    return [part["name"] for part in found if own["figure"] is not None and part["name"]
            and all(part[key] == own[key] for key in COMPARED[1:])]


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


def pair_parts(left: Mapping | None, right: Mapping | None, of: tuple[str, str]) -> tuple[CheckPair, ...]:
    before, after = ({part["name"]: part for part in parts_of(side)} if side else {} for side in (left, right))
    names = [*after, *(name for name in before if name not in after)]
    return tuple(CheckPair(name, plain(before.get(name)), plain(after.get(name)), of=of) for name in names)


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
