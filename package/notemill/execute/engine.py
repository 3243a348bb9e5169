"""The engine that Papermill calls: its own client and bookkeeping, with our kernel, our saves and our watch."""

import logging
import signal
import time

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines

from notemill.files import write_notebook

ENGINE = "notemill-process"
SAVE_EVERY = 0.5  # seconds; Papermill saves twice a cell
OUTPUT_TIMEOUT = 120  # seconds for what a cell has printed to come in after its end; nbclient's four are too few
SAVE_SHARE = 10  # the pause is so many times what a save takes: a large notebook is not saved all the time


def register() -> None:
    """Make the engine known to Papermill, by its name."""
    papermill_engines.register(ENGINE, ProcessEngine)
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # it warns of what was checked before or is told later


class SavedAtIntervals(NotebookExecutionManager):
    """Papermill's bookkeeping; saves whole, redacted, at most every half second; tells of each cell."""

    def __init__(self, notebook, job, running):
        super().__init__(notebook, progress_bar=False)
        self.job, self.running, self.next_save = job, running, 0.0
        running.notebook = notebook

    def save(self, **kwargs):
        if "nb" in kwargs:
            self.nb = kwargs["nb"]
        began = time.monotonic()
        if began >= self.next_save:
            write_notebook(self.job.saved, self.job.redact(self.nb))
            taken = time.monotonic() - began
            self.next_save = began + max(SAVE_EVERY, SAVE_SHARE * taken)

    def cell_start(self, cell, cell_index=None, **kwargs):
        self.running.begun = True
        number = cell.metadata.get("notemill", {}).get("cell")
        if number and cell.cell_type == "code":
            self.job.on_cell(number, len(self.job.notebook["cells"]))
        super().cell_start(cell, cell_index, **kwargs)

    def cell_complete(self, cell, cell_index=None, **kwargs):
        if not self.running.ended:  # the cell in which a kernel died stays "running": that is how it is found
            super().cell_complete(cell, cell_index, **kwargs)

    def notebook_complete(self, **kwargs):
        waiting = [cell for cell in self.nb.cells if cell.metadata.papermill["status"] == self.PENDING]
        super().notebook_complete(**kwargs)
        for cell in waiting:  # Papermill calls them completed
            cell.metadata.papermill["status"] = self.PENDING

    def autosave_cell(self, **kwargs):
        self.save()


class Client(PapermillNotebookClient):
    """Papermill's client, with a watch on the kernel's processes."""

    def papermill_execute_cells(self):
        try:
            super().papermill_execute_cells()
        finally:
            self.nb_man.running.watch.look()

    def execute_cell(self, *args, **kwargs):
        try:
            return super().execute_cell(*args, **kwargs)
        except (DeadKernelError, CellTimeoutError):
            self.nb_man.running.ended = how_it_ended(self.km.provisioner.process)
            raise


def how_it_ended(process) -> str:
    """A dead kernel's end in words."""
    code = process.poll() if process else None
    if code is None:
        return "the kernel does not answer"
    if code >= 0:
        return f"the kernel ended itself with exit status {code}"
    name = signal.Signals(-code).name
    why = {"SIGKILL": "often the system's want of memory", "SIGSEGV": "a crash in native code",
           "SIGABRT": "a crash in native code", "SIGBUS": "a crash in native code"}.get(name, "from outside")
    return f"the kernel was ended by {name}: {why}"


class ProcessEngine(Engine):
    """A kernel process for each notebook."""

    @classmethod
    def execute_notebook(cls, nb, kernel_name, output_path=None, *, job, km, running, **kwargs):
        manager = SavedAtIntervals(nb, job, running)
        manager.notebook_start()
        try:
            client = Client(manager, km=km, kernel_name=kernel_name, log=logging.getLogger("papermill"),
                            startup_timeout=60, timeout=None, iopub_timeout=OUTPUT_TIMEOUT,
                            raise_on_iopub_timeout=job.kernel == "process",  # other kernels may lose outputs
                            store_widget_state=True, coalesce_streams=True)
            client.execute(cleanup_kc=True)  # asks the kernel to end, so that what it does at its end is done
        finally:
            manager.notebook_complete()
        return manager.nb
