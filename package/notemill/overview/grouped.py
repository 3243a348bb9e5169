"""Many files in few lines: a folder of many stands for its files."""

from collections.abc import Iterable, Sequence

FEW = 3             # files of a folder that stand by name
DEPTHS = (2, 1)     # of the folders that stand for their files; the first that gives few lines


def grouped(names: Sequence[str], one: str, many: str, most: int) -> list[str]:
    """`a/b.csv (ONE)` for few files of a folder, `a/: 12 MANY` for many; about `most` lines, where folders allow it."""
    found: list[str] = []
    for depth in DEPTHS:
        found = list(lines(names, one, many, depth))
        if len(found) <= most:
            break
    return found


def lines(names: Sequence[str], one: str, many: str, depth: int) -> Iterable[str]:
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault("/".join(name.split("/")[:-1][:depth]), []).append(name)
    for folder, own in folders.items():
        if len(own) > FEW:
            yield f"{f'{folder}/' if folder else 'the project itself'}: {len(own):,} {many}"
        else:
            yield from (f"{name} ({one})" for name in own)
