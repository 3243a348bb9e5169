"""The images: what they are called, and when they are made again."""

import re
import subprocess
from pathlib import Path

import pytest

from notemill.ci.stack import gobuild, images
from notemill.ci.stack.engine import Engine
from notemill.ci.stack.told import Told
from notemill.commands import stack as command
from notemill.errors import NotemillError, UsageError

DOCKERFILE = (images.FILES / "Dockerfile").read_text()


def test_each_image_that_is_built_has_its_part_of_the_dockerfile():
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.M))
    assert {*images.BUILT, "step"} <= stages and set(images.BUILT) == set(images.OFFICIAL)


def test_the_scripts_that_it_copies_are_laid_beside_it():
    copied = {word.split("/")[0] for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.M) for word in line.split()[:-1]}
    laid = {name for names in images.SCRIPTS.values() for name in names} | set(gobuild.PROGRAMS) | {"step"}
    assert copied == laid


def test_an_image_is_made_by_its_own_stages_alone():
    own = images.own_stages(DOCKERFILE, "step")
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", own, re.M)
    assert stages == [("${BASE}", "base"), ("base", "tools"), ("tools", "step")]
    assert own.startswith(DOCKERFILE[:DOCKERFILE.index("FROM")]) and "gitea" not in own


def test_the_environment_names_other_images():
    assert images.names(False, {})["gitea"] == "gitea/gitea:1.26.0-rootless"
    assert images.names(True, {"NOTEMILL_GITEA_IMAGE": "mirror/gitea:1"})["gitea"] == "mirror/gitea:1"
    assert images.names(False, {})["step"] == images.STEP and "+" not in images.STEP


def test_every_image_has_a_fixed_tag():
    for built in (True, False):
        tags = [image.partition(":")[2] for image in images.names(built, {}).values()]
        assert all(tags) and "latest" not in tags


def test_the_image_is_made_again_when_its_content_changes(tmp_path):
    (tmp_path / "a").write_text("1")
    before = images.digest(tmp_path, "step", "debian")
    assert images.digest(tmp_path, "step", "debian") == before
    assert images.digest(tmp_path, "step", "other") != before
    (tmp_path / "a").write_text("2")
    assert images.digest(tmp_path, "step", "debian") != before


def test_what_runs_steps_holds_notemill_and_its_needs(tmp_path):
    images.lay_step(tmp_path, images.Wheel("n.whl", b"wheel", ("click>=8",), b"click==8.5\n"))
    assert (tmp_path / "step" / "wheels" / "n.whl").read_bytes() == b"wheel"
    assert (tmp_path / "step" / "needs.txt").read_text() == "click>=8\n"
    assert {path.name for path in (tmp_path / "step").iterdir() if path.stat().st_mode & 0o111 and path.is_file()} == {
        "install", "prepare"}


def test_the_needs_are_the_cores_and_those_of_a_few_extras():
    found = command.wheel().needs
    assert any(need.startswith("mlflow>=") for need in found) and any(need.startswith("msgspec") for need in found)
    assert not [need for need in found if "extra ==" in need or need.startswith("streamlit")]


def test_a_client_that_cannot_build_is_told_of(tmp_path):
    engine = Engine(("/usr/local/bin/docker",), (), False, tmp_path, "")
    with pytest.raises(UsageError, match="buildx"):
        images.ensure(engine, True, None, Told(lambda text, nl: None))


def test_a_build_that_fails_tells_no_login(tmp_path):
    """As a mirror's own page of an error may name it."""
    docker = tmp_path / "docker"
    address = "http://ann:its-secret@index.example/simple"  # pragma: allowlist secret
    docker.write_text(f'#!/bin/sh\necho "GET {address}: 401" >&2\nexit 1\n')
    docker.chmod(0o755)
    engine = Engine((str(docker),), (), True, tmp_path, "")
    with pytest.raises(NotemillError, match=r"GET http://\*+@index.example/simple: 401") as caught:
        images.build(engine, "step", "image", tmp_path, "debian", "digest")
    assert "its-secret" not in str(caught.value)


def test_the_index_reaches_one_command_and_no_layer():
    hostile = "https://ann:it's $(id)@index.example/simple"
    assert images.index_settings({"UV_DEFAULT_INDEX": ""}) == ""
    with images.secrets({}, index=images.index_settings({"PIP_INDEX_URL": hostile})) as given:
        place = Path(given[1].partition("src=")[2])
        assert given == ["--secret", f"id=index,src={place}"] and place.stat().st_mode & 0o077 == 0
        told = subprocess.run(["sh", "-c", f'. {place}; printf %s "$PIP_INDEX_URL"'], capture_output=True, text=True)
    assert told.stdout == hostile and not place.exists()
    assert not [name for name in images.INDEX if name in DOCKERFILE]
