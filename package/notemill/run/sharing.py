"""A run and the shared store: content that is taken over before steps run, and results that are put there after."""

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from notemill.files import BLOCK
from notemill.pipeline import Output
from notemill.plan import Options, Plan, PlannedStep, Ready, make_plan
from notemill.project import Project
from notemill.remote import Remote, run_facts
from notemill.text import without_machine

NAMED = ("model", "data", "schema", "metrics", "predictions", "train")  # outputs that the gate reads


# taking
def settled(project: Project, ready: Mapping[str, Ready], options: Options) -> Plan:
    """The plan, after what it takes from the shared store is here and checked; what is damaged there runs again."""
    while True:
        plan = make_plan(project, ready, options)
        wanted = wanted_outputs(project, ready, plan)
        if all([take(project, step, wanted) for step in plan.steps if step.shared]):
            return plan


def wanted_outputs(project: Project, ready: Mapping[str, Ready], plan: Plan) -> set[str]:
    """The outputs, as STEP.OUTPUT, that steps which may run take, or the gate: others stay where they are."""
    gate = project.pipeline.gate or {}
    named = {gate[key] for key in NAMED if key in gate} | {gate.get("training", {}).get("history")}
    takers = {step.step for step in plan.steps if step.action == "run"} | {gate.get("model", "").partition(".")[0]}
    return named | {str(source) for name in takers & ready.keys() for source in ready[name].step.inputs.values()
                    if isinstance(source, Output)}


def take(project: Project, planned: PlannedStep, wanted: set[str]) -> bool:
    """Fetch a shared result's executed notebook and its `wanted` outputs; False where one is damaged or gone: it is
    not used then."""
    result = planned.result
    outputs = [output for name, output in result["outputs"].items() if f"{planned.step}.{name}" in wanted]
    if not is_notebook(project, result["executed"]["sha256"]) or \
            not all(project.store.obtain(output["sha256"]) for output in outputs):
        project.remote.reject(planned.fingerprint)
        return False
    project.keep_result(planned.fingerprint, dict(result))
    take_origin(project, result["origin_run"])
    return True


def is_notebook(project: Project, sha256: str) -> bool:
    """Whether it is to be had, and has the form of one."""
    try:
        cells = json.loads(project.store.read_bytes(sha256))["cells"]
        return all(isinstance(cell["cell_type"], str) and isinstance(cell["source"], str | list) for cell in cells)
    except (KeyError, ValueError, TypeError, RecursionError):
        return False


def take_origin(project: Project, run: str) -> None:
    """What is known of the run that made it, with the versions of what was installed there."""
    if project.origin(run) is None and (facts := project.remote.run(project.pipeline.name, run)):
        if is_distributions(project, facts["environment"]["distributions"]):
            project.keep_elsewhere(facts)


def is_distributions(project: Project, sha256: str) -> bool:
    try:
        found = json.loads(project.store.read_bytes(sha256))
    except (KeyError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and all(isinstance(version, str) for version in found.values())


# giving
class Sharing:
    """Puts results into the shared store, one after the other, while other steps run."""

    def __init__(self, project: Project, remote: Remote):
        self.project, self.remote, self.stop = project, remote, threading.Event()
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sharing")
        self.given: list[Future] = []

    def give(self, fingerprint: str, result: Mapping, *, anew: bool) -> None:
        """Put its content, and then what the result is, when those before it are there."""
        self.given.append(self.thread.submit(self._give, fingerprint, dict(result), anew))

    def _give(self, fingerprint: str, result: Mapping, anew: bool) -> None:
        contents = {one["sha256"] for one in (result["executed"], *result["outputs"].values())}
        if all(map(self._put, contents)):
            self.remote.put_result(fingerprint, result, anew=anew)

    def _put(self, sha256: str) -> bool:
        try:
            path = self.project.store.path(sha256)
        except KeyError:  # somebody has just taken it away
            return False
        return not self.stop.is_set() and \
            self.remote.put_content(sha256, path.stat().st_size, lambda: blocks_of(path, self.stop))

    def finish(self) -> None:
        """Wait until all is there, or somebody has had enough of it: the run itself is done."""
        try:
            for one in self.given:
                one.result()
        except KeyboardInterrupt:
            self.stop.set()

    def give_run(self, record: Mapping) -> None:
        """Say which run the results came of; nothing that says something of this machine alone."""
        facts = without_machine(run_facts(record))
        contract = [facts["contract"]["sha256"]] if facts["contract"] else []
        contents = [facts["environment"]["distributions"], *contract]
        if all(map(self._put, contents)):
            self.remote.put_run(facts)


class Stopped(OSError):
    """The run was interrupted."""


def blocks_of(path: Path, stop: threading.Event) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            if stop.is_set():
                raise Stopped("the run was interrupted")
            yield block


@contextmanager
def sharing(project: Project, options: Options) -> Iterator[Sharing | None]:
    """For a run that works; however it ends, nothing goes on behind its back."""
    remote = project.remote
    if remote is None or project.apart or (options.offline and remote.far):
        yield None
        return
    work = Sharing(project, remote)
    try:
        yield work
    finally:
        work.stop.set()
        work.thread.shutdown(wait=True, cancel_futures=True)
