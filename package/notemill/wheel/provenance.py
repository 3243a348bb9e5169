"""Where a model comes from: an in-toto statement with SLSA's provenance predicate, version 1."""

from collections.abc import Iterator, Mapping

import notemill
from notemill.text import without_machine

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"


def statement(record: Mapping, subjects: Mapping[str, str], *, pipeline: str) -> dict:
    """The statement for `subjects` (file name -> sha256) that the run of `record` made. It names no machine."""
    return {"_type": TYPE, "subject": [_resource(name, sha256) for name, sha256 in sorted(subjects.items())],
            "predicateType": PREDICATE, "predicate": {"buildDefinition": _definition(record, pipeline),
                                                      "runDetails": _details(record)}}


def _definition(record: Mapping, pipeline: str) -> dict:
    return {"buildType": "urn:notemill:run:v1",
            "externalParameters": {"project": record["project"], "pipeline": pipeline,
                                   "params": without_machine({one["step"]: one["params"] for one in record["steps"]})},
            "internalParameters": {"reason": record["reason"], "python": record["environment"]["python"],
                                   "distributions": record["environment"]["distributions"]},
            "resolvedDependencies": [*_sources(record), *_notebooks(record), *_data(record)]}


def _details(record: Mapping) -> dict:
    return {"builder": {"id": f"urn:notemill:{notemill.__version__}", "version": {"notemill": notemill.__version__}},
            "metadata": {"invocationId": record["run"], "startedOn": record["started"],
                         "finishedOn": record["ended"]}}


def _resource(name: str, sha256: str) -> dict:
    return {"name": name, "digest": {"sha256": sha256}}


def _sources(record: Mapping) -> Iterator[dict]:
    if git := record["git"]:
        yield {"name": "source", "digest": {"gitCommit": git["commit"]},
               "annotations": {"branch": git["branch"], "dirty": git["dirty"]}}


def _notebooks(record: Mapping) -> Iterator[dict]:
    for step in record["steps"]:
        yield _resource(step["notebook"], step["notebook_sha256"])


def _data(record: Mapping) -> Iterator[dict]:
    """What came from outside the pipeline, each once."""
    names = {step["step"] for step in record["steps"]}
    seen = set()
    for step in record["steps"]:
        for facts in step["inputs"].values():
            if str(facts["from"]).partition(".")[0] in names:
                continue
            for file in facts.get("files") or [{"name": str(facts["from"]), **facts}]:
                if (file["name"], file["sha256"]) not in seen:
                    seen.add((file["name"], file["sha256"]))
                    yield _resource(without_machine(file["name"]), file["sha256"])
