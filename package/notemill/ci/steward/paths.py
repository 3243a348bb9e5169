"""Which files decide what a build is, so that a change of them waits for a person."""

import unicodedata
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from notemill.ci.steward.facts import FOLDER, LINK, SUBMODULE, Entry, Reason, Tree

PIPELINE = "notebooks/pipeline.yaml"
CI = "what the server runs"
BUILT = "what images are made of"
INSTALLED = "what is installed where main's secrets are, the judge itself included"
JUDGE = "the judge itself"
GIT = "how git reads or lays out the files"
COMPILED = "a program that shows nobody what it does"
# Patterns of whole paths in small letters; * also takes /. Each group says why it is here.
GUARDED = {
    CI: (".drone.*", "noxfile.py", ".ci", ".ci/*", "tox.ini", ".pre-commit-config.yaml", ".flake8", "setup.cfg",
         ".gitea/*", ".forgejo/*", ".github/*", "codeowners", "docs/codeowners"),
    BUILT: ("*dockerfile*", "*.dockerignore", "*compose*.yml", "*compose*.yaml", "deploy/*"),
    INSTALLED: ("setup.py", "pyproject.toml", "constraints*.txt", "requirements*.txt", "*.lock", "pylock*.toml",
                "wheels", "wheels/*", "uv.toml", ".python-version", "pip.conf", "manifest.in", "*.dist-info/*",
                "*.egg-info", "*.egg-info/*", "*.egg-link"),
    # in notemill's own repository the judge, and what deploys, run from these; in a project they would take its place
    JUDGE: ("package/notemill", "package/notemill.*", "package/notemill/*", "*sitecustomize*", "*usercustomize*",
            "*.pth"),
    COMPILED: ("*.py[co]", "*.so", "*.pyd"),   # found beside a source it may run in its place
    GIT: (".gitattributes", "*/.gitattributes", ".gitmodules", ".lfsconfig"),
}
FOLDERS = ("notebooks", ".ci", "wheels", "package", "package/notemill")


def changed(before: Tree, after: Tree) -> dict[str, frozenset[Entry]]:
    """What stands at each path that differs, before or after. A move is a path that goes and one that comes."""
    paths = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    return {path: before.get(path, frozenset()) | after.get(path, frozenset()) for path in sorted(paths)}


def fold(path: str) -> str:
    """As the file system of any machine might take it: without case, odd spaces, characters that nobody sees."""
    text = unicodedata.normalize("NFKC", path).casefold().replace("\\", "/")
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc", "Mn") and not c.isspace())
    return "/".join(part.rstrip(".") or part for part in text.split("/"))


def touched(before: Tree, after: Tree, more: Iterable[tuple[str, str]] = ()) -> Iterator[Reason]:
    """Why a person has to look at these changes. `more`: (pattern, why) of this project."""
    for path, entries in changed(before, after).items():
        modes = {entry.mode for entry in entries}
        if SUBMODULE in modes:
            yield Reason("adds or changes a submodule", path)
        elif LINK in modes:
            yield Reason("adds or changes a link to another place", path)
        elif modes != {FOLDER}:
            yield from because(path, more)
    yield from linked(after)


def because(path: str, more: Iterable[tuple[str, str]]) -> Iterator[Reason]:
    """At most one reason for one path."""
    folded = fold(path)
    if folded == PIPELINE and path != PIPELINE:
        yield Reason("has a file that some take for the pipeline's", path)
        return
    rules = [(pattern, why) for why, patterns in GUARDED.items() for pattern in patterns]
    for pattern, why in [*rules, *((fold(pattern), why) for pattern, why in more)]:
        if fnmatchcase(folded, pattern):
            yield Reason(f"changes {why}", path)
            return


def linked(tree: Tree) -> Iterator[Reason]:
    """Links that stand where guarded files are looked for: what they lead to is guarded by no name."""
    for path, entries in tree.items():
        if any(entry.mode == LINK for entry in entries):
            folded = fold(path)
            if folded in FOLDERS or folded.startswith("notebooks/") or any(because(path, ())):
                yield Reason("has a link where the rules are looked for", path)
