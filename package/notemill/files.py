"""Files that appear whole or not at all, and JSON that is the same for the same facts."""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

BLOCK = 1 << 20


def canonical_json(value: object) -> str:
    """One text for one value: sorted keys, no spaces, no NaN; raises ValueError on NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_file(path: Path) -> str:
    """Digest of the whole content, in bounded memory."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: Path, content: str | bytes, mode: int = 0o644, *, durable: bool = True) -> None:
    """Write `content` so that `path` holds the old or the new bytes, never a part: temporary file, fsync, rename.

    Without `durable` there is no fsync, and a power cut, though no kill, may leave an empty file or a part: for caches,
    and for what is written again soon.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_json(path: Path, value: object, *, durable: bool = True) -> None:
    """Facts for people and programs: sorted, indented, written whole."""
    write_atomic(path, json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
                 durable=durable)


def write_notebook(path: Path, notebook: dict, *, durable: bool = True) -> None:
    """A notebook as Jupyter writes it, whole."""
    write_atomic(path, json.dumps(notebook, sort_keys=True, indent=1, ensure_ascii=False) + "\n", durable=durable)


def read_json(path: Path, default: object = None) -> object:
    """The file's value; `default` where there is no such file or it is not JSON (a cache may always be lost)."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return default


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The user's cache, or a folder of this user alone among the temporary files; a new one where none is safe."""
    return safe_cache(environ) or Path(tempfile.mkdtemp(prefix="notemill-"))


def safe_cache(environ: Mapping[str, str]) -> Path | None:
    """The user's cache, or among the temporary files, where it can be written, and by nobody else."""
    home = environ.get("HOME")
    base = environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else "")
    places = [Path(base) / "notemill"] if base else []
    for folder in (*places, Path(tempfile.gettempdir()) / f"notemill-{os.getuid()}"):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:  # a home that is read-only, or no folder: the next place will do
            continue
        if is_own(folder) and os.access(folder, os.W_OK):
            return folder
    return None


def is_own(folder: Path) -> bool:
    """Whether it is a folder, and no link to one, that nobody but this user may write to."""
    facts = folder.lstat()
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o022
