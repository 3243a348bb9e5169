"""What is pinned: the versions of training, the project's, or notemill's; always with hashes, never with a login."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from secret_samples import PASSWORD, index

from notemill.distribution import own_wheel
from notemill.errors import NotemillError
from notemill.release.image import pins
from notemill.release.image.base import Base
from notemill.release.image.source import find_source
from notemill.wheel import write_wheel

BASE = Base("base:1", "sha256:0", 1, (3, 11, 2), "x86_64")


@pytest.fixture(params=["pip", "uv"])
def installer(request, monkeypatch):
    """Each of the two, as if the other were not here."""
    if request.param == "pip":
        monkeypatch.setattr(pins.shutil, "which", lambda name, path=None: None)
    elif not (shutil.which("uv") or pins.beside("uv")):
        pytest.skip("uv is not installed here")
    return request.param


@pytest.fixture
def shelf(tmp_path):
    """An index of two distributions, without a network: the environment that names it."""
    from datetime import datetime

    for name, version, needs in (("mill", "1.0", ["stone>=2"]), ("stone", "2.0", []), ("stone", "2.1", [])):
        write_wheel(tmp_path / "shelf", {f"{name}.py": b""}, name=name, version=version, summary="", text="",
                    requires=needs, python=">=3.9", when=datetime(2026, 1, 1), generator="tests")
    place = str(tmp_path / "shelf")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": place, "UV_NO_INDEX": "1", "UV_FIND_LINKS": place,
            "HOME": str(tmp_path)}


def found(text):
    return dict(re.findall(r"(?m)^([\w-]+)==(\S+)", text))


def test_all_of_it_is_pinned_with_hashes(installer, shelf):
    text = pins.resolved(["mill>=1"], ["stone==2.0"], BASE, shelf)
    assert found(text) == {"mill": "1.0", "stone": "2.0"} and text.count("--hash=sha256:") == 2


def test_what_cannot_be_had_is_told(installer, shelf):
    with pytest.raises(NotemillError) as told:
        pins.resolved(["mill>=3"], [], BASE, shelf)
    assert "cannot be pinned" in str(told.value) and "mill" in str(told.value) and "as wheels" in str(told.value)


def test_a_list_is_made_once(shelf, tmp_path, monkeypatch, wheel):
    asked = []
    monkeypatch.setattr(pins, "resolved", lambda needs, limits, *more: asked.append((needs, limits)) or "a==1\n")
    source, own = find_source(None, str(wheel), {}, print), own_wheel()[1]
    for demo in (True, True, False):
        assert pins.pinned(source, own, BASE, demo, None, tmp_path / "kept", {}, print) == b"a==1\n"
    assert len(asked) == 2 and len(list((tmp_path / "kept").iterdir())) == 2
    assert any(need.startswith("streamlit") for need in asked[0][0])
    assert not any(need.startswith(("streamlit", "mlflow")) for need in asked[1][0])
    assert any(need.startswith("msgspec") for need in asked[1][0]) and "scikit-learn==1.9.1" in asked[1][1]


def test_the_versions_of_training_go_before_those_of_the_project(tmp_path):
    text = "# tested\nScikit_Learn==2.0\nuvicorn==0.54.0  # why\n    # via x\nclick>=1\n"
    (tmp_path / "constraints.txt").write_text(text)
    assert list(pins.constraints({"scikit-learn": "1.9.1"}, tmp_path)) == ["scikit-learn==1.9.1", "uvicorn==0.54.0"]


def test_outside_a_project_it_is_what_notemill_is_tested_with():
    limits = list(pins.constraints({"pandas": "1.0"}, None))
    assert limits[0] == "pandas==1.0" and any(one.startswith("uvicorn==") for one in limits)
    assert not any(one.startswith("pandas==3") for one in limits)


def test_an_extra_keeps_its_other_conditions():
    needs = list(pins.extras_of(own_wheel()[1], ("serve",)))
    uvloop = next(need for need in needs if need.startswith("uvloop"))
    assert re.fullmatch(r"""uvloop>=[\d.]+ ; \(?sys_platform != (['"])win32\1\)?""", uvloop) and len(needs) == 4


def test_an_index_with_a_login_is_asked_and_not_told_of(installer, tmp_path):
    with index("127.0.0.1") as (environ, seen):
        text = pins.resolved(["six==1.17.0"], [], BASE, {**environ, "HOME": str(tmp_path)})
        with pytest.raises(NotemillError) as told:
            pins.resolved(["six==99"], [], BASE, {**environ, "HOME": str(tmp_path)})
    assert found(text) == {"six": "1.17.0"} and [path for path, _ in seen if path.startswith("/simple/six")]
    assert PASSWORD not in text and PASSWORD not in str(told.value)


def test_without_an_installer_it_says_so(monkeypatch, tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(NotemillError, match="neither uv nor pip"):
        pins.resolved(["six"], [], BASE, {"PATH": str(Path("/nowhere"))})
