"""A file that was handed over, looked at before it is used: is it whole, and from whom it should be?"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from notemill import signing
from notemill.errors import NotemillError, UsageError
from notemill.release.archive import verify as archive

KINDS = "a wheel (.whl), or an archive that `notemill export` wrote"


@dataclass(frozen=True)
class Verified:
    """What is wrong, in words; `signed`: None where no key is trusted, and nobody asked."""

    whole: bool
    signed: bool | None
    wrong: list[str]


def verify(path: Path, environ: Mapping[str, str]) -> Verified:
    """Of a wheel or an archive. Raises UsageError where it is neither."""
    if not path.is_file():
        raise UsageError(str(path), "is no file", KINDS)
    if path.suffix == ".whl":
        return with_signatures(archive.answer(wheel_problems, {"": path.read_bytes()}), [path], environ)
    try:
        files, strange = archive.read(path)
    except archive.Unanswerable:
        raise UsageError(str(path), "is no zip archive", KINDS) from None
    wrong = [words for found in archive.examine(files, strange).values() for words in found]
    if wrong:  # who has signed it no longer matters, and its names may be anything
        return Verified(False, False if signing.trusts(environ) else None, wrong)
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        return with_signatures([], laid_out(files, Path(folder)), environ)


def wheel_problems(files: Mapping[str, bytes]) -> Iterator[str]:
    return archive.compare_record(*archive.open_wheel(files[""]))


def laid_out(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    """What an archive has signatures of, with them: the sums and the wheel."""
    names = [archive.SUMS, *(name for name in files if name.startswith("wheel/") and name.endswith(".whl"))]
    for name in names:
        for one in (name, name + archive.SIGNATURE):
            if one in files:
                (folder / Path(one).name).write_bytes(files[one])
    return [folder / Path(name).name for name in names]


def with_signatures(wrong: list[str], paths: list[Path], environ: Mapping[str, str]) -> Verified:
    """And what the trusted key has to say of these files. A key that cannot be used is the caller's mistake."""
    if not signing.trusts(environ):
        return Verified(not wrong, None, wrong)
    refused = [words for path in paths for words in refusal(path, environ)]
    return Verified(not wrong, not refused, wrong + refused)


def refusal(path: Path, environ: Mapping[str, str]) -> Iterator[str]:
    try:
        signing.check(path, environ)
    except UsageError:
        raise
    except NotemillError as error:
        yield f"{path.name} {error.got}"
