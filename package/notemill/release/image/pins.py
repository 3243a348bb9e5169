"""The exact distributions of an image, each with its hashes: resolved here, before the build, and kept."""

import email
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from notemill import distribution
from notemill.errors import NotemillError, UsageError
from notemill.files import canonical_json, sha256_text, write_atomic
from notemill.release.image.base import Base
from notemill.release.image.command_line import without_login
from notemill.release.image.source import Source
from notemill.text import printable

EXTRAS = {False: ("serve",), True: ("serve", "demo")}  # of notemill, by whether the demo is in the image
CONSTRAINTS = "constraints.txt"
MANYLINUX = ("2014", "_2_17", "_2_24", "_2_26", "_2_27", "_2_28")
MOST_WORDS = 1500


def pinned(source: Source, own: bytes, base: Base, demo: bool, root: Path | None, folder: Path,
           environ: Mapping[str, str], told: Callable[[str], None]) -> bytes:
    """requirements.txt with hashes, for the base's Python. `own`: notemill's wheel; `folder`: where lists are kept."""
    needs = sorted({*source.needs, *extras_of(own, EXTRAS[demo])})
    limits = sorted(constraints(source.facts["trained_with"], root))
    key = sha256_text(canonical_json([needs, limits, base.short, base.machine]))[:32]
    kept = folder / f"{key}.txt"
    if not kept.is_file():
        told("pinning what it needs")
        write_atomic(kept, resolved(needs, limits, base, environ))
    return kept.read_bytes()


def extras_of(wheel: bytes, extras: Iterable[str]) -> Iterator[str]:
    """What a wheel needs for its extras alone."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        about = email.message_from_bytes(archive.read(name))
    for line in about.get_all("Requires-Dist") or ():
        what, _, condition = (part.strip() for part in line.partition(";"))
        for extra in extras:
            asked = re.search(rf"""(?:\s*\band\s*)?extra == (['"]){extra}\1""", condition)
            if asked:
                rest = condition.replace(asked[0], "").strip()
                yield f"{what} ; {rest}" if rest else what


def constraints(trained_with: Mapping[str, str], root: Path | None) -> Iterator[str]:
    """The very versions of training; of all else those that the project, or notemill, is tested with."""
    yield from (f"{name}=={version}" for name, version in trained_with.items())
    file = root / CONSTRAINTS if root else None
    text = file.read_text(encoding="utf-8") if file and file.is_file() else distribution.constraints().decode()
    trained = {normal(name) for name in trained_with}
    for line in text.splitlines():
        found = re.match(r"([A-Za-z0-9][\w.-]*)\s*==", line)
        if found and normal(found[1]) not in trained:
            yield line.partition(" #")[0].strip()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def resolved(needs: Iterable[str], limits: Iterable[str], base: Base, environ: Mapping[str, str]) -> str:
    """By uv where it is installed, else by pip."""
    with tempfile.TemporaryDirectory(prefix="notemill-") as name:
        folder = Path(name)
        (folder / "needs.txt").write_text("\n".join(needs) + "\n", encoding="utf-8")
        (folder / "limits.txt").write_text("\n".join(limits) + "\n", encoding="utf-8")
        if uv := shutil.which("uv", path=environ.get("PATH")) or beside("uv"):
            return by_uv(uv, folder, base, environ)
        return by_pip(folder, base, environ)


def beside(name: str) -> str | None:
    """A program of this environment, which need not be on the PATH."""
    return shutil.which(name, path=str(Path(sys.executable).parent))


def by_uv(uv: str, folder: Path, base: Base, environ: Mapping[str, str]) -> str:
    given = {"UV_DEFAULT_INDEX": environ["PIP_INDEX_URL"]} if environ.get("PIP_INDEX_URL") else {}
    run([uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--generate-hashes", "--only-binary", ":all:",
         "--python-version", base.short, "--python-platform", f"{base.machine}-manylinux_2_28", "--python",
         sys.executable, "--constraint", "limits.txt", "--output-file", "pins.txt", "needs.txt"],
        folder, {**given, **environ})
    return (folder / "pins.txt").read_text(encoding="utf-8")


def by_pip(folder: Path, base: Base, environ: Mapping[str, str]) -> str:
    platforms = [word for one in MANYLINUX for word in ("--platform", f"manylinux{one}_{base.machine}")]
    run([sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--only-binary", ":all:",
         "--python-version", base.short, *platforms, "--target", "nowhere", "--constraint", "limits.txt",
         "--requirement", "needs.txt", "--report", "report.json"], folder, environ)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    lines = [f"{normal(one['metadata']['name'])}=={one['metadata']['version']} \\\n    --hash=sha256:"
             f"{one['download_info']['archive_info']['hashes']['sha256']}\n" for one in report["install"]]
    return "".join(sorted(lines))


def run(words: list[str], folder: Path, environ: Mapping[str, str]) -> None:
    done = subprocess.run(words, cwd=folder, env={**os.environ, **environ}, stdin=subprocess.DEVNULL,
                          capture_output=True)
    said = done.stderr.decode(errors="replace")
    if done.returncode and "No module named pip" in said:
        raise UsageError("notemill image", "neither uv nor pip is installed here, and one of them has to pin what the "
                         "image needs", hint="pip install uv")
    if done.returncode:
        words = "\n  ".join(printable(without_login(line)) for line in said.strip()[-MOST_WORDS:].splitlines())
        raise NotemillError("what the image needs", f"cannot be pinned\n  {words}",
                            hint="all of it must be there as wheels; constraints.txt may be too narrow")
