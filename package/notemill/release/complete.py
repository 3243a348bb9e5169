"""What is known of a version once it has passed: verdict, provenance, card, and golden rows."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from notemill import card, signing, wheel
from notemill.errors import NotemillError
from notemill.gate import page
from notemill.project import Project
from notemill.registry import Records
from notemill.release.described import card_files
from notemill.runtime.golden import same

PATIENCE = 300  # seconds that plan and golden rows may take


def complete(project: Project, record: Mapping, records: Records, manifest: dict, verdict: Mapping) -> dict:
    """The manifest with verdict, golden rows, provenance and card."""
    metric = next(check for check in verdict["checks"] if check["check"] == "metric")
    manifest = {**manifest, "verdict": verdict["verdict"], "metric": verdict["metric"], "figure": metric["figure"]}
    origin = project.origin(manifest["run"]) or record
    proof = wheel.statement(origin, {**manifest["files"], **manifest["code"]},
                            pipeline=project.name_of(project.pipeline.path))
    more = {"verdict.json": pretty(verdict), "provenance.json": pretty(proof),
            "verdict.html": page.render(verdict).encode("utf-8", "replace")}
    files = {**manifest["files"], **{name: records.add(data) for name, data in more.items()}}
    manifest = {**manifest, "files": files}
    words = card_files(project, record, records, manifest, verdict)
    files |= {name: records.add(data) for name, data in words.items()}
    made = asked(project, record, records, manifest)
    check_golden(json.loads(made["golden.json"]), verdict)
    files |= {name: records.add(data) for name, data in made.items()}
    return manifest


def pretty(value: object) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


PROGRAM = """import sys
from pathlib import Path
from {package} import model
from {package}.golden import make
from notemill.compile import make as make_plan
folder, table = Path(sys.argv[1]), Path(sys.argv[2])
make_plan(folder, table, model())
make(table, folder / "golden.json")
"""


def asked(project: Project, record: Mapping, records: Records, manifest: Mapping) -> dict[str, bytes]:
    """What the package itself makes, in a process of its own: its scoring plan, and golden rows: what it says of some
    held-out ones."""
    step, _, output = project.pipeline.gate["data"].partition(".")
    facts = next(one for one in record["steps"] if one["step"] == step)["outputs"][output]
    table, package = str(project.store.path(facts["sha256"])), wheel.import_name(manifest["name"])
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        wheel.write_tree(wheel.package_files(manifest, records.read), Path(folder))
        failure = failure_of([sys.executable, "-c", PROGRAM.format(package=package), package, table], folder)
        if failure:
            raise NotemillError("the model package", f"does not predict the held-out rows: {failure}",
                                hint="what the model needs must be in cells tagged `export`, or in package/")
        return {path.name: path.read_bytes() for path in Path(folder, package).iterdir() if path.name in card.LATER}


def check_golden(golden: Mapping, verdict: Mapping) -> None:
    """Raise NotemillError where the package says of its golden rows what its trial did not say before the gate."""
    skew = next((check for check in verdict["checks"] if check["check"] == "skew"), {})
    trial = (skew.get("details") or {}).get("golden", {})
    wrong = [f"row {row + 1}: {what} were {before}, are {after}" for what in trial
             for row, (before, after) in enumerate(zip(trial[what], golden[what], strict=True))
             if not same(before, after)]
    if wrong:
        raise NotemillError("the model package", f"does not predict what its trial before the gate did: {wrong[0]}"
                            + (f"; and {len(wrong) - 1} more" if len(wrong) > 1 else ""),
                            hint="a model that gives the same rows other answers cannot be registered: is there "
                                 "chance in it?")


def failure_of(command: list[str], folder: str) -> str | None:
    """Run a command: the last thing that it said where it failed."""
    environ = {name: value for name, value in os.environ.items() if name not in signing.KEPT_BACK}
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE,
                              env=environ)
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE} s"
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1] if done.returncode else None
