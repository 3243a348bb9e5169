"""A project's own checks, by dotted name: functions `(model, rows) -> Figure`, each in a process of its own.

`model` answers as a model package does (predict, predict_proba), `rows` are the held-out rows with their target.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from notemill.gate.asking import ModelFailed, ended, last_words, read_words, with_modules
from notemill.gate.evidence import Evidence
from notemill.gate.figure import Figure
from notemill.gate.judged import Judged
from notemill.gate.verdict import CUSTOM, Check


def custom_checks(config: Mapping) -> dict[str, Callable[[Judged], Check]]:
    """{"custom.NAME": check} of those that the gate section lists."""
    return {CUSTOM + name: partial(check_custom, name, dotted) for name, dotted in config.get("custom", {}).items()}


def check_custom(name: str, dotted: str, judged: Judged) -> Check:
    """What the function says. Raises ModelFailed where it says nothing of use."""
    said = run(judged.evidence, name, dotted)
    if "error" in said:
        raise ModelFailed(f"{dotted}: {said['error']}")
    try:
        found = Figure(**said)
    except (TypeError, ValueError) as error:
        raise ModelFailed(f"{dotted} left no Figure that can be read: {error}") from None
    n = len(judged.evidence.good) if found.n is None else found.n
    hint = found.hint or (None if found.passed else f"{dotted} says no")
    return Check(CUSTOM + name, "passed" if found.passed else "refused", found.value, found.low, found.high, n,
                 found.limit, hint)


def run(evidence: Evidence, name: str, dotted: str) -> dict:
    """What its process wrote down."""
    folder = Path(evidence.job["folder"]) / f"own-{name}"
    modules, table, result = folder / "code", folder / "rows.parquet", folder / "result.json"
    lay_modules(evidence.job, modules)
    evidence.held_out.iloc[evidence.good].reset_index(drop=True).to_parquet(table, index=False)
    words = [sys.executable, "-P", "-m", "notemill.gate.own", evidence.job["bundle"], table, dotted, result, modules]
    seconds = evidence.job["seconds"]
    with open(folder / "log", "wb") as log:
        try:
            done = subprocess.run(words, cwd=folder, env=with_modules(os.environ, [str(modules)]), stdout=log,
                                  stderr=log, stdin=subprocess.DEVNULL, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ModelFailed(f"{dotted} gave no answer within {seconds:g} s") from None
    if done.returncode or not result.exists():
        raise ModelFailed(f"the process of {dotted} {ended(done.returncode)}{last_words(folder)}")
    return read_words(result)


def lay_modules(job: Mapping, folder: Path) -> None:
    """The project's package/ as it stands, and over it the modules of the run: its model needs those."""
    for source in filter(None, [job.get("own"), *job["code"]]):
        if Path(source).is_dir():
            shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    folder.mkdir(parents=True, exist_ok=True)
