"""What the forge shows of a pull request -> `Pull`, plain values."""

from collections.abc import Callable, Iterable, Mapping

from notemill.ci.http import Server
from notemill.ci.steward import forge as forge_api
from notemill.ci.steward.facts import LINK, Entry, Pull, Reason, Review, Tree, same
from notemill.ci.steward.forge import TooMuch
from notemill.ci.steward.importing import imported, places
from notemill.ci.steward.paths import PIPELINE, changed, touched
from notemill.ci.steward.pipeline import DATA, Rules, Unreadable, loosened, read_rules
from notemill.ci.steward.targets import FILE as TARGETS
from notemill.ci.steward.targets import named
from notemill.ci.steward.words import closure, used, within

MOST_KEPT = 200
MOST_BYTES = 1_000_000  # of a notebook or module


class Looks:
    """Looks at pull requests; what two commits differ in does not change, and is kept."""

    def __init__(self, forge: Server, me: str):
        self.forge, self.me, self.kept = forge, me, {}

    def pull(self, slug: str, raw: Mapping, main: str) -> Pull:
        """`main`: the default branch, whose rules hold for every pull request."""
        head, author = raw["head"], raw["user"]["login"]
        is_writer = self.members(slug)
        own = bool(head.get("repo")) and same(head["repo"]["full_name"], slug) and not head["ref"].startswith("refs/")
        return Pull(
            raw["number"], head["sha"], raw["base"]["ref"], author, title=raw["title"], member=is_writer(author),
            own_branch=own, draft=bool(raw.get("draft")), mergeable=bool(raw.get("mergeable")),
            authors=self.authors(slug, raw["number"]), reviews=self.reviews(slug, raw["number"], is_writer),
            loosens=self.loosens(slug, raw, main))

    def members(self, slug: str) -> Callable[[str], bool]:
        """Who may write, asked once each."""
        listed, known = forge_api.writers(self.forge, slug), {}

        def is_writer(login: str) -> bool:
            name = login.casefold()
            if name not in known:
                told = forge_api.writes(self.forge, slug, login)
                known[name] = any(same(login, one) for one in listed) if told is None else told
            return known[name] and not same(login, self.me)
        return is_writer

    def authors(self, slug: str, number: int) -> frozenset[str]:
        """Whom the forge takes its commits to be of: by their addresses, which anybody can write."""
        found = forge_api.commits(self.forge, slug, number)
        people = (one.get(role) for one in found for role in ("author", "committer"))
        return frozenset(person["login"] for person in people if person and person.get("login"))

    def reviews(self, slug: str, number: int, is_writer: Callable[[str], bool]) -> tuple[Review, ...]:
        found = [one for one in forge_api.reviews(self.forge, slug, number) if one.get("user")]
        return tuple(Review(one["user"]["login"], one["state"], one["commit_id"], is_writer(one["user"]["login"]),
                            bool(one.get("dismissed"))) for one in found)

    def loosens(self, slug: str, raw: Mapping, main: str) -> tuple[Reason, ...]:
        """Against what it grew from; and where it goes elsewhere than to main, against main too.

        A status belongs to a commit: what is green for a pull request to another branch is green for one to main.
        """
        base, head = raw.get("merge_base"), raw["head"]["sha"]
        if not base:
            return (Reason("has no commit in common with its target"),)
        found = self.differing(slug, base, head)
        if raw["base"]["ref"] != main:
            tip = forge_api.tip(self.forge, slug, main)
            found += tuple(Reason(f"{one.words}, as main sees it", one.what) for one in self.differing(slug, tip, head))
        return found

    def differing(self, slug: str, base: str, head: str) -> tuple[Reason, ...]:
        if (slug, base, head) not in self.kept:
            self.kept[slug, base, head] = self.compared(slug, base, head)
            while len(self.kept) > MOST_KEPT:
                del self.kept[next(iter(self.kept))]
        return self.kept[slug, base, head]

    def compared(self, slug: str, base: str, head: str) -> tuple[Reason, ...]:
        try:
            before, after = (forge_api.tree(self.forge, slug, commit) for commit in (base, head))
            rules = read_rules(self.given(slug, before, PIPELINE))
            files = (*rules.files, *named(self.given(slug, before, TARGETS)))
            reasons = (*touched(before, after, files), *self.modules(slug, rules, before, after),
                       *imported(before, after, rules.notebooks, rules.all_notebooks))
            if before.get(PIPELINE) != after.get(PIPELINE):
                reasons += tuple(loosened(rules, read_rules(self.given(slug, after, PIPELINE))))
            return first_of_each(reasons)
        except TooMuch as error:
            return (Reason(f"cannot be looked through: {error}"),)
        except Unreadable as error:
            return (Reason("has a pipeline.yaml or targets.yaml that cannot be read", str(error)),)

    def modules(self, slug: str, rules: Rules, before: Tree, after: Tree) -> list[Reason]:
        """Changes of modules that the step which makes the held-out data may use."""
        there = places(rules.notebooks)
        paths = [path for path in changed(before, after) if within(path, there)]
        if not paths or not rules.notebooks:
            return []
        names = closure(rules.notebooks, before, lambda path: self.text(slug, before[path]))
        found = [path for path in paths if names is None or used(path, names, there)]
        return [Reason(f"{DATA}: a module that it may use", path) for path in found]

    def text(self, slug: str, entries: frozenset[Entry]) -> bytes:
        """Of a file that is not too long; Raises TooMuch."""
        (entry, *others) = entries
        if others or entry.mode == LINK or entry.size > MOST_BYTES:
            raise TooMuch("a file of the step that makes the held-out data is too long, or none")
        return forge_api.content(self.forge, slug, entry)

    def given(self, slug: str, tree: Tree, path: str) -> bytes | None:
        """A file of rules; None where there is none. Raises Unreadable."""
        entries = tree.get(path)
        if not entries:
            return None
        (entry, *others) = entries
        if others or entry.mode == LINK or not entry.mode.startswith("100"):
            raise Unreadable(f"{path} is no file")
        if entry.size > MOST_BYTES:
            raise Unreadable(f"{path} is too long")
        return forge_api.content(self.forge, slug, entry)


def first_of_each(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """What is guarded for several reasons is told once."""
    kept: dict[str, Reason] = {}
    for one in reasons:
        kept.setdefault(one.what, one)
    return tuple(kept.values())
