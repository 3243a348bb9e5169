"""Refuse or warn, by a check that is made once for each content and contract."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from notemill.contract.reading import Contract, load
from notemill.contract.result import Breach, CheckResult, judge
from notemill.errors import NotemillError, UsageError, did_you_mean
from notemill.files import canonical_json, read_json, sha256_text, write_json
from notemill.sources import Fetched
from notemill.store import Store

RULES = 1       # goes up when the same contract judges the same table otherwise
TABLES = (".parquet", ".csv", ".tsv")
PACKED = (".gz", ".bz2", ".xz", ".zst")


def check_source(path: Path, tables: Mapping[str, Fetched], store: Store, memory: Path, *, name: str | None = None,
                 known: Iterable[str] | None = None, now: datetime | None = None) -> list[str]:
    """Hold the outside table that the contract at `path` speaks of against it; returns the warnings.

    `tables` are this run's outside inputs as step.input, `known` all of the pipeline's (default: the same): a table
    that this run does not need is not judged. Raises UsageError for a contract that is wrong, NotemillError for a
    table that breaks it.
    """
    contract = load(path, name)
    table = _which(contract, tables, known)
    if table is None:
        return []
    files = [(file, store.path(sha256)) for file, sha256, _ in tables[table].files]
    digests = [sha256 for _, sha256, _ in tables[table].files]
    return enforce(contract, files, digests, memory / "contract", now, table=table)


def _which(contract: Contract, tables: Mapping[str, Fetched], known: Iterable[str] | None) -> str | None:
    if contract.table:
        every = sorted({*tables, *(known or ())})
        if contract.table not in every:
            raise UsageError(contract.name, f"unknown table '{contract.table}'",
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
    key = sha256_text(canonical_json([RULES, contract.sha256, [name for name, _ in files], list(digests)]))
    place = folder / f"{key}.json"
    try:
        return CheckResult.from_json(read_json(place, {}))
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    from notemill.contract.rules import check
    result = check(contract, files)
    write_json(place, result.as_json())
    return result
