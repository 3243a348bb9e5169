"""A bucket that speaks S3: credentials, region and endpoint are those of the variables AWS_*."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from notemill.errors import MissingExtra, NotemillError
from notemill.place.refused import Denied

NO_BUCKET = "NoSuchBucket"
PATIENT = {"retry_config": {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}}
HASTY = {"retry_config": {"max_retries": 1, "retry_timeout": timedelta(seconds=3)},
         "client_options": {"connect_timeout": timedelta(seconds=3), "timeout": timedelta(minutes=10)}}
CHECK = "check the bucket's name, and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL"


class Bucket:
    """Objects below a prefix of a bucket."""

    root = None  # there is no folder

    def __init__(self, url: str, what: str = "records", patience: Mapping = PATIENT):
        self.url = url.rstrip("/")
        try:
            import obstore
        except ImportError:
            raise MissingExtra(f"{what} in a bucket", "s3") from None
        options = {"allow_http": plain_endpoint(), **patience.get("client_options", {})}
        with self._told():
            self.store = obstore.store.from_url(self.url, client_options=options,
                                                retry_config=patience["retry_config"])

    def create(self, name: str, data: bytes) -> bool:
        """By a conditional write (If-None-Match). Who is not sure that it came through asks what is there."""
        import obstore

        with self._told(name), contextlib.suppress(obstore.exceptions.AlreadyExistsError):
            obstore.put(self.store, name, data, mode="create", use_multipart=False)
            return True
        return False

    def write(self, name: str, data: bytes) -> None:
        self.put(name, data)

    def put(self, name: str, blocks: Iterable[bytes] | bytes) -> None:
        """In parts where it is large: the bucket shows it when all are there."""
        import obstore

        with self._told(name):
            obstore.put(self.store, name, blocks)

    def read(self, name: str) -> bytes | None:
        found = self._get(name)
        with self._told(name):
            return None if found is None else bytes(found.bytes())

    def blocks(self, name: str) -> Iterator[bytes] | None:
        found = self._get(name)
        return None if found is None else self._blocks(name, found)

    def _blocks(self, name: str, found) -> Iterator[bytes]:
        with self._told(name):
            for block in found.stream():
                yield bytes(block)

    def _get(self, name: str):
        import obstore

        with self._told(name):
            return self._there(lambda: obstore.get(self.store, name))

    def size(self, name: str) -> int | None:
        import obstore

        with self._told(name):
            found = self._there(lambda: obstore.head(self.store, name))
        return found and found["size"]

    def _there(self, ask):
        """None where there is no such object, which is not the same as no such bucket."""
        try:
            return ask()
        except FileNotFoundError as error:
            if NO_BUCKET in str(error):
                raise
            return None

    def names(self, prefix: str) -> list[str]:
        import obstore

        with self._told(prefix):
            return sorted(one["path"] for page in obstore.list(self.store, prefix.strip("/")) for one in page)

    def shown(self, name: str = "") -> str:
        return f"{self.url}/{name}".rstrip("/")

    @contextlib.contextmanager
    def _told(self, name: str = "") -> Iterator[None]:
        """What the bucket refuses, in words: the library's own run over many lines."""
        import obstore

        denied = (PermissionError, obstore.exceptions.PermissionDeniedError, obstore.exceptions.UnauthenticatedError)
        try:
            yield
        except obstore.exceptions.AlreadyExistsError:
            raise
        except (obstore.exceptions.BaseError, OSError, ValueError) as error:
            kind = Denied if isinstance(error, denied) else NotemillError
            raise kind(self.shown(name), " ".join(str(error).split())[:300], hint=CHECK) from None


def plain_endpoint() -> bool:
    """Whether the endpoint that was set speaks http: a server of one's own."""
    return any(os.environ.get(name, "").startswith("http://") for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT"))
