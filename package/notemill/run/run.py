"""The run: a plan carried out step by step, in parallel where nothing forbids it."""

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace

from notemill import contract, lineage
from notemill.errors import NotemillError, UsageError
from notemill.late import import_whole
from notemill.execute import Pool, check_kernels, import_papermill, sweep_kernels
from notemill.plan import DAMAGED, Options, PlannedStep, Ready, changed_since, get_ready, outputs_of, plan_step
from notemill.project import Project
from notemill.redact import Redactor
from notemill.run import facts
from notemill.run.console import Console
from notemill.run.record import Record, active, close_dead_runs, close_steps, now, planned_facts
from notemill.run.redaction import redactor_for
from notemill.run.reports import running_page, spared, write_index_page, write_reports, write_step_report
from notemill.run.sending import MODULE, Sender
from notemill.run.sharing import Sharing, settled, sharing, take
from notemill.run.shown import shown_components
from notemill.run.step import FULL, full_disk, run_step

PATIENCE = 10  # seconds that interrupted steps have to leave their evidence


def run(project: Project, options: Options, console: Console) -> dict:
    """Carry out what `options` ask for; the run's record. A failed step is in the record, not raised.

    Raises UsageError and NotemillError for what is found wrong before any step runs.
    """
    try:
        return run_steps(project, options, console)
    finally:
        project.save()  # digests that were worked out stay known, though the run was refused


def run_steps(project: Project, options: Options, console: Console) -> dict:
    """The run as a list of steps."""
    redactor = redactor_for(project)
    ready = get_ready(project, options)
    close_dead_runs(project)
    try:
        warnings = [*contract.check_project(project, ready), *interpreter_notes(ready)]
    except UsageError:
        raise
    except NotemillError as breach:
        return refuse(project, ready, redactor, breach)
    plan = settled(project, ready, options)
    check_kernels(project.pipeline, [step.step for step in plan.steps if step.action == "run"])
    works = any(step.action == "run" for step in plan.steps)
    record = begun(project, ready, redactor, warnings, works=works)
    if works and not options.offline:
        lineage.check_reachable(lineage.tracking_uri(project.root, project.environ))
    console.redact = redactor.text
    console.begin(record.facts, plan)
    reused = frozenset(step.step for step in plan.steps if step.action == "reuse")
    work = Work(project, record, ready, options, console, reused)
    work.taken = {step.fingerprint for step in plan.steps if step.shared}
    with Pool(keep=options.keep_warm) if works else nullcontext() as work.pool, sending(work), \
            sharing(project, options) if works else nullcontext() as work.sharing:
        if works:
            sweep_kernels()
            threading.Thread(target=preload, args=(work,), daemon=True).start()
        with active(project, record) if works else nullcontext():
            if works and not project.smoke:
                lineage.mark_pending(record.folder)  # also a run that is killed is told of, by the next one
                prepare_sending(work)
            with running_page(project, record) if works else nullcontext():
                status = carry_out_to_the_end(work)
            end(work, status)
        with spared(record):
            write_reports(project, record, ready)
        if status != "interrupted" and (works or lineage.pending_runs(project.runs)):
            publish(work)
    return record.shown()


def refuse(project: Project, ready: Mapping[str, Ready], redactor: Redactor, breach: NotemillError) -> dict:
    """The record, and the page, of a run whose data broke its contract: no step has run."""
    record = Record(project, ready, redactor)
    for name in ready:
        record.set(name, status="skipped", action="run", reasons=["the data broke its contract"])
    record.end("failed", breach.as_json())
    write_reports(project, record, ready)
    return record.shown()


def begun(project: Project, ready: Mapping[str, Ready], redactor: Redactor, warnings: list[str], *,
          works: bool) -> Record:
    """The run's record, with what there was to warn of; what is still to be said of the shared store, too.
    """
    record = Record(project, ready, redactor, works=works)
    if project.remote:
        warnings, project.remote.tell = [*warnings, *project.remote.told], record.warn
    for text in warnings:
        record.warn(text)
    return record


def interpreter_notes(ready: Mapping[str, Ready]) -> list[str]:
    """What is not known of the kernels that the steps ask for, each once."""
    return list(dict.fromkeys(filter(None, (one.imports.interpreter.note for one in ready.values()))))


def first_error(record: Mapping, status: str) -> dict | None:
    """The first failed step's error, as it stands under "error"."""
    for step in record["steps"]:
        if error := step["error"]:
            return {"where": f"step '{step['step']}': {step['notebook']}", "allowed": None,
                    "got": f"{error['name']}: {error['message']}",
                    "hint": f"see {error['report']}" if error["report"] else None, "step": step["step"],
                    "cell": error["cell"], "line": error["line"], "report": error["report"]}
    if status == "interrupted":
        return {"where": f"run {record['run']}", "got": "interrupted", "allowed": None,
                "hint": "notemill run takes it up"}
    return None


@dataclass
class Work:
    """A plan being carried out: what is known, what runs, what is left."""

    project: Project
    record: Record
    ready: Mapping[str, Ready]
    options: Options
    console: Console
    reused: frozenset[str] = frozenset()
    pool: Pool | None = None
    sender: Sender | None = None
    sharing: Sharing | None = None
    taken: set[str] = field(default_factory=set)  # fingerprints of results in the shared store whose content is here
    known: dict[str, dict] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def jobs(self) -> int:
        return self.options.jobs or facts.cpus()


def end(work: Work, status: str) -> None:
    """Close the record, after what the steps gave is shared; then say where it came from."""
    given = work.sharing and status != "interrupted" and work.sharing.given
    if given:
        work.sharing.finish()
    work.record.end(status, first_error(work.record.facts, status))
    if given:
        work.sharing.give_run(work.record.shown())


def preload(work: Work) -> None:
    """Import what a run that executes needs in any case, while the first kernels start."""
    with suppress(ImportError, OSError, NotemillError):  # whoever needs it for work meets the same error, and tells it
        import_whole("jupyter_client", "nbformat")
        import_papermill()
        import_whole("nbconvert")  # for the first report: no kernel waits for it
        lineage.template_file()


def carry_out_to_the_end(work: Work) -> str:
    """As `carry_out`; where notemill itself fails, the record does not stay "running"."""
    try:
        return carry_out(work)
    except BaseException as error:
        with suppress(OSError):
            close_steps(work.project, work.record)
            work.record.end("interrupted" if isinstance(error, KeyboardInterrupt) else "failed", {
                "where": f"run {work.record.name}", "got": f"{type(error).__name__}: {error}", "allowed": None,
                "hint": None})
        raise


def carry_out(work: Work) -> str:
    """Run every step as soon as what it needs is done: "done", "failed" or "interrupted"."""
    left, running, failed = list(work.ready), {}, set()
    with ThreadPoolExecutor(max_workers=work.jobs, thread_name_prefix="step") as pool:
        try:
            while left or running:
                start_what_can(work, pool, left, running, failed)
                collect(work, running, failed)
        except KeyboardInterrupt:
            work.stop.set()
            work.console.interrupted()
            wait(running, timeout=PATIENCE)
            interrupt(work)
            return "interrupted"
        except BaseException:
            work.stop.set()
            raise
    return "failed" if failed else "done"


def start_what_can(work: Work, pool: ThreadPoolExecutor, left: list[str], running: dict, failed: set[str]) -> None:
    """Reuse, skip or start each step whose needs are settled."""
    for name in list(left):
        needs = work.ready[name].step.needs
        if any(need in failed for need in needs):
            left.remove(name)
            failed.add(name)
            work.record.update(name, status="skipped", action="run", reasons=["what it needs failed"])
            work.console.skipped(name)
        elif all(need in work.finished for need in needs) and len(running) < work.jobs:
            left.remove(name)
            planned = plan_step(work.project, work.ready[name], work.known, work.options)
            if planned.result and (not planned.shared or planned.fingerprint in work.taken):
                finish(work, name, reuse(work, name, planned))
            else:
                running[pool.submit(attempt, work, name, planned, share(work, left, running))] = name


def finish(work: Work, name: str, result: Mapping) -> None:
    """What the step gave is there for others."""
    work.finished.add(name)
    work.known.update(outputs_of(name, result))


def share(work: Work, left: list[str], running: Mapping) -> int:
    """CPU threads for a step that starts now: those that could run beside it get as many."""
    independent = [name for name in left if name not in work.reused
                   and all(need in work.finished for need in work.ready[name].step.needs)]
    return max(1, facts.cpus() // min(work.jobs, len(running) + 1 + len(independent)))


def collect(work: Work, running: dict[Future, str], failed: set[str]) -> None:
    """Wait until a step ends, and take what it gave."""
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        name = running.pop(future)
        error = future.exception()
        if error is None:
            finish(work, name, future.result())
        elif isinstance(error, NotemillError):
            failed.add(name)
        else:
            raise error


def reuse(work: Work, name: str, planned: PlannedStep) -> Mapping:
    """Take over a kept result."""
    result = planned.result
    remember(work, name, planned, "done")
    work.record.set(name, **{**planned_facts(planned), "action": "reuse"}, status="reused",
                    **{key: result[key] for key in ("outputs", "executed", "metrics", "origin_run", "warnings",
                                                    "stored_bytes")}, report=f"reports/{name}.html")
    work.console.reused(name, result)
    return result


def attempt(work: Work, name: str, planned: PlannedStep, threads: int) -> dict:
    """As `attempt_step`. Whatever goes wrong is the step's failure: others go on, and the record tells it."""
    try:
        return attempt_step(work, name, planned, threads)
    except NotemillError:
        raise
    except Exception as error:
        failure = in_words(work, name, error)
        failure.__cause__ = error
        note_failure(work, name, planned, failure)
        raise failure


def in_words(work: Work, name: str, error: Exception) -> NotemillError:
    """What nobody expected: a full disk, a lost file, a fault of notemill's own."""
    got = str(error) or "without a word"
    return NotemillError(f"step '{name}'", f"{got}\n{full_disk(work.project.folder)}" if FULL.search(got) else got)


def attempt_step(work: Work, name: str, planned: PlannedStep, threads: int) -> dict:
    """Run a step under the lock of its fingerprint: if another run has just made the same result, that one is taken."""
    project, record = work.project, work.record
    with its_lock(work, name, planned):
        result = None if name in work.options.force else project.result(planned.fingerprint)
        if result:
            return reuse(work, name, replace(planned, action="reuse", reasons=(), result=result))
        if planned.shared:
            if take(project, planned, outputs_taken(work, name)):
                return reuse(work, name, planned)
            planned = replace(planned, action="run", reasons=(DAMAGED,), result=None, shared=False)
        record.update(name, **planned_facts(planned), status="running", started=now(), report=f"reports/{name}.html")
        remember(work, name, planned, "running")
        work.console.started(name, planned.reasons)
        return execute_step(work, name, planned, threads)


def outputs_taken(work: Work, name: str) -> set[str]:
    """All outputs of a step whose result came into the shared store while this run went on."""
    return {f"{name}.{output}" for output in work.ready[name].step.outputs}


def its_lock(work: Work, name: str, planned: PlannedStep):
    """The fingerprint's lock, held. Raises NotemillError where the run is interrupted before it is free."""
    from filelock import FileLock, Timeout

    folder = work.project.folder / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / planned.fingerprint, thread_local=False)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        work.console.waits(name)
    try:
        return lock.acquire(cancel_check=work.stop.is_set)
    except Timeout:
        work.record.set(name, **planned_facts(planned), status="skipped")
        raise NotemillError(f"step '{name}'", "interrupted while it waited for another run") from None


def execute_step(work: Work, name: str, planned: PlannedStep, threads: int) -> dict:
    """Execute, and write down how it ended. Raises NotemillError."""
    project, record = work.project, work.record
    try:
        result = run_step(project, record, work.ready[name], planned, threads=threads, stop=work.stop,
                          pool=work.pool, on_cell=lambda number, total: work.console.cell(name, number, total))
        keep_result(work, name, planned, result)
    except NotemillError as error:
        note_failure(work, name, planned, error)
        raise
    remember(work, name, planned, "done")
    record.update(name, status="done")
    write_step_report(project, record, work.ready[name])
    work.console.done(name, record.step(name))
    return result


def keep_result(work: Work, name: str, planned: PlannedStep, result: dict) -> None:
    """Keep the result for reuse, unless the code was edited while it ran: nobody knows which of the two made it."""
    changed = changed_since(work.project, work.ready[name])
    if changed:
        text = f"{', '.join(changed)} changed while it ran: the result serves this run, and is not kept for reuse"
        warnings = [*work.record.step(name)["warnings"], text]
        work.record.set(name, warnings=warnings)
    else:
        work.project.keep_result(planned.fingerprint, result)
        if work.sharing:
            work.sharing.give(planned.fingerprint, result, anew=name in work.options.force)


def note_failure(work: Work, name: str, planned: PlannedStep, error: NotemillError) -> None:
    """The evidence, then the error: record, report, a line on the console."""
    known = work.record.step(name)["error"]
    work.record.update(name, status="failed", error=known or {
        "name": type(error.__cause__ or error).__name__, "message": error.got if error.__cause__ else str(error),
        "cell": None, "line": None,
        "report": f"reports/{name}.html" if work.record.step(name)["executed"] else None})
    if not work.stop.is_set():  # else it is still "running" for the next plan: it did not finish
        remember(work, name, planned, "failed")
    write_step_report(work.project, work.record, work.ready[name])
    work.console.failed(name, work.record.step(name))


def remember(work: Work, name: str, planned: PlannedStep, status: str) -> None:
    """For the next plan's reasons, and no more: a full disk may lose them."""
    with suppress(OSError):
        work.project.keep_latest(name, latest(work, name, planned, status))


def latest(work: Work, name: str, planned: PlannedStep, status: str) -> dict:
    """What the next plan compares the step with."""
    components = shown_components(planned.components, work.record.redactor)
    return {"components": components, "status": status, "fingerprint": planned.fingerprint,
            "cell_numbers": work.record.step(name)["cell_numbers"],
            "cell_texts": [cell.digest for cell in work.ready[name].notebook.cells]}


def interrupt(work: Work) -> None:
    """What has not begun is skipped."""
    for step in work.record.facts["steps"]:
        if step["status"] == "pending":
            work.record.set(step["step"], status="skipped", action="run", reasons=["interrupted"])


def publish(work: Work) -> None:
    """Send this run, and what earlier ones could not send, to MLflow; what fails now is kept for the next run."""
    project, record = work.project, work.record
    if work.options.offline:
        if count := len(lineage.pending_runs(project.runs)):
            work.console.note(f"offline: {lineage.waiting_text(count)}")
        return
    uri = lineage.tracking_uri(project.root, project.environ)
    try:
        sent = sent_by_another(work, uri)
        if sent is None:
            sent = lineage.sync(project.runs, project.store, uri, redact=record.redactor.text)
        if told := lineage.sent_text(sent, record.facts["run"]):
            work.console.note(told)
    except Exception as error:  # the run's own result stands whatever becomes of the tracking server
        text = f"MLflow took no lineage: {error or type(error).__name__}"
        record.warn(text)
        record.write()
    note_mlflow_runs(project, record, work.ready)


@contextmanager
def sending(work: Work) -> Iterator[None]:
    """However the run ends, no process that was to send is left."""
    try:
        yield
    finally:
        if work.sender:
            work.sender.stop()


def prepare_sending(work: Work) -> None:
    """Let another process import MLflow while the steps run, where no warm one is kept that has it loaded already."""
    if not (work.options.offline or work.options.keep_warm or "mlflow" in sys.modules):
        with suppress(OSError):  # then this process sends it
            work.sender = Sender(work.project.root, work.project.environ)


def sent_by_another(work: Work, uri: str) -> list[str] | None:
    """What another process sent, that has MLflow loaded: forked from the kept warm one, or prepared; None where there
    is none. Raises RuntimeError where MLflow took nothing."""
    work.project.save()  # it knows the digests then, too
    told = sent_by_the_warm(work, uri) if work.pool and work.options.keep_warm else None
    if work.sender:
        told = work.sender.send()
    if told and told["error"]:
        raise RuntimeError(told["error"])
    return told and told["sent"]


def sent_by_the_warm(work: Work, uri: str) -> dict | None:
    from notemill.execute.warm.call import call

    try:
        return json.loads(call(work.pool, MODULE, [str(work.project.root)], work.project.environ,
                               lineage.modules(uri)).splitlines()[-1])
    except (NotemillError, OSError, ValueError, LookupError):
        return None  # this process sends it


def note_mlflow_runs(project: Project, record: Record, ready: Mapping[str, Ready]) -> None:
    """Write down which MLflow runs hold this run's lineage, in its record and on its page."""
    runs = lineage.published(record.folder)
    if runs:
        for name in record.steps:
            record.set(name, mlflow_run=runs.get(name))
        record.facts["mlflow_run"] = runs.get("")
        record.write()
        write_index_page(project, record, ready)
