"""One HTTP/1.1 answer, as its bytes come: no more is understood of it than where it ends."""

HEAD_END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length:"
CHUNKED = b"\r\ntransfer-encoding: chunked"
CLOSES = b"\r\nconnection: close"
LARGEST_HEAD = 64 * 1024


class NoHttp(Exception):
    """What came is no HTTP."""


class Answer:
    """`feed` it until it is whole; then `status`, `closes` (the connection ends with it) and `body` are known."""

    __slots__ = ("data", "begin", "length", "status", "closes", "chunked")

    def __init__(self):
        self.data, self.begin, self.length, self.status, self.closes, self.chunked = b"", 0, None, 0, False, False

    def feed(self, data: bytes) -> bool:
        """Whether it is whole now. Raises NoHttp."""
        self.data = self.data + data if self.data else data
        if not self.status and not self.read_head():
            return False
        if self.chunked:
            return last_chunk(self.data, self.begin)
        return self.length is not None and len(self.data) - self.begin >= self.length

    def read_head(self) -> bool:
        end = self.data.find(HEAD_END)
        if end < 0:
            if not b"HTTP/1.1 ".startswith(self.data[:9]) or len(self.data) > LARGEST_HEAD:
                raise NoHttp
            return False
        head = self.data[:end].lower()
        if not head.startswith(b"http/1.") or not head[9:12].isdigit():
            raise NoHttp
        self.status, self.begin = int(head[9:12]), end + 4
        self.closes = CLOSES in head
        self.chunked = CHUNKED in head
        self.length = length_told(head)
        self.closes |= self.length is None and not self.chunked
        return True

    def ended(self) -> bool:
        """The other side has closed: whether that is how this answer ends."""
        return bool(self.status) and self.length is None and not self.chunked

    @property
    def body(self) -> bytes:
        return self.data[self.begin:]


def length_told(head: bytes) -> int | None:
    begin = head.find(LENGTH)
    if begin < 0:
        return None
    end = head.find(b"\r\n", begin + 2)
    try:
        return int(head[begin + len(LENGTH):end if end > 0 else None])
    except ValueError:
        raise NoHttp from None


def last_chunk(data: bytes, place: int) -> bool:
    """Whether the chunks that begin at `place` have come to their end."""
    while (end := data.find(b"\r\n", place)) >= 0:
        try:
            size = int(data[place:end].partition(b";")[0], 16)
        except ValueError:
            raise NoHttp from None
        if size == 0:
            return data.endswith(b"\r\n\r\n")
        place = end + 2 + size + 2
    return False
