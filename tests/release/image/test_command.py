"""`notemill image`, as people call it."""

import json

import pytest
from tiny import cli, make_project, notebook

from notemill.errors import NotemillError
from notemill.project import open_project
from notemill.release.image.source import find_source


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_tells_what_it_made(built, engine, wheel, tmp_path):
    """`built` is the same: nothing is built again."""
    done = cli("image", str(wheel), "--base", engine[1].name, "--json", project=tmp_path)
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["image"] == "imaged-model:6e976e976e97" and said["error"] is None and said["pushed"] == {}
    assert said["names"] == list(built.names) and said["bytes_above_base"] == said["bytes"] - said["base"]["bytes"]
    assert said["built"] is False and said["ready"] is None
    assert sum(part["mb"] for part in said["parts"]) == pytest.approx(said["bytes_above_base"] / 1e6, rel=0.05)
    told = cli("image", str(wheel), "--base", engine[1].name, project=tmp_path)
    assert told.code == 0 and "there already" in told.out and "docker run --rm --read-only --tmpfs /tmp" in told.out


def test_a_place_that_is_no_repository_is_refused_before_anything_is_done(tmp_path):
    done = cli("image", "champion", "--push", "r.example/x:1", "--json", project=tmp_path)
    assert done.code == 2 and "is no repository" in json.loads(done.out)["error"]["got"]


@pytest.mark.parametrize(("words", "why"), [
    (("--tag", "abc"), "none is named"), (("--push", "r.example/x", "--tag", "-rf"), "is no tag"),
    (("--push", "r.example/x", "--tag", "a b"), "is no tag"), (("--push", "r.example/x", "--tag", ""), "is no tag")])
def test_a_tag_that_is_none_is_refused_before_anything_is_done(tmp_path, words, why):
    done = cli("image", "champion", *words, "--json", project=tmp_path)
    assert done.code == 2 and why in json.loads(done.out)["error"]["got"]


def test_a_version_outside_a_project_is_refused(tmp_path):
    done = cli("image", "3", project=tmp_path)
    assert done.code == 2 and "no Notemill project" in done.err


def test_a_wheel_that_is_not_there_is_told(tmp_path):
    done = cli("image", str(tmp_path / "none.whl"), project=tmp_path)
    assert done.code == 2 and "there is no such file" in done.err


def test_a_dockerfile_of_an_earlier_notemill_is_told(engine, wheel, tmp_path):
    root = make_project(tmp_path / "old", steps={"one": {"notebook": "one.ipynb"}},
                        notebooks={"one.ipynb": notebook("a = 1")})
    (root / "Dockerfile").write_text("FROM python:3.11-slim\nCOPY dist/*.whl /tmp/\n")
    done = cli("image", str(wheel), project=root)
    assert done.code == 2 and "has no line ARG BASE=IMAGE" in done.err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_version_is_found_and_without_golden_rows_refused(tmp_path):
    """As those are that were registered before there were any."""
    from version_samples import registered_project

    project = open_project(registered_project(tmp_path / "project"))
    with pytest.raises(NotemillError, match=r"mixed_model-2\+nocommit-py3-none-any.whl: has no golden rows"):
        find_source(project, "2", {}, print)
