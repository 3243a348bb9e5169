"""Versions that are made of next to nothing, and moves of them, in this process and in others."""

import json
import os
import sys
from pathlib import Path
from unittest.mock import patch

ADA, BOB, EVE = "Ada Byron <ada@example.org>", "Bob Moss <bob@example.org>", "Eve Lund <eve@example.org>"


def bare(records, name, label, *, verdict=None, **more):
    """A manifest whose files are a few words each, all of them in `records`."""
    from notemill.registry import content_of

    judged = {"verdict": "passed", "champion": None, **(verdict or {})}
    texts = {"model.skops": f"model {label}", "schema.json": "{}", "types.json": "[]", "card.md": f"card {label}",
             "verdict.json": json.dumps(judged)}
    manifest = {
        "format": 1, "notemill": "0.1.0", "name": name, "task": "regression", "target": "y", "run": f"run-{label}",
        "created": "2026-11-20T10:00:00+00:00", "commit": 10 * "6e97", "dirty": False, "author": ADA, "risk": "low",
        "steps": ["train", "prepare"], "python": "3.11", "trained_with": {}, "requires": [], "verdict": "passed",
        "metric": "r2", "figure": 0.5, "code": {},
        "files": {file: records.add(text.encode()) for file, text in texts.items()}, **more}
    return manifest | {"content": content_of(manifest)}


def reviewed_words():
    """A model_card.md that even a high risk is content with."""
    from datetime import date

    from notemill.card.human import TITLES

    sections = "\n\n".join(f"## {title}\n\nWords on it." for title in TITLES.values())
    return f"---\nauthor: {ADA}\nowner: {ADA}\nreviewed: {date.today().isoformat()}\n---\n\n{sections}\n"


def enter(client, records, manifest):
    """Register it as `notemill register` does, less MLflow's own form of the model: its manifest with its number."""
    from model_samples import new_run

    from notemill.registry import align, register, sending, take_up

    align(client, manifest["name"], records)
    if known := take_up(client, manifest["name"], manifest["content"], records):
        return known
    run = new_run(client, manifest["name"], client.tracking_uri)
    with patch.object(sending, "_save_model", lambda target, *rest: target.mkdir()):
        register(client, manifest, records, {}, run)
    return take_up(client, manifest["name"], manifest["content"], records)


def enter_many(uri, records, name, *labels, **more):
    """Versions 1, 2, ...: their manifests."""
    from notemill.registry import registry

    with registry(uri) as client:
        return [enter(client, records, bare(records, name, label, **more)) for label in labels]


def crown(client, records, manifest, by=BOB, reason=None):
    """Promote it, as `notemill promote` does: the entry, None where it is the champion already."""
    from notemill.registry import align, append, moves

    name = manifest["name"]
    records.keep_for_good(manifest)
    verdict = json.loads(records.read(manifest["files"]["verdict.json"]))
    _, entry = append(records, name, lambda ledger: moves.promote(ledger, manifest, verdict, "low", by, reason))
    align(client, name, records)
    return entry


def project_of(root, name="toy", **more):
    """A project of that name without notebooks to speak of, its records, and where its MLflow is."""
    from tiny import make_project, notebook

    from notemill.project import open_project
    from notemill.registry import open_records

    make_project(root, name=name, steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": notebook("1")},
                 **more)
    (root / "model_card.md").write_text(reviewed_words())
    return open_records(open_project(root)), f"sqlite:///{root / 'mlflow.db'}"


# in a process of its own
def race(uri, root, name, seed, rounds):
    """Register and promote so often; every third version is one that all have. Prints what came of each round."""
    from notemill.place import open_place
    from notemill.registry import Records, registry

    records = Records(open_place(root, Path("."), "the test"))
    for turn in range(int(rounds)):
        label = f"shared {turn}" if turn % 3 == 0 else f"{seed} {turn}"
        with registry(uri) as client:
            manifest = enter(client, records, bare(records, name, label))
        with registry(uri) as client:
            entry = crown(client, records, manifest, f"racer {seed}")
        print(json.dumps([manifest["version"], manifest["content"], entry and entry["number"]]), flush=True)


def rehearse(root, where, *words):
    """The points of a command at which it could be killed, one to a line; then, for each, in a copy of the project at
    `root`, the command dies there, and the copy stays in `where`. MLflow is imported once: each death is a fork's."""
    import shutil

    import mlflow.pyfunc  # noqa: F401 - before the forks, once
    from mlflow.store.tracking import sqlalchemy_store  # noqa: F401 - likewise

    points = Path(where, "points.txt")
    for number in range(1 + run_and_die(shutil.copytree(root, Path(where, "0")), None, points, words)):
        if number:
            run_and_die(shutil.copytree(root, Path(where, str(number))), number, points, words)


def run_and_die(project, number, points, words):
    """Run the command in a process of its own that kills itself at that point; how many points there were."""
    child = os.fork()
    if not child:
        from notemill.cli import main

        watch(number, points)
        main([*words, "--project", str(project)])
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) == bool(number), (number, status)
    return len(points.read_text().splitlines())


def watch(deadly, points):
    """Each write, to the records and to MLflow, is two points: right before it, and right after."""
    from mlflow import MlflowClient

    seen, writing = [], []

    def point(text):
        seen.append(text)
        if deadly is None:
            points.write_text("\n".join(seen) + "\n")
        elif len(seen) == deadly:
            os.kill(os.getpid(), 9)

    def watched(act, name):
        def acting(*args, **more):
            if writing:  # one write is made of another
                return act(*args, **more)
            writing.append(name)
            label = f"{name} {' '.join(str(arg) for arg in args[1:])}"
            point(f"before {label}")
            try:
                return act(*args, **more)
            finally:
                writing.clear()
                point(f"after {label}")

        return acting

    for owner, names in ((os, ("link", "replace")),
                         (MlflowClient, ("set_registered_model_alias", "delete_registered_model_alias",
                                         "set_registered_model_tag", "set_model_version_tag"))):
        for name in names:
            setattr(owner, name, watched(getattr(owner, name), name))


def process_env():
    here = Path(__file__).parent
    import notemill

    paths = [str(here), str(Path(notemill.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
