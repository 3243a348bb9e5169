"""Texts from data as a card shows them."""

from collections.abc import Iterator, Mapping

from notemill.card.blocks import Say

NOT_RECORDED = "not recorded"
MOST = 2000  # characters of a text from data


def cut(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= MOST else f"{text[:MOST]} ..."


def day(moment: object) -> str:
    return str(moment)[:10] if moment else NOT_RECORDED


def person(author: str | None) -> str:
    """The name alone: a card travels further than an address should."""
    name, _, address = (author or "").partition("<")
    return cut(name.strip() or address.partition("@")[0])


def digest_row(name: str, digest: str | None) -> tuple:
    return (f"sha256 of {name[0].lower()}{name[1:]}", digest or NOT_RECORDED, None)


def declaration(one: object) -> str:
    if isinstance(one, Mapping):
        return f"{one.get('column')} in the bins {', '.join(map(str, one.get('bins') or ()))}"
    return str(one)


def left_out(count: int, file: str) -> Iterator[object]:
    if count > 0:
        yield Say(f"And {count:,} more, which {file} holds.")
