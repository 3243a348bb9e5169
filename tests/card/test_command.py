"""`notemill card`: printed, written, stored with the version in MLflow, packed into the wheel."""

import json
import os
import re
import zipfile

import pytest
from huggingface_hub import ModelCard
from tiny import cli

from notemill import __version__, card, lineage
from notemill.project import open_project
from notemill.registry import open_records, registry
from notemill.report.numbered import numbered


@pytest.fixture
def version_in_mlflow(once):
    """(the version, its artifacts by name) as MLflow has them."""
    with registry(lineage.tracking_uri(once.root, os.environ)) as client:
        version = client.get_model_version("tiny.Card", "1")
        place = version.source.rpartition("/")[2]
        artifacts = {one.path.rpartition("/")[2] for one in client.list_artifacts(version.run_id, place)}
        run = client.get_run(version.run_id)
    return version, artifacts, run, place


def test_the_card_is_printed(once):
    result = once.cli()
    assert result.code == 0 and result.out == once.file("card.md").decode() and result.err == ""
    assert once.cli("challenger").out == once.cli("1").out == result.out
    assert "<script" not in result.out and "&lt;script>" in result.out


def test_its_head_is_hugging_faces(once):
    (result,) = ModelCard(once.cli().out).data.eval_results
    metric = next(one for one in once.facts["verdict"]["checks"] if one["check"] == "metric")
    assert (result.metric_type, result.metric_value) == ("accuracy", metric["figure"])
    assert result.metric_args == {"n": 400, "interval_95": [metric["low"], metric["high"]]}
    assert result.dataset_args["rows"] == 400


def test_json(once):
    told = once.cli("--json").json
    assert (told["version"], told["name"], told["output"], told["error"]) == (1, "tiny.Card", None, None)
    assert told["facts"] == once.facts and told["card"] == once.cli().out


@pytest.mark.parametrize("name, kept", [("a.md", "card.md"), ("b.html", "card.html"), ("C.HTM", "card.html")])
def test_written_to_a_file(once, tmp_path, name, kept):
    result = once.cli("--output", tmp_path / name)
    assert result.code == 0 and str(tmp_path / name) in result.out
    assert (tmp_path / name).read_bytes() == numbered(once.file(kept), 1)
    assert once.cli("--output", tmp_path / name, "--json").json["output"] == str(tmp_path / name)


@pytest.mark.parametrize("words, said", [
    (("--output", "card.pdf"), "ends in .md or .html"), (("--output", "nowhere/card.md"), "does not exist"),
    (("7",), "is not registered"), (("--check", "--output", "absent.md"), "is no card that can be read")])
def test_wrong_usage(once, words, said):
    result = once.cli(*words, "--json")
    assert result.code == 2 and said in result.err and said in json.dumps(result.json["error"])


def test_what_the_project_needs_is_not_overwritten(registered, tmp_path):
    root, words = registered.root, ("card", "1", "--output")
    (tmp_path / "kept.md").write_text("mine")
    (tmp_path / "link.md").symlink_to(tmp_path / "kept.md")
    (tmp_path / "link.html").symlink_to(tmp_path / "absent.html")
    (tmp_path / "hard.md").hardlink_to(root / "model_card.md")
    (tmp_path / "folder.md").mkdir()
    os.mkfifo(tmp_path / "pipe.md")
    os.mkfifo(tmp_path / "pipe.zip")
    before = {path: path.read_bytes() for path in root.rglob("*.*") if path.is_file() and "notebooks" in path.parts}
    commands = [(*words, root / "model_card.md"), (*words, root / "notebooks" / "x.md"), (*words, tmp_path / "link.md"),
                (*words, root / "package" / ".." / "model_card.md"), (*words, tmp_path / "link.html"),
                (*words, tmp_path / "hard.md"), (*words, tmp_path / "folder.md"), (*words, tmp_path / "pipe.md"),
                ("export", "1", root / "model_card.md"), ("export", "1", root / "notebooks" / "pipeline.yaml"),
                ("export", "1", root / "notebooks" / "a.zip"), ("export", "1", root / "notebooks"),
                ("export", "1", tmp_path / "a"), ("export", "1", tmp_path / "pipe.zip"),
                ("report", "--output", root / "model_card.md"), ("report", "--output", root / "notebooks" / "a.html"),
                ("report", "--output", tmp_path / "link.html"), ("report", "--output", tmp_path / "a.txt"),
                ("compare", "1", "1", "--output", root / "notebooks" / "a.html"),
                ("compare", "1", "1", "--output", root / "data" / "in.csv")]
    (root / "package").mkdir(exist_ok=True)
    for command in commands:
        told = cli(*command, "--json", project=root)
        assert told.code == 2 and told.json["error"], (command, told.out, told.err)
    assert {path: path.read_bytes() for path in before} == before and (tmp_path / "link.md").is_symlink()
    assert (root / "model_card.md").read_bytes() == registered.file("human.md")
    assert not (tmp_path / "absent.html").exists() and (tmp_path / "kept.md").read_text() == "mine"


def test_before_anything_is_registered(project):
    result = cli("card", project=project)
    assert result.code == 2 and "there is no registered version yet" in result.err


def test_it_is_rendered_again_from_two_files_alone(once):
    human = once.file("human.md").decode()
    assert card.render(once.facts, human).encode() == once.file("card.md")
    assert card.render_page(once.facts, human).encode() == once.file("card.html")
    assert once.file("human.md") == (once.root / "model_card.md").read_bytes()


def test_the_facts_are_those_of_the_run(once):
    facts, project = once.facts, open_project(once.root)
    record = project.find_run(None)
    prepare = record["steps"][0]
    assert facts["notemill"] == __version__ and facts["run"] == record["run"] and facts["risk"] == "low"
    assert facts["data"]["held_out"] == {**facts["data"]["held_out"], "name": "prepare.test", "rows": 400, "columns": 3,
                                         "sha256": prepare["outputs"]["test"]["sha256"]}
    assert [(one["name"], one["rows"]) for one in facts["data"]["training"]] == [("prepare.train", 500)]
    assert facts["data"]["sources"] == [{"name": "data/in.csv", "sha256": prepare["inputs"]["source"]["sha256"],
                                         "bytes": (once.root / "data/in.csv").stat().st_size}]
    assert facts["contract"]["file"] == "notebooks/contract.yaml"
    assert "a: number, -9 to 9, no gaps" in facts["contract"]["rules"]
    assert [step["seconds"] for step in facts["steps"]] == [step["seconds"] for step in record["steps"]]
    assert facts["lineage"]["commit"] == record["git"]["commit"] and facts["environment"]["machine"]["cpus"]
    text = once.cli().out
    assert set(facts["environment"]["machine"]) == {"system", "cpus", "memory_mb"}
    assert "ada@example.org" not in text and str(once.root) not in text + once.file("card.json").decode()
    assert re.search(r"\| slices, b = x \|? ?[^|]*\| [\d.]+ to [\d.]+ \| \d+ \|", text)


# MLflow, and the wheel
def test_mlflow_has_the_card_and_a_summary_with_a_link(once, version_in_mlflow):
    version, artifacts, run, place = version_in_mlflow
    assert {"card.md", "card.html"} <= artifacts
    link = f"#/experiments/{run.info.experiment_id}/runs/{version.run_id}/artifacts/{place}/card.html"
    assert version.description.startswith(f"[The whole model card]({link})\n\n**tiny.Card** predicts answer")
    assert len(version.description) <= 4000 and "<script" not in version.description
    assert "Not stated: Out-of-scope uses" in version.description


def test_the_wheel_has_the_card(once, tmp_path):
    told = cli("package", "--json", "--output", tmp_path, project=once.root).json
    with zipfile.ZipFile(told["wheel"]) as archive:
        assert archive.read("tiny_card_model/card.md") == once.file("card.md")
        assert archive.read("tiny_card_model/card.html") == numbered(once.file("card.html"), 1)
        assert not any("human.md" in name or "card.json" in name for name in archive.namelist())


def test_the_page_names_version_and_content_at_its_head(once, tmp_path):
    cli("card", "1", "--output", tmp_path / "card.html", project=once.root)
    content = once.manifest["content"]
    head = f'Model card<span class="number"> of version 1</span>, content <code title="{content}">{content[:12]}</code>'
    assert (tmp_path / "card.html").read_text().count(head) == 1
    kept = once.file("card.html")
    assert b" of version" not in kept and numbered(kept, None) == kept
    (tmp_path / "card.html").write_bytes(numbered(kept, 2))  # another version's
    assert once.cli("--check", "--output", tmp_path / "card.html").code == 1


def test_a_large_page_stays_out_of_the_wheel(once):
    from notemill.wheel import package_files

    records = open_records(open_project(once.root))
    large = records.add(b"x" * 300_001)
    manifest = {**once.manifest, "files": {**once.manifest["files"], "card.html": large}}
    assert "tiny_card_model/card.html" not in package_files(manifest, records.read)
    assert "tiny_card_model/card.html" in package_files(once.manifest, records.read)


def test_a_version_of_an_earlier_notemill(registered, monkeypatch):
    files = {name: sha256 for name, sha256 in registered.manifest["files"].items()
             if name not in ("card.json", "card.html", "human.md")}
    manifest = {**registered.manifest, "files": files, "version": 1}
    monkeypatch.setattr("notemill.commands.card.fetch", lambda *args: manifest)
    assert registered.cli().code == 0 and registered.cli("--json").json["facts"] is None
    result = registered.cli("--check")
    assert result.code == 1 and "by an earlier notemill" in result.out
    result = registered.cli("--output", "x.html")
    assert result.code == 2 and "has no card.html" in result.err


def test_hostile_names_do_no_harm(once):
    text = once.cli().out
    assert "&lt;u>" not in text and "&lt;u\\>yes" in text and "&lt;i\\>y" in text
    assert "<" not in text.split("---", 2)[2]
