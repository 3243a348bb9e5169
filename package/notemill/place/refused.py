"""What a place refuses."""

import contextlib
import errno
from collections.abc import Iterator

from notemill.errors import NotemillError

READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


class Denied(NotemillError):
    """Who asks may not do this here."""


@contextlib.contextmanager
def denied_in_words(where: str) -> Iterator[None]:
    """Raise Denied where the system says that nothing may be written at `where`."""
    try:
        yield
    except OSError as error:
        if error.errno in READ_ONLY:
            raise Denied(where, f"cannot be written: {error.strerror}",
                         hint="it may only be read from here") from None
        raise
