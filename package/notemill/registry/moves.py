"""The moves of a champion: what is decided from the ledger as it stands. Nothing is read or written here."""

from collections.abc import Mapping

from notemill.errors import NotemillError, UsageError
from notemill.registry.ledger import Ledger
from notemill.registry.people import same_person
from notemill.registry.records import digest_of

RISKS = ("low", "medium", "high")
APPROVE = "notemill approve {version} --by 'NAME <ADDRESS>' --reason '...'"


def stricter(*risks: str | None) -> str:
    """The highest of some risks; None counts as low."""
    return max((risk or "low" for risk in risks), key=RISKS.index)


def facts_of(manifest: Mapping, made: Mapping) -> dict:
    """What an entry says of the version that it is about."""
    return {"version": manifest["version"], "content": manifest["content"], "manifest": digest_of(manifest),
            "run": manifest["run"], "verdict": manifest["files"]["verdict.json"], "author": made.get("author")}


def promote(ledger: Ledger, manifest: Mapping, verdict: Mapping, risk: str, by: str, reason: str | None,
            made: Mapping | None = None) -> dict | None:
    """The version becomes the champion; None where it is already.

    `made`: commit, dirty and author of its making, where it was made again since it was registered.
    """
    made = made or manifest
    champion = ledger.champion
    if champion and champion["content"] == manifest["content"]:
        return None
    if risk == "high":
        check_approved(ledger, manifest, made)
    return {"move": "promote", "by": by, "reason": reason, "from": champion and champion["version"], "risk": risk,
            "notes": notes_on(ledger, manifest, verdict), **facts_of(manifest, made)}


def check_approved(ledger: Ledger, manifest: Mapping, made: Mapping) -> None:
    """Raise NotemillError unless somebody else than the commit's author approved exactly this content."""
    where, author = f"version {manifest['version']} of '{ledger.name}'", made.get("author")
    check_known(where, made)
    given = ledger.approvals(manifest["content"])
    if not any(not same_person(entry["by"], author) for entry in given):
        own = f"; {given[0]['by']} counts as the author" if given else ""
        raise NotemillError(where, "has a high risk, and nobody has approved it",
                            f"somebody else than the commit's author, {author}{own}",
                            APPROVE.format(version=manifest["version"]))


def check_known(where: str, made: Mapping) -> None:
    """Raise NotemillError where nobody can be said to be the author."""
    if unknown := nobody(made):
        raise NotemillError(where, f"has a high risk, and {unknown}", "somebody else than the author has to approve it",
                            "commit what it is made from, then notemill run --force, notemill register: if that gives "
                            "the same content, it counts as made from that commit")


def nobody(manifest: Mapping) -> str | None:
    """Why it cannot be said who is the author of what a version was made from; None where it can."""
    if not manifest.get("commit"):
        return "was made outside a git repository, or before its first commit: it has no author"
    if manifest.get("dirty"):
        return "was made with changes that no commit has: it cannot be said who made them"
    return None if manifest.get("author") else "the author of its commit is not known"


def notes_on(ledger: Ledger, manifest: Mapping, verdict: Mapping) -> list[str]:
    """What somebody should know who reads of this promotion later."""
    now = ledger.champion and f"version {ledger.champion['version']}"
    then = verdict.get("champion")
    notes = []
    if now and then != now:
        beside = f"beside {then}" if then else "when there was no champion"
        notes.append(f"its verdict was given {beside}; the champion that it follows is {now}")
    if left := ledger.left.get(manifest["content"]):
        notes.append(f"it was the champion before, until the rollback of {left['at'][:16].replace('T', ' ')}")
    return notes


def rollback(ledger: Ledger, seen: int, by: str, reason: str | None) -> dict:
    """Back to the champion before. `seen`: the number of the promotion that was to be undone."""
    champion = check_seen(ledger, seen)
    if len(ledger.line) < 2:
        raise UsageError(f"the champion of '{ledger.name}', version {champion['version']}", "has none before it",
                         hint="notemill rollback --retire --reason '...' leaves no champion")
    facts = {name: ledger.line[-2][name] for name in ("version", "content", "manifest", "run", "verdict", "author",
                                                      "risk")}
    return {"move": "rollback", "by": by, "reason": reason, "from": champion["version"], "notes": [], **facts}


def retire(ledger: Ledger, seen: int, by: str, reason: str) -> dict:
    """There is no champion any more: what comes next is compared with none. `seen` as for `rollback`."""
    champion = check_seen(ledger, seen)
    nothing = dict.fromkeys(("version", "content", "manifest", "run", "verdict", "author", "risk"))
    return {"move": "retire", "by": by, "reason": reason, "from": champion["version"], "notes": [], **nothing}


def check_seen(ledger: Ledger, seen: int) -> Mapping:
    """The champion. Raises UsageError unless it still is the one of the promotion with that number."""
    champion = check_champion(ledger)
    if champion["number"] != seen:
        raise UsageError(f"the champion of '{ledger.name}'", "was moved by somebody else meanwhile: it is version "
                         f"{champion['version']}", hint="look at it (notemill ledger), and say it again")
    return champion


def check_champion(ledger: Ledger) -> Mapping:
    if ledger.champion is None:
        raise UsageError(f"'{ledger.name}'", "has no champion", hint="notemill promote VERSION")
    return ledger.champion


def approve(ledger: Ledger, manifest: Mapping, risk: str, by: str, reason: str,
            made: Mapping | None = None) -> dict | None:
    """Somebody has looked at this content and answers for it; None where the same person has said so already.

    `made` as for `promote`.
    """
    made = made or manifest
    author = made.get("author")
    if risk == "high":
        check_known(f"version {manifest['version']} of '{ledger.name}'", made)
    if author and same_person(by, author):
        raise UsageError(f"version {manifest['version']} of '{ledger.name}'", f"'{by}' is the author of its commit, "
                         f"or has the name or address in common: {author}", "an approval is somebody else's")
    if any(same_person(by, entry["by"]) for entry in ledger.approvals(manifest["content"])):
        return None
    return {"move": "approve", "by": by, "reason": reason, "from": ledger.champion and ledger.champion["version"],
            "risk": risk, "notes": [], **facts_of(manifest, made)}
