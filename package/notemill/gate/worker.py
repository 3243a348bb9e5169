"""The gate's process: `python -m notemill.gate.worker JOB.json RESULT.json`. It judges; the model runs in another."""

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from notemill.files import write_json
from notemill.gate import asking, metrics
from notemill.gate.checks import SETTINGS, checks_for
from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged
from notemill.gate.metrics import BadMetric
from notemill.gate.verdict import Check, from_json, refused


def main(job_file: str, result_file: str) -> None:
    job = json.loads(Path(job_file).read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the figures speak for themselves; what is no number is refused
        write_json(Path(result_file), judge_job(job, partial(ask, job)))


def ask(job: Mapping, who: str, tables: Mapping, is_regression: bool) -> asking.Asked:
    """Start the "model" or the "champion", whose bundle and code the job names."""
    asked = job if who == "model" else job["champion"]
    return asking.ask(Path(asked["bundle"]), Path(job["folder"]) / who, asked["code"], tables, is_regression,
                      seconds=job["seconds"])


def judge_job(job: Mapping, ask: Callable) -> dict:
    """{"metric", "n", "checks"}, or {"usage": [keys, got, allowed, hint]} where the configuration makes no sense."""
    evidence = Evidence(job, ask)
    try:
        found = configuration(evidence)
    except BadMetric as error:
        return {"usage": [list(error.keys), *error.args]}
    start(evidence)
    judged = Judged(evidence)
    try:
        return {**found, "checks": [carry_out(name, check, judged).as_json()
                                    for name, check in checks_for(evidence.config).items()]}
    finally:
        stop(evidence)


def configuration(evidence: Evidence) -> dict:
    """The metric and the number of rows, as far as they can be told."""
    try:
        metric, rows = evidence.metric, len(evidence.held_out)
    except BadMetric:
        raise
    except Exception:  # a table or schema that cannot be read: each check will say so
        return {"metric": evidence.config.get("metric"), "n": None}
    if evidence.config.get("floor") is not None:
        metrics.check_floor(metric, evidence.config["floor"])
    metrics.check_margin(metric, evidence.config)
    for check_settings in SETTINGS:
        check_settings(evidence)
    return {"metric": metric.name, "n": rows}


def start(evidence: Evidence) -> None:
    """Let the model begin, and fit its rivals meanwhile."""
    for work in ("asked", "dummies", "baselines", *(["champion_asked"] if evidence.champion else [])):
        with suppress(Exception):  # `once` keeps it and raises it again: the check that asks for it is refused with it
            getattr(evidence, work)


def stop(evidence: Evidence) -> None:
    """End the processes of models, if any were started."""
    for work in ("asked", *(["champion_asked"] if evidence.champion else [])):
        with suppress(Exception):  # none was; the checks have said why
            getattr(evidence, work).end()


def carry_out(name: str, check: Callable[[Judged], Check], judged: Judged) -> Check:
    """One check; whatever goes wrong in it is a refusal."""
    try:
        return from_json(check(judged).as_json())
    except Exception as error:
        kind = type(error).__name__
        known = kind in ("Unfit", "Unsure", "ModelFailed")
        return refused(name, str(error) if known else f"the check failed: {kind}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
