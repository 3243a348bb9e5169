"""kill -9 between any two writes of a promotion: nobody sees half of it, and the next command finishes or undoes it."""

import shutil
import subprocess
import sys

import pytest
from ledger_samples import crown, enter_many, process_env, project_of
from tiny import cli

from notemill.project import open_project
from notemill.registry import check, current_champion, open_records, read_ledger, registry
from notemill.registry.following import look


def rehearse(root, where, *words):
    """[(point, the project in which the command was killed there)]."""
    where.mkdir()
    script = sys.modules[project_of.__module__].__file__
    done = subprocess.run([sys.executable, script, "rehearse", str(root), str(where), *words], env=process_env(),
                          capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr[-3000:]
    points = (where / "points.txt").read_text().splitlines()
    return [(point, where / str(number)) for number, point in enumerate(points, 1)]


def state_of(root):
    """(champion by the ledger, MLflow's alias, what differs)."""
    records, uri = open_records(open_project(root)), f"sqlite:///{root / 'mlflow.db'}"
    champion = current_champion(uri, "toy", records)
    with registry(uri) as client:
        found = check(client, "toy", records)[1]
        return champion["version"], look(client, "toy").aliases.get("champion"), [one.what for one in found]


@pytest.fixture
def project(tmp_path):
    """Version 1 is the champion, 2 the challenger; the records have the files of the champion alone."""
    root = tmp_path / "project"
    records, uri = project_of(root)
    first, _ = enter_many(uri, records, "toy", "a", "b")
    with registry(uri) as client:
        crown(client, records, first)
    return root


NEXT = {"promote": (["promote", "2"], (2, 2)), "rollback": (["rollback", "--by", "Bob"], (1, 1)),
        "check": (["registry", "check", "--fix"], None)}


@pytest.mark.slow
def test_a_promotion_that_is_killed(project, tmp_path):
    """At each point: as before or as after, and no other; whatever command comes next, it goes on from there."""
    shutil.rmtree(project / ".notemill-records" / "versions")  # so that these are written again, from MLflow
    killed = rehearse(project, tmp_path / "copies", "promote", "2", "--by", "Ada")
    names = [point for point, _ in killed]
    assert {"link", "replace", "set_registered_model_tag", "set_registered_model_alias"} <= {
        name.split()[1] for name in names}
    written = next(number for number, name in enumerate(names) if name.startswith("after link"))
    for number, (point, root) in enumerate(killed):
        after = 2 if number >= written else 1
        champion, alias, differs = state_of(root)
        assert champion == after, point
        assert (alias == champion) == (not any("alias `champion`" in what for what in differs)), point
        follow_up = ("promote", "check", "rollback")[number % 3]
        finish(root, follow_up, after, point)


def finish(root, follow_up, before, point):
    """The next command, and what has to be true after it."""
    words, expected = NEXT[follow_up]
    result = cli(*words, project=root)
    if follow_up == "rollback" and before == 1:
        assert result.code == 2 and "has none before it" in result.err, point
        expected = (1, 1)
    else:
        assert result.code == 0, (point, result.err)
    assert state_of(root) == (*(expected or (before, before)), []), point
    ledger = read_ledger(open_records(open_project(root)), "toy")
    assert [one["move"] for one in ledger.entries].count("promote") <= 2 and ledger.number <= 3, point


@pytest.mark.slow
def test_a_rollback_that_is_killed(project, tmp_path):
    assert cli("promote", "2", project=project).code == 0
    killed = rehearse(project, tmp_path / "copies", "rollback", "--by", "Ada")
    names = [point.split()[1] for point, _ in killed]
    assert {"link", "set_registered_model_tag", "set_registered_model_alias"} <= set(names)
    written = next(number for number, (point, _) in enumerate(killed) if point.startswith("after link"))
    for number, (point, root) in enumerate(killed):
        after = 1 if number >= written else 2
        assert state_of(root)[0] == after, point
        assert cli("registry", "check", "--fix", project=root).code == 0, point
        assert state_of(root) == (after, after, []), point
