"""The number of a version on a page that was made, and named by its sha256, before the registry gave the number."""

MARK = '<span class="number"></span>'  # its place on the page: texts from outside are escaped, so it is ours alone


def numbered(page: bytes, number: int | None) -> bytes:
    """The page with its version's number; as it is where there is none yet."""
    filled = MARK.replace("><", f"> of version {number}<")
    return page.replace(MARK.encode(), filled.encode(), 1) if number else page
