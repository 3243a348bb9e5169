"""What an image is known by, and what it is called."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from notemill.errors import NotemillError, UsageError
from notemill.release.image import context, making, parts, pushing
from notemill.release.image.base import Base
from notemill.release.image.own import small_wheel
from notemill.release.image.source import find_source

BASE = Base("base:1", "sha256:0", 1, (3, 11, 2), "x86_64")


@pytest.fixture(scope="module")
def made(wheel):
    source = find_source(None, str(wheel), {}, print)
    return context.Parts(source, ("notemill-1-py3-none-any.whl", b"own"), b"a==1\n",
                         context.dockerfile(None, ">=3.11"), BASE, True)


def test_the_same_parts_have_the_same_digest_and_others_another(made):
    others = [{"pins": b"a==2\n"}, {"demo": False}, {"dockerfile": b"FROM x"}, {"own": ("b.whl", b"own")},
              {"base": dataclasses.replace(BASE, id="sha256:1")},
              {"source": dataclasses.replace(made.source, signed=True)}]
    digests = [dataclasses.replace(made, **change).digest for change in others]
    assert dataclasses.replace(made).digest == made.digest and len({made.digest, *digests}) == len(others) + 1
    assert dataclasses.replace(made, base=dataclasses.replace(BASE, name="mirror/base:1")).digest == made.digest


def test_all_that_the_dockerfile_copies_is_laid(made, tmp_path):
    context.lay(made, tmp_path)
    lines = [line for line in made.dockerfile.decode().splitlines() if line.startswith("COPY ")]
    copied = {word for line in lines if "--from" not in line for word in line.split()[1:-1]}
    assert copied == {"pins.txt", "files/trim.py", "files/compiled.py", "wheels", "files", "model.json"}
    assert all((tmp_path / name).exists() for name in copied)
    facts = json.loads((tmp_path / "model.json").read_text())
    assert facts["package"] == "imaged_model" and facts["image"] == made.digest and facts["signed"] == "no"


def test_an_image_is_named_by_commit_and_version(made):
    assert context.names(made.source, True) == ("imaged-model:6e976e976e97", "imaged-model:3-g6e976e976e97")
    assert context.names(made.source, False, "r.example/x")[0] == "r.example/x:6e976e976e97-service"
    dirty = dataclasses.replace(made.source, dirty=True)
    assert context.names(dirty, True)[0] == "imaged-model:6e976e976e97-dirty"
    odd = dataclasses.replace(made.source, commit=None, facts={**made.source.facts, "distribution": "Älter_Bär--model",
                                                               "version": "3+nocommit"})
    assert context.names(odd, True) == ("lter-b-r-model:3-nocommit", "lter-b-r-model:3-nocommit")


def test_labels_are_of_one_line_each(made):
    labels = context.labels(dataclasses.replace(made, source=dataclasses.replace(made.source, summary="a\nb  c")))
    assert labels["org.opencontainers.image.description"] == "a b c"
    assert labels["org.opencontainers.image.base.name"] == "base:1" and all(labels.values())


def test_the_projects_dockerfile_is_taken(tmp_path):
    (tmp_path / "Dockerfile").write_text("ARG BASE=mirror.example/python:3.12-slim\nFROM ${BASE}\n")
    text = context.dockerfile(tmp_path, ">=3.11")
    assert b"mirror" in text and context.usual_base(text) == "mirror.example/python:3.12-slim"
    usual = context.dockerfile(None, ">=3.12")
    assert context.usual_base(usual) == "python:3.12-slim" and b"@" not in usual
    assert context.dockerfile(tmp_path / "elsewhere", ">=3.12") == usual


def test_one_of_another_kind_is_refused(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11-slim\nCOPY dist/*.whl /tmp/\n")
    with pytest.raises(UsageError) as told:
        context.dockerfile(tmp_path, ">=3.11")
    assert "has no line ARG BASE=IMAGE" in str(told.value) and "notemill init" in str(told.value)


def test_of_notemill_only_what_answers_is_in_it():
    from notemill.distribution import own_wheel

    name, content = small_wheel(own_wheel()[1])
    assert small_wheel(own_wheel()[1]) == (name, content) and len(content) < 500_000
    assert b"notemill/serve/app.py" in content and b"notemill/demo/server.py" in content
    assert b"notemill/cli" not in content and b"notemill/release" not in content and b"LICENSE" in content


def test_large_parts_come_first_with_their_reasons():
    rows = parts.table({"numpy": 52_600_000, "odd": 2_000_000, "tiny": 500_000, "x-model": 900_000}, "x-model")
    assert [row["package"] for row in rows] == ["numpy", "odd", "x-model", "the rest"]
    assert rows[0] == {"package": "numpy", "mb": 52.6, "why": "all figures, with a BLAS of its own"}
    assert [row["why"] for row in rows[1:]] == [parts.NEED, "this model", "1 small packages"]


@pytest.mark.parametrize("name", ["a/b:tag", "A/B", "r.example/", "-x", "r.example:5000/a b", "", "a//b", "a/b\n"])
def test_what_is_no_repository_is_refused(name):
    with pytest.raises(UsageError, match="is no repository"):
        pushing.check_repository(name)


@pytest.mark.parametrize("name", ["model", "team/model", "127.0.0.1:5000/team/my-model", "r.example/a_b/c.d"])
def test_a_repository_may_be_named(name):
    pushing.check_repository(name)


KNOWN = {"NOTEMILL_REGISTRY": "127.0.0.1:7302", "NOTEMILL_REGISTRY_USERNAME": "registry",
         "NOTEMILL_REGISTRY_PASSWORD": "p"}  # pragma: allowlist secret


@pytest.mark.parametrize(("repository", "environ"), [
    ("127.0.0.1:7302/x", {}), ("r.example/x", KNOWN), ("127.0.0.1:73021/x", KNOWN),
    ("127.0.0.1:7302/x", {**KNOWN, "NOTEMILL_REGISTRY_USERNAME": ""})])
def test_a_login_goes_to_no_other_registry(repository, environ):
    assert pushing.login_of(repository, environ) is None


def test_the_registry_that_the_environment_names_gets_its_login():
    assert list(pushing.login_of("127.0.0.1:7302/x", KNOWN).items()) == [("username", "registry"), ("password", "p")]


def test_builds_of_a_server_share_the_lists_of_packages(tmp_path):
    assert making.pins_folder(tmp_path, {"NOTEMILL_PINS": "/store/pins"}) == Path("/store/pins")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "pipeline.yaml").touch()
    assert making.pins_folder(tmp_path, {}) == tmp_path / ".notemill" / "images"


class Found:
    """An image in an engine, newest first; `labelled`: those of its parts, also where it was built on top of one."""

    def __init__(self, number, *tags):
        self.id, self.tags = f"sha256:{number}", [*tags]

    def tag(self, place, tag):
        self.tags.append(f"{place}:{tag}")


def test_only_an_image_that_was_asked_is_taken_again(made, tmp_path):
    """One that somebody has built on top of it has its labels, and may even have its name."""
    ours, theirs = Found(1, "imaged-model:6e976e976e97"), Found(2, "mine:1")
    thief, nameless = Found(3, "imaged-model:3-g6e976e976e97"), Found(4)
    asked = []
    fake = SimpleNamespace(images=SimpleNamespace(
        list=lambda filters: asked.append(filters) or [theirs, thief, nameless, ours]))
    assert making.named(fake, made, tmp_path / "passed") is None and theirs.tags == ["mine:1"]
    for one in (ours, nameless):
        making.note(tmp_path / "passed", one, made)
    assert making.named(fake, made, tmp_path / "passed") is ours
    assert set(context.names(made.source, True)) == set(ours.tags) and theirs.tags == ["mine:1"]
    assert asked == [{"label": f"notemill.content={made.digest}"}] * 2


def test_an_image_is_noted_once_it_was_asked(made, tmp_path, monkeypatch):
    """And not where it fails."""
    pytest.importorskip("docker")
    environ, noted, client = {"NOTEMILL_PINS": str(tmp_path)}, tmp_path / "passed" / "sha256-1", SimpleNamespace()
    client.images = SimpleNamespace(list=lambda filters: [])
    client.close = lambda: None
    for name, value in {"find_source": made.source, "connect": client, "gathered": made, "described": "it"}.items():
        monkeypatch.setattr(making, name, lambda *words, value=value: value)
    monkeypatch.setattr(making, "made", lambda *words: fail())
    with pytest.raises(NotemillError):
        making.ensure(None, "x.whl", environ=environ)
    assert not noted.exists()
    monkeypatch.setattr(making, "made", lambda *words: (Found(1), {}))
    assert making.ensure(None, "x.whl", environ=environ) == "it" and noted.is_file()


def fail():
    raise NotemillError("the image", "it answers wrongly")
