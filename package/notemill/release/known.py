"""What the gate is told besides the run: the champion, a trial package, and how often these rows have judged before."""

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from notemill import lineage, wheel
from notemill.errors import NotemillError
from notemill.files import write_atomic
from notemill.gate import Champion, Known
from notemill.project import Project
from notemill.registry import Held, Records, current_champion, fetch_kept, read_ledger
from notemill.release.trust import check_version


@contextlib.contextmanager
def known_of(project: Project, manifest: Mapping, held: Held, records: Records, held_out: str,
             told: Callable[[str], None] = lambda words: None) -> Iterator[Known]:
    """For the draft of a version; its folders are gone afterwards. `held_out`: the digest of the held-out rows."""
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        wheel.write_tree(wheel.package_files(manifest, held.read), Path(folder, "package"))
        champion, unknown = find_champion(project, records, Path(folder, "champion"), own=manifest["content"],
                                          told=told)
        yield Known(content=manifest["content"], champion=champion, unknown=unknown, package=Path(folder, "package"),
                    import_name=wheel.import_name(manifest["name"]),
                    attempts=len(records.attempts(held_out) - {manifest["content"]}))


def find_champion(project: Project, records: Records, folder: Path, *, own: str | None = None,
                  told: Callable[[str], None] = lambda words: None) -> tuple[Champion | None, str | None]:
    """(the champion's files in `folder`, None where there is none yet; why it cannot be known whether there is one).

    A champion with the content `own`, the draft's, needs no signature: it is what was just made here.
    """
    try:
        manifest = champion_of(project, records, told)
        if manifest and manifest["content"] != own:
            check_version(records, manifest, project.environ)
        return (manifest and lay_champion(manifest, records.read, folder)), None
    except NotemillError as error:
        return None, f"{error.where}: {error.got}"


def champion_of(project: Project, records: Records, told: Callable[[str], None]) -> dict | None:
    """The champion's manifest. Where MLflow's server is away, the ledger alone says which it is; an empty one says
    nothing."""
    try:
        return current_champion(lineage.tracking_uri(project.root, project.environ), project.pipeline.name, records)
    except lineage.Away as error:
        ledger = read_ledger(records, project.pipeline.name)
        if not ledger.number:
            raise
        champion = f"version {ledger.champion['version']}" if ledger.champion else "none"
        told(f"{error.where} {error.got}: the champion is {champion}, as the ledger says")
        return ledger.champion and fetch_kept(ledger.champion, records)


def lay_champion(manifest: Mapping, read: Callable[[str], bytes], folder: Path) -> Champion:
    """Write down what the champion's model needs."""
    files = {f"bundle/{name}": manifest["files"][name] for name in ("model.skops", "schema.json", "types.json")}
    files |= {f"code/{path}": sha256 for path, sha256 in manifest["code"].items()}
    for name, sha256 in files.items():
        write_atomic(folder / name, read(sha256))
    (folder / "code").mkdir(exist_ok=True)
    return Champion(f"version {manifest['version']}", folder / "bundle", folder / "code",
                    json.loads(read(manifest["files"]["verdict.json"])), manifest["content"])
