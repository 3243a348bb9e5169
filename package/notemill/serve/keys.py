"""Keys that let in: made here, shown once, kept as hashes (they are long and random: a plain hash is enough)."""

import hashlib
import hmac
import os
import re
import secrets
import time
from pathlib import Path

LINE = re.compile(r"(?P<name>[\w.-]{1,64}) sha256:(?P<digest>[0-9a-f]{64})")
NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
PREFIX = "nm_"  # so that scanners of secrets know one
AGAIN = 1.0  # seconds after which the file is looked at again: a key that is removed lets nobody in any more


class KeyFileError(Exception):
    """The file of keys cannot be used; why, in words."""


class Keys:
    """The keys of a file, which may change while the service runs."""

    def __init__(self, path: Path):
        self.path, self.state, self.looked = path, None, 0.0
        self.digests: list[bytes] = []
        self.look()

    def admits(self, authorization: bytes) -> bool:
        """Whether it is `Bearer KEY` with one of the keys. Every one is compared, in constant time."""
        if time.monotonic() - self.looked > AGAIN:
            self.look_again()
        scheme, _, key = authorization.partition(b" ")
        digest = hashlib.sha256(key.strip()).digest()
        found = False
        for known in self.digests:
            found |= hmac.compare_digest(known, digest)
        return found and scheme.lower() == b"bearer"

    def look_again(self) -> None:
        try:
            self.look()
        except KeyFileError:  # being written, or gone: nobody new is let in, nobody is shut out by a slip
            self.looked = time.monotonic()

    def look(self) -> None:
        """Read the file if it is another than before. Raises KeyFileError."""
        self.looked = time.monotonic()
        try:
            about = self.path.stat()
            state = (about.st_mtime_ns, about.st_size, about.st_ino)
            if state != self.state:
                self.digests, self.state = read_keys(self.path), state
        except OSError as error:
            raise KeyFileError(f"{self.path}: {error.strerror}") from None


def read_keys(path: Path) -> list[bytes]:
    """The hashes. Raises KeyFileError, OSError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: is no file of keys") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    found = []
    for number, line in lines:
        match = LINE.fullmatch(line)
        if not match:
            raise KeyFileError(f"{path}: line {number} is not `NAME sha256:DIGEST`; make one with --new-key NAME")
        found.append(bytes.fromhex(match["digest"]))
    if not found:
        raise KeyFileError(f"{path}: has no key in it; make one with --new-key NAME")
    return found


def add_key(path: Path, name: str) -> str:
    """A new key, its hash appended to the file, which nobody else may read. Raises KeyFileError."""
    if not NAME.fullmatch(name):
        raise KeyFileError(f"'{name}': a key's name has letters, digits, '.', '_' and '-'")
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if any(line.split(" ")[0] == name for line in before.splitlines()):
            raise KeyFileError(f"{path}: has a key '{name}' already: take its line away first")
        key = PREFIX + secrets.token_urlsafe(32)
        gap = "" if before.endswith("\n") or not before else "\n"
        with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{gap}{name} sha256:{hashlib.sha256(key.encode()).hexdigest()}\n")
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    return key
