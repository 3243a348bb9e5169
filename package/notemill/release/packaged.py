"""What serves and scores: a model package on this disk, from a version, an alias or a wheel, looked at before use."""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from filelock import FileLock

from notemill import lineage, signing, wheel
from notemill.errors import NotemillError, UsageError
from notemill.files import canonical_json, cache_folder, sync_folder
from notemill.pipeline import FILE
from notemill.project import Project, open_project
from notemill.registry import Records, current_champion, open_records, read_ledger
from notemill.registry.fetching import kept_whole
from notemill.release.trust import check_version, find_trusted
from notemill.release.verified import verify

CHAMPION, FOLDER = "champion", "packages"
NEEDED = {"facts.json", "model.skops", "schema.json", "types.json", "__init__.py"}
MOST_UNPACKED, MOST_TIMES = 8 << 30, 50  # bytes, and how many times the wheel's own size
ALLOWED = "a version's number, an alias (champion, challenger), build:NUMBER, or a model package's wheel (.whl)"
Files = Mapping[str, bytes]


def packaged(asked: str, project_folder: Path | None = None, *, environ: Mapping[str, str] | None = None,
             told: Callable[[str], None] = lambda words: None, also: str = "") -> Path:
    """The folder of the model package, unpacked and verified: digests, and the signature where a key is trusted.

    Its parent holds nothing else and can be put on sys.path: the folder has the package's import name. It is kept by
    content, and compared with its source at each call. `told` gets what one should know: a server that was away.
    `also`: what else could have been named, in words.
    Raises UsageError for what is not there, NotemillError for what is damaged, or not signed by whom it should be.
    """
    environ = dict(os.environ if environ is None else environ)
    if is_wheel(asked):
        return unpacked(wheel_package(Path(asked), environ), cache_of(project_folder, environ))
    if project_folder is None:
        raise UsageError(f"'{asked}'", "is no wheel, and a version belongs to a project", ALLOWED)
    check_project(asked, project_folder, also)
    project = open_project(project_folder, environ)
    records = open_records(project)
    files = wheel.package_files(manifest_of(project, asked, records, told), records.read)
    return unpacked(files, project.folder / FOLDER)


def is_wheel(asked: str) -> bool:
    """Whether a file is meant, rather than a version."""
    return asked.lower().endswith(".whl") or "/" in asked


def check_project(asked: str, folder: Path, also: str) -> None:
    """Raise UsageError where there is no project that could have such a version."""
    if not (folder / FILE).is_file():
        kinds = f"neither {f'{also}, ' if also else ''}a wheel (.whl), nor a version of a project"
        raise UsageError(f"'{asked}'", f"is {kinds}: '{folder}' is no Notemill project, which has the file {FILE}",
                         ALLOWED, "change to the project's folder, or name it with --project DIR")


def cache_of(project_folder: Path | None, environ: Mapping[str, str]) -> Path:
    """Where packages are kept: in the project's cache, or in the user's."""
    inside = project_folder is not None and (project_folder / FILE).is_file()
    return (project_folder.resolve() / ".notemill" if inside else cache_folder(environ)) / FOLDER


# a version
def manifest_of(project: Project, asked: str, records: Records, told: Callable[[str], None]) -> dict:
    """The version's manifest. Where MLflow's server is away, the ledger alone says what was ever promoted."""
    try:
        if asked != CHAMPION:
            return find_trusted(project, asked, records)
        uri = lineage.tracking_uri(project.root, project.environ)
        manifest = current_champion(uri, project.pipeline.name, records)
    except lineage.Away as error:
        manifest = by_ledger(project, asked, records)
        if manifest is None:
            raise
        told(f"{error.where} {error.got}: version {manifest['version']} is taken as the ledger says")
    if manifest is None:
        raise UsageError(f"'{project.pipeline.name}'", "has no champion", hint="notemill promote")
    check_version(records, manifest, project.environ)
    return manifest


def by_ledger(project: Project, asked: str, records: Records) -> dict | None:
    """The manifest of a promoted version, whole in the records; None where the ledger does not name it."""
    ledger = read_ledger(records, project.pipeline.name)
    entry = ledger.champion if asked == CHAMPION else \
        ledger.versions().get(int(asked)) if asked.isdecimal() else None
    return entry and kept_whole(entry, records)


# a wheel
def wheel_package(path: Path, environ: Mapping[str, str]) -> dict[str, bytes]:
    """{name: content} of the model package in a wheel. What is checked is a copy, and the copy is what is used."""
    if not path.is_file():
        raise UsageError(str(path), "there is no such file", ALLOWED)
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        copy = Path(folder, path.name)
        shutil.copyfile(path, copy)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(signing.signature_of(path), signing.signature_of(copy))
        check_size(path, copy)
        if wrong := verify(copy, environ).wrong:
            raise NotemillError(str(path), f"is not used: {wrong[0]}", f"and {len(wrong) - 1} more" if wrong[1:] else
                                None, f"notemill verify {path}")
        return model_files(path, copy.read_bytes())


def check_size(path: Path, copy: Path) -> None:
    """Raise NotemillError where unpacking would fill memory or disk."""
    try:
        with zipfile.ZipFile(copy) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        raise NotemillError(str(path), "is no wheel: it cannot be opened as a zip archive", ALLOWED) from None
    if size > min(MOST_UNPACKED, MOST_TIMES * copy.stat().st_size):
        raise NotemillError(str(path), f"is not unpacked: it says that it would take {size / 1e6:,.0f} MB",
                            f"at most {MOST_TIMES} times its own size, and {MOST_UNPACKED / 1e9:.0f} GB")


def model_files(path: Path, data: bytes) -> dict[str, bytes]:
    """The files of the one package in it. Raises NotemillError where it is no model package, or leads elsewhere."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()
                 and not re.match(r"[^/]+\.dist-info/", entry.filename)}
    for name in found:
        if not is_safe(name):
            raise NotemillError(str(path), f"is not unpacked: {name!r} leads outside its folder")
    packages = {name.partition("/")[0] for name in found}
    package = min(packages, default="")
    lacking = sorted(NEEDED - {name.partition("/")[2] for name in found})
    if len(packages) != 1 or not package.isidentifier() or lacking:
        raise NotemillError(str(path), "is no model package" + (f": it has no {lacking[0]}" if lacking else ""),
                            "what `notemill package` writes")
    check_facts(path, package, found)
    return found


def check_facts(path: Path, package: str, found: Files) -> None:
    with contextlib.suppress(ValueError, LookupError, TypeError):
        if json.loads(found[f"{package}/facts.json"])["package"] == package:
            return
    raise NotemillError(str(path), "is no model package: its facts.json is another's")


def is_safe(name: str) -> bool:
    """Whether a name stays within the folder that it is unpacked into, on any system."""
    parts = PurePosixPath(name).parts
    return not re.search(r"[\\\0:]", name) and "//" not in name and not name.startswith("/") and len(parts) > 1 and \
        not {"..", "."} & set(name.split("/"))


# on the disk
def unpacked(files: Files, cache: Path) -> Path:
    """The folder with exactly these files, made unless it is there: {cache}/{digest}/{package}."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    place = cache / hashlib.sha256(canonical_json(digests).encode()).hexdigest()[:32]
    package = place / next(iter(files)).partition("/")[0]
    if not is_whole(place, digests):
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / ".lock"):  # of two who do so, neither takes away what the other has just put there
            if not is_whole(place, digests):
                lay_out(files, place)
    with contextlib.suppress(OSError):
        os.utime(place)  # when it was last used
    return package


def is_whole(place: Path, digests: Mapping[str, str]) -> bool:
    """Whether the folder holds these files, these alone, and as they were; what Python compiles beside them is left."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        extra = not path.is_dir() and "__pycache__" not in name.split("/") and name not in digests
        if path.is_symlink() or extra:
            return False
        if name in digests:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found == digests


def lay_out(files: Files, place: Path) -> None:
    """Write the folder beside its place, then put it there: it appears whole."""
    made = Path(tempfile.mkdtemp(dir=place.parent, prefix=".making-"))
    try:
        wheel.write_tree(files, made)
        made.chmod(0o755)
        shutil.rmtree(place, ignore_errors=True)  # damaged
        os.rename(made, place)
        sync_folder(place.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)
