"""What a check found, as it is kept between runs; and the judgement that depends on the day."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from notemill.contract.reading import Contract, parse_moment

FORMAT = 1
CLOCKS = timedelta(days=1)      # clocks and time zones differ: a newest value so far ahead is no mistake


@dataclass(frozen=True)
class Place:
    """A row as the person who holds the table counts it: from 1, headings aside; `line` of the file for CSV."""

    file: str
    row: int
    line: int | None = None


@dataclass(frozen=True)
class Breach:
    """A rule that the table breaks. `places` and `got` are the first few; `count` is of all."""

    rule: str
    message: str
    severity: str = "error"
    column: str | None = None
    limit: object = None
    got: tuple = ()
    places: tuple[Place, ...] = ()
    count: int = 0

    @property
    def rows(self) -> tuple[int, ...]:
        return tuple(place.row for place in self.places)

    def as_json(self) -> dict:
        return {**asdict(self), "got": list(self.got), "rows": list(self.rows),
                "places": [asdict(place) for place in self.places]}


@dataclass(frozen=True)
class CheckResult:
    """All breaches that do not depend on the day, the number of rows, and the newest moment of the freshness column."""

    breaches: tuple[Breach, ...]
    rows: int
    newest: str | None = None

    def as_json(self) -> dict:
        return {"format": FORMAT, "rows": self.rows, "newest": self.newest,
                "breaches": [breach.as_json() for breach in self.breaches]}

    @classmethod
    def from_json(cls, value: Mapping) -> "CheckResult":
        """Raises AttributeError, KeyError, TypeError or ValueError for what `as_json` did not write."""
        if value["format"] != FORMAT:
            raise ValueError(value["format"])
        return cls(tuple(_breach(one) for one in value["breaches"]), value["rows"], value["newest"])


def _breach(value: Mapping) -> Breach:
    fields = {key: item for key, item in value.items() if key != "rows"}
    return Breach(**{**fields, "got": tuple(value["got"]), "places": tuple(Place(**one) for one in value["places"])})


def judge(contract: Contract, result: CheckResult, now: datetime) -> tuple[Breach, ...]:
    """All breaches as of `now` (aware): those found, and that of the freshness."""
    stale = _stale(contract, result, now) if contract.freshness else None
    return (*result.breaches, stale) if stale else result.breaches


def _stale(contract: Contract, result: CheckResult, now: datetime) -> Breach | None:
    column, days = contract.freshness
    newest = parse_moment(result.newest) if result.newest else None
    if newest is None:
        text, got = "there is no newest value", ()
    elif newest > now + CLOCKS:
        text, got = f"the newest value, {_day(newest)}, lies in the future", (result.newest,)
    elif now - newest > timedelta(days=days):
        age = (now - newest) / timedelta(days=1)
        text, got = f"the newest value, {_day(newest)}, is {age:.0f} days old, more than {days:g}", (result.newest,)
    else:
        return None
    severity = "warning" if "freshness" in contract.warn else "error"
    return Breach("freshness", f"column '{column}': {text}", severity, column, days, got)


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
