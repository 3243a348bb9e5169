"""Refuse or warn, by a check that is made once for each content and contract."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from notemill.contract.reading import Contract, load
from notemill.contract.result import Breach, CheckResult, judge
from notemill.errors import NotemillError, UsageError, did_you_mean
from notemill.files import canonical_json, read_json, sha256_text, write_json
from notemill.pipeline import Output
from notemill.project import Project
from notemill.sources import Fetched
from notemill.store import Store

CHEAP = 10_000_000      # bytes that are checked by the way, for a plan
DAY = timedelta(days=1).total_seconds()
RULES = 1       # goes up when the same contract judges the same table otherwise
TABLES = (".parquet", ".csv", ".tsv")
PACKED = (".gz", ".bz2", ".xz", ".zst")


def check_project(project: Project, ready: Mapping, most_bytes: int | None = None) -> list[str]:
    """Hold the source table of a project's steps (plan.Ready by name) against its contract; returns the warnings.

    A larger table that was not checked before is left to the run. Raises as `check_source` does.
    """
    path = project.pipeline.contract
    if path is None:
        return []
    tables = {f"{one.step.name}.{name}": fetched for one in ready.values() for name, fetched in one.fetched.items()}
    known = [f"{step.name}.{name}" for step in project.pipeline.steps.values()
             for name, source in step.inputs.items() if not isinstance(source, Output)]
    return check_source(path, tables, project.store, project.folder / "memory", name=project.name_of(path),
                        known=known, most_bytes=most_bytes)


def check_source(path: Path, tables: Mapping[str, Fetched], store: Store, memory: Path, *, name: str | None = None,
                 known: Iterable[str] | None = None, now: datetime | None = None,
                 most_bytes: int | None = None) -> list[str]:
    """Hold the outside table that the contract at `path` speaks of against it; returns the warnings.

    `tables` are this run's outside inputs as step.input, `known` all of the pipeline's (default: the same): a table
    that this run does not need is not judged, nor, for the first time, one of more than `most_bytes`. Raises
    UsageError for a contract that is wrong, NotemillError for a table that breaks it.
    """
    contract = load(path, name)
    table = _which(contract, tables, known)
    if table is None:
        return []
    digests = [sha256 for _, sha256, _ in tables[table].files]
    place = _place(contract, [name for name, _, _ in tables[table].files], digests, memory / "contract")
    large = most_bytes is not None and sum(size for _, _, size in tables[table].files) > most_bytes
    if most_bytes is not None and not place.is_file() and (large or not all(map(store.has, digests))):
        return [f"{contract.name}: {table}: is checked when the run begins"]
    files = [(file, store.path(sha256)) for file, sha256, _ in tables[table].files]
    return enforce(contract, files, digests, memory / "contract", now, table=table)


def _which(contract: Contract, tables: Mapping[str, Fetched], known: Iterable[str] | None) -> str | None:
    if contract.table:
        every = sorted({*tables, *(known or ())})
        if contract.table not in every:
            raise UsageError(contract.where("table"), f"unknown table '{contract.table}'",
                             f"outside inputs: {', '.join(every) or 'none'}", did_you_mean(contract.table, every))
        return contract.table if contract.table in tables else None
    contents = {fetched.files: name for name, fetched in sorted(tables.items(), reverse=True) if _is_table(fetched)}
    if len(contents) > 1 or not contents and known is None:
        raise UsageError(contract.name, f"speaks of one table, and there are {len(contents) or 'none'}",
                         f"outside tables: {', '.join(sorted(contents.values()))}" if contents else None,
                         f"say which: `table: {min(contents.values())}`" if contents else None)
    return next(iter(contents.values()), None)


def _is_table(fetched: Fetched) -> bool:
    return all(is_table(name) for name, _, _ in fetched.files)


def is_table(name: str) -> bool:
    """Whether a file of this name can be judged."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    packed = len(suffixes) > 1 and suffixes[-1] in PACKED
    return bool(suffixes) and suffixes[-2 if packed else -1] in TABLES


def enforce(contract: Contract, files: Sequence[tuple[str, Path]], digests: Sequence[str], cache_folder: Path,
            now: datetime | None = None, table: str = "") -> list[str]:
    """Warnings, in words. Raises NotemillError (exit 1) that lists every rule broken.

    `files` are (name, path): the name is shown, and its suffix says what it holds. The check of the same content by
    the same rules is remembered in `cache_folder`; only the freshness is judged anew.
    """
    result = _remembered(contract, files, digests, cache_folder)
    breaches = judge(contract, result, now or datetime.now(UTC))
    errors = [breach for breach in breaches if breach.severity == "error"]
    where = ": ".join(filter(None, [contract.name, table or contract.table]))
    if errors:
        raise _refusal(where, errors, breaches)
    return [f"{where}: {breach.message}" for breach in breaches]


def _refusal(where: str, errors: list[Breach], breaches: Sequence[Breach]) -> NotemillError:
    what = "a rule" if len(errors) == 1 else f"{len(errors)} rules"
    lines = [f"the table breaks {what} of its contract", *(breach.message for breach in errors)]
    return NotemillError(where, "\n  ".join(lines), hint="mend the data, or change the contract",
                         breaches=[breach.as_json() for breach in breaches])


def _remembered(contract: Contract, files: Sequence[tuple[str, Path]], digests: Sequence[str],
                folder: Path) -> CheckResult:
    place = _place(contract, [name for name, _ in files], digests, folder)
    known = _recall(place)
    if known is not None:
        _mark_used(place)
        return known
    from notemill.contract.rules import check
    result = check(contract, files)
    with suppress(OSError):  # a folder that may only be read costs the check again
        write_json(place, result.as_json(), durable=False)
    return result


def _place(contract: Contract, names: Sequence[str], digests: Sequence[str], folder: Path) -> Path:
    """Where the check of this content by these rules is remembered."""
    return folder / f"{sha256_text(canonical_json([RULES, contract.sha256, list(names), list(digests)]))}.json"


def _recall(place: Path) -> CheckResult | None:
    """None where nothing is remembered, or what is there is damaged: then the check is made, and written, anew."""
    try:
        return CheckResult.from_json(read_json(place, {}))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _mark_used(place: Path) -> None:
    """Once a day, for `notemill gc`: what is used stays."""
    with suppress(OSError):
        if datetime.now().timestamp() - place.stat().st_mtime > DAY:
            os.utime(place)
