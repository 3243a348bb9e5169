"""Images of a real model, built and asked by a real engine."""

import dataclasses
import io
import json
import re
import tarfile
import time

import pytest
from containers import docker, layers, once, running
from rebuilding import as_json, rebuilt

from notemill.errors import NotemillError
from notemill.release import image as images
from notemill.release.image import context, making, trial
from notemill.release.image.inside import run
from notemill.release.image.source import find_source

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
AS_IT_WILL_BE = trial.AS_IT_WILL_BE
PREFIXES = ("opt/needs/", "opt/model/")
MB = 1_000_000


@pytest.fixture(scope="module")
def inside(built, engine):
    """{path: (entry, content)} of what lies above the base."""
    settings, files = layers(engine[0], built.id)
    return {entry.name: (entry, content) for _, entry, content in files if entry.name.startswith(PREFIXES)}


# what it is

def test_it_is_small(built, wheel, engine):
    alone = images.ensure(None, str(wheel), demo=False, base=engine[1].name)
    assert built.above < 550 * MB and alone.above < 350 * MB
    assert {"streamlit", "altair"} & set(built.parts) and not {"streamlit", "altair"} & set(alone.parts)
    assert sum(alone.parts.values()) == pytest.approx(alone.above, rel=0.05)
    assert {"mlflow", "papermill", "ipykernel", "pip", "setuptools"}.isdisjoint({*built.parts, *alone.parts})
    assert alone.reference == f"{built.reference}-service"
    assert once(engine[0], alone.id, "demo", **AS_IT_WILL_BE)[0] == 2
    engine[0].images.remove(alone.id, force=True)


def test_it_holds_nothing_that_is_not_needed(inside):
    names = list(inside)
    assert not [name for name in names if re.search(r"/(pip|setuptools|wheel|mlflow)/|/tests/|/\.cache/|flight", name)]
    assert not [name for name in names if re.search(r"\.(c|h|pyx|whl|map)$", name)]
    kept = {name.split("/")[4] for name in names if name.startswith("opt/model/lib/notemill/") and name.count("/") > 4}
    assert kept == {"serve", "demo", "__pycache__"}
    assert [name for name in names if "libarrow_substrait" in name]
    assert sorted(name for name in names if "/bin/" in name) == ["opt/model/bin/notemill-model"]  # pythons are links


def test_it_is_nobodys_and_may_be_read_only(built, engine):
    settings = engine[0].images.get(built.id).attrs["Config"]
    assert settings["User"] == "10001:10001" and settings["Entrypoint"] == ["notemill-model"]
    assert set(settings["ExposedPorts"]) == {"8000/tcp", "8501/tcp"} and settings["Cmd"] == ["serve"]
    assert settings["Healthcheck"]["Test"] == ["CMD", "notemill-model", "health"]
    with running(engine[0], built.id, **AS_IT_WILL_BE) as container:
        trial.wait(container, "serve")
        assert run(container, ["id", "-u"]) == (0, b"10001\n", b"")
        assert [run(container, ["touch", path])[0] for path in ("/opt/model/x", "/tmp/x")] == [1, 0]


def test_what_a_program_says_comes_whole(built, engine):
    """Also what it says at once; Docker's SDK loses some of that where the machine is busy."""
    with running(engine[0], built.id, **AS_IT_WILL_BE) as container:
        for _ in range(30):
            assert run(container, ["echo", "here"]) == (0, b"here\n", b"")
        text = b"x" * 3_000_000
        said = run(container, ["sh", "-c", "head -c 3000000; echo more >&2; exit 3"], text)
        assert said == (3, text, b"more\n")
        assert run(container, ["no-such-program"])[0] == 127


def test_its_labels_say_what_it_is(built, engine, wheel):
    said, oci = engine[0].images.get(built.id).labels, "org.opencontainers.image"
    assert said[f"{oci}.revision"] == "6e976e976e97" and said[f"{oci}.version"] == "3+g6e976e976e97"
    assert said[f"{oci}.created"] == "2026-11-20T10:00:00Z" and said[f"{oci}.title"] == "imaged-model"
    assert said["notemill.wheel.sha256"] == built.wheel_sha256 and said["notemill.model.digest"] == built.digest
    assert built.names == ("imaged-model:6e976e976e97", "imaged-model:3-g6e976e976e97")
    assert set(built.names) <= set(engine[0].images.get(built.id).tags)


def test_its_pins_have_hashes_and_stand_in_it(inside):
    pins = inside["opt/model/share/pins.txt"][1].decode()
    names = re.findall(r"(?m)^([\w-]+)==", pins)
    assert "scikit-learn" in names and "streamlit" in names and "mlflow" not in names
    assert all("--hash=sha256:" in part for part in re.split(r"(?m)^(?=[\w-]+==)", pins)[1:])


def test_its_list_of_contents_is_valid_and_true(inside, built, tmp_path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    (tmp_path / "contents.spdx.json").write_bytes(inside["opt/model/share/contents.spdx.json"][1])
    document = parse_file(str(tmp_path / "contents.spdx.json"))
    assert validate_full_spdx_document(document, "SPDX-2.3") == []
    versions = {one.name: one.version for one in document.packages}
    assert versions["imaged-model"] == built.version and versions["scikit-learn"] == "1.9.1"
    assert set(built.parts) <= set(versions) and "python" in versions
    digests = {one.checksums[0].value for one in document.packages if one.checksums}
    assert built.wheel_sha256 in digests and len(digests) == 2


# that it works

def test_what_was_built_is_taken_again(built, wheel, engine):
    began, said = time.monotonic(), []
    again = images.ensure(None, str(wheel), said.append, base=engine[1].name)
    assert again.id == built.id and not again.built and again.ready is None
    assert not [words for words in said if "building" in words] and time.monotonic() - began < 60


def test_what_somebody_built_on_top_of_it_is_not_taken_for_it(built, wheel, engine, tmp_path):
    """Though it has its labels, and comes first in the engine's list."""
    client = engine[0]
    (tmp_path / "Dockerfile").write_text(f"FROM {built.reference}\nENV MINE=1\n")
    assert docker("build", "-q", "-t", "notemill-test/mine:1", str(tmp_path)).returncode == 0
    try:
        mine, ours = (client.images.get(name) for name in ("notemill-test/mine:1", built.id))
        assert mine.id != built.id and mine.labels[context.CONTENT] == ours.labels[context.CONTENT]
        again = images.ensure(None, str(wheel), base=engine[1].name)
        assert (again.id, again.built) == (built.id, False)
        mine.reload()
        assert mine.tags == ["notemill-test/mine:1"]
    finally:
        client.images.remove("notemill-test/mine:1", force=True)


def test_what_a_killed_trial_has_left_goes_with_the_next(built, engine, wheel, monkeypatch):
    source, client = find_source(None, str(wheel), {}, print), engine[0]
    left = client.containers.run(built.id, detach=True, labels=trial.MARK, **AS_IT_WILL_BE)
    try:
        monkeypatch.setattr(trial, "age", lambda container: 2 * trial.LONGEST if container.id == left.id else 0.0)
        trial.trial(client, built.id, source, demo=False)
        assert left.id not in [one.id for one in client.containers.list(all=True, ignore_removed=True)]
    finally:
        docker("rm", "--force", "--volumes", left.id)


def test_docker_itself_says_that_it_is_healthy(built, engine):
    with running(engine[0], built.id, read_only=True, tmpfs={"/tmp": ""}) as container:
        assert "healthy" == wait_for_health(container)


def wait_for_health(container):
    until = time.monotonic() + 120
    while time.monotonic() < until:
        container.reload()
        if (said := container.attrs["State"]["Health"]["Status"]) != "starting":
            return said
        time.sleep(1)
    return "starting"


@pytest.mark.parametrize("words", [["--port", "9002"], ["serve", "--port", "9000", "--workers", "2"],
                                   ["demo", "--port=9001", "--base-path", "/demo"]])
def test_its_health_is_looked_for_where_it_listens(built, engine, words):
    with running(engine[0], built.id, *words, **AS_IT_WILL_BE) as container:
        trial.wait(container, "serve")


def test_it_tells_of_itself_and_scores_files(built, engine, wheel):
    code, said = once(engine[0], built.id, "info", **AS_IT_WILL_BE)
    assert code == 0 and said.startswith("imaged-model 3+g6e976e976e97: classification")
    assert once(engine[0], built.id, "check", **AS_IT_WILL_BE)[0] == 0
    code, said = once(engine[0], built.id, "paint", **AS_IT_WILL_BE)
    assert code == 2 and "serve, demo, score" in said
    rows = find_source(None, str(wheel), {}, print).golden["rows"]
    container = engine[0].containers.create(built.id, ["score", "/tmp/in.csv", "/tmp/out.parquet"], network_mode="none")
    try:
        container.put_archive("/tmp", packed("in.csv", as_csv(rows)))
        container.start()
        assert container.wait(timeout=120)["StatusCode"] == 0, container.logs()
        assert b"".join(container.get_archive("/tmp/out.parquet")[0])
    finally:
        container.remove(force=True)


def as_csv(rows):
    import pandas as pd

    return pd.DataFrame(rows).to_csv(index=False).encode()


def packed(name, content):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o644
        archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def test_it_says_whom_it_lets_in(built, engine):
    code, said = once(engine[0], built.id, "serve", "--new-key", "shop", "--keys", "/tmp/keys", **AS_IT_WILL_BE)
    assert code == 0 and "'shop' is in /tmp/keys" in said
    code, said = once(engine[0], built.id, "serve", "--keys", "/tmp/none", **AS_IT_WILL_BE)
    assert code == 2 and "/tmp/none" in said


def test_it_ends_in_order(built, engine):
    with running(engine[0], built.id, **AS_IT_WILL_BE) as container:
        trial.wait(container, "serve")
        began = time.monotonic()
        container.stop(timeout=30)
        assert container.wait()["StatusCode"] == 0 and time.monotonic() - began < 20


# what is not taken

def test_one_that_answers_wrongly_gets_no_name(built, engine, wheel):
    source = find_source(None, str(wheel), {}, print)
    other = {**source.golden, "predictions": [*source.golden["predictions"][:-1], "neither"]}
    with pytest.raises(NotemillError) as told:
        trial.trial(engine[0], built.id, dataclasses.replace(source, golden=other), demo=False)
    words = str(told.value)
    assert re.search(r"it answers wrongly\n  row \d+: predictions was neither, is \w+", words)
    assert "its last lines:\n  | imaged 3+g6e976e976e97 is served at" in words and "is not pushed" in words


def test_one_of_another_model_gets_no_name(built, engine, wheel):
    source = find_source(None, str(wheel), {}, print)
    other = dataclasses.replace(source, facts={**source.facts, "version": "4+gabc"}, golden_sha256="0" * 64)
    with pytest.raises(NotemillError, match="golden rows are not those of the wheel\n.*it says that it is 3"):
        trial.trial(engine[0], built.id, other, demo=False)


def test_one_that_does_not_start_is_told_with_its_last_lines_and_leaves_nothing(engine, wheel, tmp_path):
    def wrong(golden):
        golden["predictions"] = ["neither"] * len(golden["rows"])

    other = rebuilt(wheel, tmp_path, golden__json=as_json(wrong))
    with pytest.raises(NotemillError) as told:
        images.ensure(None, str(other), base=engine[1].name)
    assert "the scoring service ended with exit code 1" in str(told.value)
    assert "| " in str(told.value) and "the model does not say what it said when it was judged" in str(told.value)
    sha256 = find_source(None, str(other), {}, print).sha256
    assert not engine[0].images.list(filters={"label": f"notemill.wheel.sha256={sha256}"}, all=True)
    assert not engine[0].containers.list(all=True, filters={"label": "notemill.trial"})


# where it goes

def test_it_is_pushed_under_both_tags(built, engine):
    client = engine[0]
    try:
        client.images.get("notemill/registry:2.8")
    except Exception:
        pytest.skip("no image of a registry is here: notemill stack up --build makes one")
    with running(client, "notemill/registry:2.8", ports={"5000/tcp": ("127.0.0.1", None)}) as registry:
        registry.reload()
        place = f"127.0.0.1:{registry.ports['5000/tcp'][0]['HostPort']}/team/model"
        pushed = until_it_listens(lambda: images.push(built, place))
        assert list(pushed) == [f"{place}:6e976e976e97", f"{place}:3-g6e976e976e97"]
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", digest) for digest in pushed.values())
        client.images.get(f"{place}:6e976e976e97")
        for name in pushed:
            client.images.remove(name)
        assert client.images.pull(place, "6e976e976e97").id == built.id
        client.images.remove(f"{place}:6e976e976e97")


def until_it_listens(push):
    until = time.monotonic() + 60
    while True:
        try:
            return push()
        except NotemillError:
            if time.monotonic() > until:
                raise
            time.sleep(1)


def test_a_registry_that_is_not_there_is_told(built, engine):
    place = "127.0.0.1:9/team/model"
    with pytest.raises(NotemillError) as told:
        images.push(built, place)
    assert "127.0.0.1:9/team/model" in str(told.value) and "docker login" in str(told.value)
    for name in built.names:
        docker("rmi", f"{place}:{name.rpartition(':')[2]}")


def test_its_parts_are_those_of_its_wheel(built, inside):
    assert json.loads(inside["opt/model/share/parts.json"][1]) == dict(built.parts)
    facts = json.loads(inside["opt/model/share/model.json"][1])
    assert facts["wheels"]["imaged-model"] == built.wheel_sha256 and facts["signed"] == "no"
    assert making.PARTS == "/opt/model/share/parts.json" and context.CONTENT == "notemill.content"


def test_a_name_that_somebody_took_away_comes_back_by_building(built, engine, wheel):
    """Without a name nobody knows whether it was asked."""
    for name in engine[0].images.get(built.id).tags:
        engine[0].images.remove(name, noprune=True)
    said = []
    again = images.ensure(None, str(wheel), said.append, base=engine[1].name)
    assert again.built and any("golden rows" in words for words in said)
