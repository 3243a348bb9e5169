"""How a project asks for notemill: by its version from an index, else by a wheel made from what is installed.

The wheel is the installed package, file by file, so that it needs neither network nor build tools. Its version carries
the digest of its content: no index has it, and another state of the code is another version.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path

import notemill
from notemill.errors import NotemillError
from notemill.init import starter
from notemill.wheel import wheel_bytes

NAME = "notemill"
DAY = datetime(1980, 1, 1)      # the first that a zip file knows
LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json", "WHEEL"}


def requirement() -> tuple[str, dict[str, bytes]]:
    """What setup.py asks for, and the wheel that satisfies it as {path in the project: content}; {} with an index."""
    if starter.in_checkout():
        return _vendor(_checkout_info())
    try:
        installed = metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        raise NotemillError("notemill", "is not installed as a distribution: its version is not known",
                            hint="install it with pip or uv") from None
    if installed.read_text("direct_url.json") is None and "+" not in installed.version:
        return f"{NAME}=={installed.version}", {}
    return _vendor(_installed_info(installed))


def _vendor(info: dict[str, bytes]) -> tuple[str, dict[str, bytes]]:
    files = _package_files()
    version = f"{notemill.__version__.partition('+')[0]}+w{_digest({**files, **info})[:12]}"
    metadata_text = info["METADATA"].decode().replace("\nVersion: \n", f"\nVersion: {version}\n", 1)
    folder = f"{NAME}-{version}.dist-info"
    named = {f"{folder}/{name}": content for name, content in
             {**info, "METADATA": metadata_text.encode()}.items()}
    wheel = wheel_bytes({**files, **named}, folder, "notemill init", DAY, compressed=True)
    return f"{NAME}=={version}", {f"wheels/{NAME}-{version}-py3-none-any.whl": wheel}


def _package_files() -> dict[str, bytes]:
    """The package as a wheel holds it, the starter's shared files with it."""
    root = Path(notemill.__file__).resolve().parent
    kept = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files = {f"{NAME}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in kept}
    return files | {f"{NAME}/init/starter/{name}": content for name, content in starter.shared_files().items()}


def _installed_info(installed: metadata.Distribution) -> dict[str, bytes]:
    """The files of its .dist-info, less what told of that one installation."""
    found = {}
    for file in installed.files or []:
        folder, _, name = file.as_posix().partition("/")
        if folder.endswith(".dist-info") and name not in LEFT_OUT:
            found[name] = file.locate().read_bytes()
    lines = found["METADATA"].decode().split("\n")
    number = next(n for n, line in enumerate(lines) if line.startswith("Version:"))
    return {**found, "METADATA": "\n".join([*lines[:number], "Version: ", *lines[number + 1:]]).encode()}


def _checkout_info() -> dict[str, bytes]:
    """The same from the checkout's pyproject.toml."""
    project = tomllib.loads((starter.CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    lines = ["Metadata-Version: 2.4", f"Name: {NAME}", "Version: ", f"Summary: {project['description']}",
             f"License-Expression: {project['license']}", "License-File: LICENSE",
             f"Requires-Python: {project['requires-python']}",
             *(f"Requires-Dist: {need}" for need in project["dependencies"])]
    for extra, needs in extras.items():
        lines += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {_in_extra(need, extra)}" for need in needs)]
    return {"METADATA": ("\n".join(lines) + "\n").encode(),
            "entry_points.txt": "\n".join(_entry_points(project)).encode(),
            "licenses/LICENSE": (starter.CHECKOUT / "LICENSE").read_bytes()}


def _in_extra(need: str, extra: str) -> str:
    """A requirement that holds only where the extra is asked for; it may have a condition of its own."""
    what, _, condition = (part.strip() for part in need.partition(";"))
    asked = f'extra == "{extra}"'
    return f"{what} ; ({condition}) and {asked}" if condition else f"{what} ; {asked}"


def _entry_points(project: Mapping) -> Iterator[str]:
    """The command, and Papermill's engine."""
    for group, entries in {"console_scripts": project["scripts"], **project["entry-points"]}.items():
        yield f"[{group}]"
        yield from (f"{name} = {target}" for name, target in entries.items())
        yield ""


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return digest.hexdigest()
