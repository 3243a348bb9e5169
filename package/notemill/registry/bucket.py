"""Records in a bucket that speaks S3: credentials, region and endpoint are those of the variables AWS_*."""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta

from notemill.errors import MissingExtra, NotemillError

NO_BUCKET = "NoSuchBucket"
PATIENCE = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
CHECK = "check the bucket's name, and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL"


class Bucket:
    """Objects below a prefix of a bucket."""

    root = None  # there is no folder

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        try:
            import obstore
        except ImportError:
            raise MissingExtra("records in a bucket", "s3") from None
        with self._told():
            self.store = obstore.store.from_url(self.url, client_options={"allow_http": plain_endpoint()},
                                                retry_config=PATIENCE)

    def create(self, name: str, data: bytes) -> bool:
        """By a conditional write (If-None-Match). Who is not sure that it came through asks what is there."""
        import obstore

        with self._told(name), contextlib.suppress(obstore.exceptions.AlreadyExistsError):
            obstore.put(self.store, name, data, mode="create", use_multipart=False)
            return True
        return False

    def write(self, name: str, data: bytes) -> None:
        import obstore

        with self._told(name):
            obstore.put(self.store, name, data)

    def read(self, name: str) -> bytes | None:
        import obstore

        with self._told(name):
            try:
                return bytes(obstore.get(self.store, name).bytes())
            except FileNotFoundError as error:
                if NO_BUCKET in str(error):  # not the same as a bucket without that object
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

        try:
            yield
        except obstore.exceptions.AlreadyExistsError:
            raise
        except (obstore.exceptions.BaseError, OSError, ValueError) as error:
            raise NotemillError(self.shown(name), " ".join(str(error).split())[:300], hint=CHECK) from None


def plain_endpoint() -> bool:
    """Whether the endpoint that was set speaks http: a server of one's own."""
    return any(os.environ.get(name, "").startswith("http://") for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT"))
