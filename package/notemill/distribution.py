"""Notemill itself as a wheel: from the checkout that runs, else put together again from the installed files.

That needs neither network nor build tools, and the same files give the same bytes. What was installed is checked
against the list that its installer left (RECORD): nobody passes on what somebody changed in place.
"""

import base64
import csv
import email
import hashlib
import io
import re
import tomllib
import zipfile
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path

import notemill
from notemill.errors import NotemillError
from notemill.wheel import wheel_bytes

NAME = "notemill"
HERE = Path(notemill.__file__).resolve().parent
CHECKOUT = HERE.parents[1]              # the repository, where notemill runs from one
PACKED = HERE / "init" / "starter"      # where setup.py puts files of the repository in a wheel
SHARED = HERE / "init" / "shared.txt"   # their names, for setup.py too
CONSTRAINTS = "constraints.txt"         # one of them
DAY = datetime(1980, 1, 1)              # the first that a zip file knows
LEFT_OUT = {"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json",
            "uv_build.json", "WHEEL"}
METHODS = ("sha256", "sha384", "sha512")
AGAIN = "install it again: pip install --force-reinstall notemill"


def own_wheel() -> tuple[str, bytes]:
    """(file name, content): as it is installed, under its own version; as `local_wheel` from a checkout.

    Raises NotemillError for an installation that is not whole.
    """
    if in_checkout():
        return local_wheel()
    installed = find_installed()
    return _packed(*_installed_files(installed), installed.version)


def local_wheel() -> tuple[str, bytes]:
    """The same under a version with the digest of its content: no index has it, another state has another."""
    files, info = (_checkout_files(), _checkout_info()) if in_checkout() else _installed_files(find_installed())
    info = {**info, "METADATA": _with_version(info["METADATA"], "")}
    version = f"{notemill.__version__.partition('+')[0]}+w{_digest({**files, **info})[:12]}"
    return _packed(files, {**info, "METADATA": _with_version(info["METADATA"], version)}, version)


def index_version() -> str | None:
    """The version that an index has, where notemill came from one."""
    if in_checkout():
        return None
    installed = find_installed()
    direct = installed.read_text("direct_url.json") is not None or "+" in installed.version
    return None if direct else installed.version


def needs(wheel: bytes, extras: Collection[str] = ()) -> tuple[str, ...]:
    """What a wheel asks for, with these extras of it; a condition on the system stays."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        facts = email.message_from_bytes(archive.read(name))
    return tuple(sorted(need for line in facts.get_all("Requires-Dist", ()) if (need := _wanted(line, extras))))


def constraints() -> bytes:
    """The versions that its tests ran with, of all that it and a project's sessions need: they come in its wheel."""
    return shared_files()[CONSTRAINTS]


def in_checkout() -> bool:
    """Whether notemill runs from a checkout of its repository."""
    return not PACKED.is_dir() and (CHECKOUT / "pyproject.toml").is_file()


def shared_files() -> dict[str, bytes]:
    """What a new project shares with the repository, by path. Raises NotemillError where it is missing."""
    folder = PACKED if PACKED.is_dir() else CHECKOUT
    try:
        return {name: (folder / name).read_bytes() for name in SHARED.read_text(encoding="utf-8").split()}
    except OSError as error:
        raise NotemillError("notemill", f"its installation lacks {error.filename}", hint=AGAIN) from None


def find_installed() -> metadata.Distribution:
    """The distribution that runs here. Raises NotemillError where that is none."""
    try:
        installed = metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        raise NotemillError("notemill", "is not installed as a distribution: its version is not known",
                            hint="install it with pip or uv") from None
    place = Path(installed.locate_file(f"{NAME}/__init__.py")).resolve().parent  # a file, as uv may link each
    if place != HERE:
        raise NotemillError("notemill", f"runs from {HERE}, and {installed.version} is installed in {place.parent}",
                            "one of them", "take the other off PYTHONPATH, or run it from a checkout")
    return installed


def _packed(files: Mapping[str, bytes], info: Mapping[str, bytes], version: str) -> tuple[str, bytes]:
    folder = f"{NAME}-{version}.dist-info"
    named = {f"{folder}/{name}": content for name, content in info.items()}
    wheel = wheel_bytes({**files, **named}, folder, NAME, DAY, compressed=True)
    return f"{NAME}-{version}-py3-none-any.whl", wheel


def _installed_files(installed: metadata.Distribution) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """(the package, what its .dist-info says of it), as installed and unchanged since."""
    files, info = {}, {}
    for name, digest in _recorded(installed):
        folder, _, rest = name.partition("/")
        if folder == NAME and "__pycache__" not in name:
            files[name] = _unchanged(installed, name, digest)
        elif folder.endswith(".dist-info") and rest not in LEFT_OUT:
            info[rest] = _unchanged(installed, name, digest)
    if f"{NAME}/__init__.py" not in files or "METADATA" not in info:
        raise NotemillError("notemill", "the list of its installed files is not whole", hint=AGAIN)
    return files, info


def _recorded(installed: metadata.Distribution) -> Iterator[tuple[str, str]]:
    """(path, digest) of each line of RECORD that stays inside; scripts, which an installer makes, are outside."""
    text = installed.read_text("RECORD")
    if text is None:
        raise NotemillError("notemill", "was installed without a list of its files (RECORD)",
                            hint="install it with pip or uv")
    for name, digest, *_ in (row for row in csv.reader(io.StringIO(text)) if len(row) > 1):
        if not {"..", ""} & set(name.split("/")):
            yield name, digest


def _unchanged(installed: metadata.Distribution, name: str, said: str) -> bytes:
    place = Path(installed.locate_file(name))
    try:
        content = place.read_bytes()
    except OSError as error:
        raise NotemillError(str(place), f"is of notemill's installation, and cannot be read: {error.strerror}",
                            hint=AGAIN) from None
    method, _, digest = said.partition("=")
    if method not in METHODS or digest.rstrip("=") != _base64(hashlib.new(method, content).digest()):
        raise NotemillError(str(place), "is not as it was installed", hint=AGAIN)
    return content


def _base64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _checkout_files() -> dict[str, bytes]:
    """The package as a wheel holds it, the repository's shared files with it."""
    kept = (path for path in HERE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files = {f"{NAME}/{path.relative_to(HERE).as_posix()}": path.read_bytes() for path in kept}
    inside = PACKED.relative_to(HERE).as_posix()
    return files | {f"{NAME}/{inside}/{name}": content for name, content in shared_files().items()}


def _checkout_info() -> dict[str, bytes]:
    """What a .dist-info says, from the checkout's pyproject.toml."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    lines = ["Metadata-Version: 2.4", f"Name: {NAME}", "Version: ", f"Summary: {project['description']}",
             f"License-Expression: {project['license']}", "License-File: LICENSE",
             f"Requires-Python: {project['requires-python']}",
             *(f"Requires-Dist: {need}" for need in project["dependencies"])]
    for extra, wanted in extras.items():
        lines += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {_in_extra(need, extra)}" for need in wanted)]
    return {"METADATA": ("\n".join(lines) + "\n").encode(),
            "entry_points.txt": "\n".join(_entry_points(project)).encode(),
            "licenses/LICENSE": (CHECKOUT / "LICENSE").read_bytes()}


def _in_extra(need: str, extra: str) -> str:
    """A requirement that holds only where the extra is asked for; it may have a condition of its own."""
    what, _, condition = (part.strip() for part in need.partition(";"))
    asked = f'extra == "{extra}"'
    return f"{what} ; ({condition}) and {asked}" if condition else f"{what} ; {asked}"


def _wanted(line: str, extras: Collection[str]) -> str | None:
    """The other way round: the requirement without its extra, where that is among those asked for."""
    what, _, condition = (part.strip() for part in line.partition(";"))
    asked = re.search(r"""(?:\s+and\s+|^)extra\s*==\s*["']([\w.-]+)["']$""", condition)
    if asked is None:
        return line
    condition = condition[:asked.start()]
    return (f"{what} ; {condition}" if condition else what) if asked[1] in extras else None


def _entry_points(project: Mapping) -> Iterator[str]:
    """The command, and Papermill's engine."""
    for group, entries in {"console_scripts": project["scripts"], **project["entry-points"]}.items():
        yield f"[{group}]"
        yield from (f"{name} = {target}" for name, target in entries.items())
        yield ""


def _with_version(metadata_text: bytes, version: str) -> bytes:
    return re.sub(rb"(?m)^Version:.*$", f"Version: {version}".encode(), metadata_text, count=1)


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return digest.hexdigest()
