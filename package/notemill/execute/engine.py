"""The engine that Papermill calls by the name `notemill`: its own client and bookkeeping, with our kernel.

For a job of notemill's it also has our saves and our watch; for anybody else it is a faster drop-in.
"""

import asyncio
import contextlib
import logging
import math
import signal
import time
from queue import Empty

from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellExecutionComplete, CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NBClientEngine, NotebookExecutionManager, papermill_engines

from notemill.execute.outputs import Allowance, continues, join_streams, mend_content, printed_traceback
from notemill.files import write_notebook
from notemill.interpreter import OWN

ENGINE = "notemill"
SAVE_EVERY = 0.5  # seconds; Papermill saves twice a cell
OUTPUT_TIMEOUT = 120  # seconds without any message, after a cell's end, until its last ones are given up
MOST_STATUS = 255  # a higher one stands for none
LOOK_EVERY = 0.1  # seconds: whether the kernel is alive
LAST_WORDS = 5  # seconds that a dead kernel's messages may take to be read
NO_LIMIT = 10**7  # seconds
SAVE_SHARE = 20  # the pause is so many times what a save takes: a large notebook is not saved all the time


def register() -> None:
    """Make the engine known to Papermill, by its name."""
    papermill_engines.register(ENGINE, NotemillEngine)
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # it warns of what was checked before or is told later


class SavedAtTimes(NotebookExecutionManager):
    """Papermill's bookkeeping, which saves twice a cell; this one twice a second, and where it ends in an error."""

    later, next_save = None, 0.0  # `later`: the save that is due, by the loop that runs while cells do

    def save(self, **kwargs):
        self.nb = kwargs.get("nb") or self.nb
        now = time.monotonic()
        if now >= self.next_save or self.end_time and self.next_save < math.inf:
            self.save_now()
        elif not self.later and self.next_save < math.inf:
            self.later = ensure_event_loop().call_later(self.next_save - now, self.save_late)

    def save_late(self) -> None:
        self.later = None
        if not self.end_time:
            self.save_now()

    def save_now(self) -> None:
        began = time.monotonic()
        self.write()
        self.next_save = began + max(SAVE_EVERY, SAVE_SHARE * (time.monotonic() - began))

    def write(self) -> None:
        super().save()


class SavedAtIntervals(SavedAtTimes):
    """Saves whole, redacted, also on a full disk without an error; tells of each cell."""

    def __init__(self, notebook, job, running):
        super().__init__(notebook, progress_bar=False)
        self.job, self.running = job, running
        running.notebook = notebook

    def write(self) -> None:
        with contextlib.suppress(OSError):  # a full disk: the next save, or the end, may fare better
            write_notebook(self.job.saved, self.job.redact(self.nb), durable=False)

    def cell_start(self, cell, cell_index=None, **kwargs):
        self.running.begun = True
        number = cell.metadata.get("notemill", {}).get("cell")
        if number and cell.cell_type == "code":
            self.job.on_cell(number, len(self.job.notebook["cells"]))
        super().cell_start(cell, cell_index, **kwargs)

    def cell_complete(self, cell, cell_index=None, **kwargs):
        if not self.running.ended:  # the cell in which a kernel died stays "running": that is how it is found
            super().cell_complete(cell, cell_index, **kwargs)

    def cell_exception(self, cell, cell_index=None, **kwargs):
        """Some errors IPython only prints, groups of exceptions for one: they are shown like any other."""
        error = kwargs.get("exception")
        if error and not any(output.output_type == "error" for output in cell.outputs):
            text = printed_traceback(cell.outputs) or f"{error.ename}: {error.evalue}"
            cell.outputs.append(new_output("error", ename=error.ename, evalue=error.evalue,
                                           traceback=text.splitlines()))
        super().cell_exception(cell, cell_index, **kwargs)

    def notebook_complete(self, **kwargs):
        waiting = [cell for cell in self.nb.cells if cell.metadata.papermill["status"] == self.PENDING]
        super().notebook_complete(**kwargs)
        for cell in waiting:  # Papermill calls them completed
            cell.metadata.papermill["status"] = self.PENDING

    def autosave_cell(self, **kwargs):
        self.save()


class Client(PapermillNotebookClient):
    """Papermill's client, with a watch on the kernel's processes; takes outputs of any number and length."""

    fault: Exception | None = None
    left, heard = False, 0

    def papermill_execute_cells(self):
        try:
            super().papermill_execute_cells()
        finally:
            self.nb_man.running.watch.look()

    def execute_cell(self, cell, cell_index, *args, **kwargs):
        self.allowance = Allowance()
        try:
            super().execute_cell(cell, cell_index, *args, **kwargs)
        except (DeadKernelError, CellTimeoutError):
            self.nb_man.running.ended = how_it_ended(self.km.provisioner.process)
            raise
        finally:
            self.join_streams(cell, cell_index)
            self.tell_what_is_left_out(cell)
        if self.fault:
            cell.metadata.papermill["exception"] = True
            raise self.fault
        if self.left:
            raise left_by(cell)
        return cell

    def process_message(self, msg, cell, cell_index):
        self.heard += 1
        return self.take_message(msg, cell, cell_index)

    def take_message(self, msg, cell, cell_index):
        """What goes wrong here would break off nbclient in the middle of its work: it is raised when the cell ends."""
        try:
            mend_content(msg["content"])
            if self.allowance.admits(msg, self.widget_of(msg)):
                return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            raise
        except Exception as error:
            self.fault = self.fault or error

    def widget_of(self, msg):
        """The output widget that takes what is shown; None: the cell."""
        hooks = self.output_hook_stack.get(msg["parent_header"].get("msg_id"))
        return hooks[-1] if hooks else None

    def output(self, outs, msg, display_id, cell_index):
        """A text is added to the one before it: a million outputs would take much memory."""
        if self.widget_of(msg) or self.clear_before_next_output or not continues(outs, msg):
            return super().output(outs, msg, display_id, cell_index)
        outs[-1]["text"] += msg["content"]["text"]
        return outs[-1]

    def tell_what_is_left_out(self, cell):
        words = self.allowance.words
        if words:
            text = f"\n[notemill: {words} were shown by this cell and are left out]\n"
            cell.outputs.append(new_output("stream", name="stderr", text=text))
            number = cell.metadata.get("notemill", {}).get("cell")
            place = f"cell {number}" if number else "the cell that sets the parameters"
            self.nb_man.running.notes.append(
                f"{place} showed {words} than the {self.allowance.most // 10**6} MB that are kept of a cell")

    def join_streams(self, cell, cell_index):
        """Displays that a later cell changes are known by their place among the outputs."""
        before = cell.get("outputs", [])
        join_streams(cell)
        places = {id(output): n for n, output in enumerate(cell.get("outputs", []))}
        for known in self._display_id_map.values():
            if cell_index in known:
                known[cell_index] = [places[id(before[n])] for n in known[cell_index]]

    def note_exit(self, execute_reply, **kwargs):
        payload = execute_reply["content"].get("payload", ()) if execute_reply else ()
        self.left = any(one.get("source") == "ask_exit" for one in payload)

    async def _async_poll_kernel_alive(self):
        """As nbclient's, which looks once a second: who has ended a kernel waits for this. What it said last counts."""
        with contextlib.suppress(DeadKernelError):
            while True:
                await asyncio.sleep(LOOK_EVERY)
                await self._async_check_alive()
        end = time.monotonic() + LAST_WORDS
        heard = None
        while heard != self.heard and time.monotonic() < end:
            heard = self.heard
            await asyncio.sleep(LOOK_EVERY)
        self.task_poll_for_reply.cancel()

    async def _async_poll_output_msg(self, parent_msg_id, cell, cell_index):
        """As nbclient's, which limits the time for all that is still to come: this one limits the time of silence."""
        while True:
            try:
                msg = await self.kc.iopub_channel.get_msg(timeout=OUTPUT_TIMEOUT)
            except Empty:
                if "shell.execute_reply" in cell.metadata["execution"]:
                    raise
                continue
            if msg["parent_header"].get("msg_id") == parent_msg_id:
                try:
                    self.process_message(msg, cell, cell_index)
                except CellExecutionComplete:
                    return


def left_by(cell) -> CellExecutionError:
    """`exit()` ends the notebook as `sys.exit()` does; Jupyter would close it."""
    told = {"ename": "SystemExit", "evalue": "", "traceback": ["The notebook ended itself here."]}
    cell.outputs.append(new_output("error", **told))
    return CellExecutionError.from_cell_and_msg(cell, told)


def how_it_ended(process) -> str:
    """A dead kernel's end in words."""
    code = process.poll() if process else None
    if code is None:
        return "the kernel does not answer"
    if code > MOST_STATUS:
        return "the kernel ended, with an exit status that is unknown"
    if code >= 0:
        return f"the kernel ended itself with exit status {code}"
    name = signal.Signals(-code).name
    why = {"SIGKILL": "often the system's want of memory", "SIGSEGV": "a crash in native code",
           "SIGABRT": "a crash in native code", "SIGBUS": "a crash in native code"}.get(name, "from outside")
    return f"the kernel was ended by {name}: {why}"


class NotemillEngine(Engine):
    """`papermill --engine notemill`: a kernel forked from a warm process, where the notebook asks for this Python's."""

    @classmethod
    def execute_notebook(cls, nb, kernel_name, output_path=None, progress_bar=True, log_output=False,
                         autosave_cell_every=30, job=None, km=None, running=None, **kwargs):
        if job:
            return run_job(nb, kernel_name, job, km, running)
        manager = SavedAtTimes(nb, output_path=output_path, progress_bar=progress_bar, log_output=log_output,
                               autosave_cell_every=autosave_cell_every)
        return run_dropin(manager, kernel_name, log_output=log_output, **kwargs)


def run_dropin(manager, kernel_name, **kwargs):
    """Run anybody's notebook."""
    from notemill.execute import dropin

    try:
        with dropin.warm_kernel(manager.nb, kernel_name) as ready:
            manager.notebook_start()  # it saves while the kernel starts
            NBClientEngine.execute_managed_notebook(manager, kernel_name, km=ready(), **kwargs)
            manager.next_save = math.inf  # Papermill writes what it is given back
    finally:
        manager.cleanup_pbar()
        manager.notebook_complete()
    return manager.nb


def run_job(nb, kernel_name, job, km, running):
    """Run a job's notebook with its kernel."""
    manager = SavedAtIntervals(nb, job, running)
    manager.notebook_start()
    try:
        client = Client(manager, km=km, kernel_name=kernel_name, log=logging.getLogger("papermill"),
                        startup_timeout=60, timeout=None, iopub_timeout=NO_LIMIT,
                        raise_on_iopub_timeout=job.kernel in OWN,  # other kernels may lose outputs
                        store_widget_state=True)
        client.on_cell_executed = client.note_exit
        client.execute(cleanup_kc=True)  # asks the kernel to end, so that what it does at its end is done
    finally:
        manager.notebook_complete()
    return manager.nb
