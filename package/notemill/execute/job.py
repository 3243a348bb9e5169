"""What is asked of an engine, and what it gives back."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notemill.limits import Limits


@dataclass(frozen=True)
class Job:
    """One notebook to run.

    `notebook` is nbformat's dictionary; `saved` is where it stands while it runs; `env` is the kernel's whole
    environment; `declared` are the files that it may read without a warning; `exported` names the module that its cells
    tagged `export` make; `script` is the `.py` file that it was read from, if it was; `redact` takes secrets out of the
    notebook before it is saved; `pool` has the warm processes for `kernel: warm` (None: an ordinary
    kernel), `imports` is what the notebook imports, and `private` names the variables in `env` that are secrets;
    `on_cell(number, total)` is told of each cell that begins (from 1, of the source).
    """

    step: str
    notebook: dict
    parameters: Mapping[str, object]
    saved: Path
    cwd: Path
    root: Path
    env: Mapping[str, str] = field(repr=False)
    kernel: str = "process"
    limits: Limits = Limits()
    threads: int = 1
    declared: frozenset[str] = frozenset()
    exported: str = ""
    script: str = ""
    pool: object = None
    imports: tuple[str, ...] = ()
    private: frozenset[str] = frozenset()
    redact: Callable[[dict], dict] = dict
    on_cell: Callable[[int, int], None] = lambda number, total: None
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class CellFailure:
    """Why a notebook did not end well.

    `cell` counts all cells of the source from 1; None: before the first one, or in the cell that sets the parameters.
    """

    name: str
    message: str
    cell: int | None = None
    line: int | None = None
    in_parameters: bool = False


@dataclass(frozen=True)
class Executed:
    """A notebook that has run, with what it cost. `failure` is None where it ended well.

    `undeclared` are files of the project that it read, `cells_left` counts the cells after an `exit()` in the cell
    `ended_in`; `notes` are of what it shows, `slower` says why it ran in an ordinary kernel.
    """

    notebook: dict
    failure: CellFailure | None
    seconds: float
    cpu_seconds: float
    peak_mb: float
    undeclared: tuple[str, ...] = ()
    cells_left: int = 0
    ended_in: int | None = None
    notes: tuple[str, ...] = ()
    slower: tuple[str, ...] = ()
