"""Is a word the name of a run or of a version?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from notemill.errors import UsageError, did_you_mean

RUN_END = 4         # characters of a run's end that may stand for it where it could be a version's number
LATEST = "latest"   # MLflow allows no alias of this name


@dataclass(frozen=True)
class Named:
    """What was meant: a run by its whole name, or a version by its number or alias."""

    kind: str
    name: str


def resolve(word: str, project: str, runs: Sequence[str], registered: Callable[[], set[str] | None]) -> Named:
    """The run or version that `word` names. `registered()` gives the numbers and aliases that are registered, None
    where that is not known without asking MLflow: then a run's end is a run, but for a short number.

    Raises UsageError where it could be both, or several runs.
    """
    owner, slash, rest = word.rpartition("/")
    if slash and owner == project:
        return Named("version", rest)
    if word in runs or word == LATEST:
        return Named("run", word)
    ends = [run for run in runs if word and run.endswith(word)]
    known = registered()
    if known is None:
        known = presumed(word, ends)
    if word in known:
        return version_named(word, project, ends)
    if len(ends) == 1:
        return Named("run", ends[0])
    raise unknown(word, project, runs, ends, known)


def presumed(word: str, ends: Sequence[str]) -> set[str]:
    """What to take for registered where MLflow would have to be asked: the word, unless it rather is a run's end."""
    return set() if ends and (len(word) >= RUN_END or not word.isdigit()) else {word}


def version_named(word: str, project: str, ends: Sequence[str]) -> Named:
    """The registered version of that name; a long word that also ends a run could be both."""
    if ends and len(word) >= RUN_END:
        raise ambiguous(word, project, ends)
    return Named("version", word)


def ambiguous(word: str, project: str, ends: Sequence[str]) -> UsageError:
    return UsageError(f"'{word}'", f"is a registered version, and the end of run {ends[-1]}",
                      f"the version is {project}/{word}; a run is meant by its whole name")


def unknown(word: str, project: str, runs: Sequence[str], ends: Sequence[str], known: set[str]) -> UsageError:
    if ends:
        return UsageError(f"run '{word}'", "could be several", f"the last ones are: {', '.join(ends[-5:])}",
                          "name it whole")
    versions = sorted(known, key=lambda name: (not name.isdigit(), name.zfill(9)))
    lists = [f"the last runs are: {', '.join(runs[-5:]) or 'none'}",
             f"the versions and aliases are: {', '.join(versions[-12:]) or 'none'}"]
    return UsageError(f"'{word}'", "is neither a run of this project nor a registered version", "; ".join(lists),
                      did_you_mean(word, [*runs, *known]))
