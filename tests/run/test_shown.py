"""Secrets are taken out of a record's texts; what holds it together stays as it is."""

import json

import pytest
from tiny import cli, last_record, make_project, notebook

from notemill.redact import Redactor
from notemill.run.shown import shown_components, shown_record


def made(root):
    return make_project(root, secrets=["API_TOKEN"], steps={
        "prepare": {"notebook": "prepare.ipynb", "outputs": {"train": "train.txt"}, "params": {"word": "so"}},
        "train": {"notebook": "train.ipynb", "inputs": {"data": "prepare.train", "file": "data.csv"}}}, files={
        "data.csv": "a\n"}, notebooks={
        "prepare.ipynb": notebook("open(train, 'w').write('x')", parameters="word = ''\ntrain = ''"),
        "train.ipynb": notebook("1", parameters="data = ''\nfile = ''")})


def structure(record):
    return {name: record[name] for name in ("status", "run", "started", "ended", "project", "pipeline", "package")} | {
        step["step"]: [step[name] for name in ("status", "needs", "action", "fingerprint", "notebook", "outputs",
                                               "executed", "started", "ended", "metrics", "report", "origin_run")]
        for step in record["steps"]}


@pytest.mark.parametrize("secret", ["done", "train", "2026", "0000", "abcd", "reuse", "sha256", "tiny"])
def test_a_secret_like_the_records_own_words(tmp_path, run_here, monkeypatch, secret):
    project = made(tmp_path)
    assert run_here(project).code == 0
    record = last_record(project)
    record["steps"][0]["warnings"] = [f"about {secret}."]
    record["steps"][0]["params"] = {"word": secret, "list": [f"a {secret}"]}
    shown = shown_record(record, Redactor({"API_TOKEN": secret}))
    assert structure(shown) == structure(record)
    assert shown["steps"][1]["inputs"]["data"] == record["steps"][1]["inputs"]["data"]
    assert shown["steps"][0]["warnings"] == ["about ******."]
    assert shown["steps"][0]["params"] == {"word": "******", "list": ["a ******"]}


def test_runs_whose_secret_is_a_word_of_the_record(tmp_path, run_here, statuses, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "done")
    project = made(tmp_path)
    first = run_here(project)
    assert first.code == 0 and statuses(first) == {"prepare": "done", "train": "done"}
    assert first.json["status"] == "done" == last_record(project)["status"]
    monkeypatch.setenv("API_TOKEN", "train")
    assert statuses(run_here(project)) == {"prepare": "reused", "train": "reused"}
    again = run_here(project, "-p", "prepare.word=train")
    assert statuses(again) == {"prepare": "done", "train": "reused"}
    step = last_record(project)["steps"][0]
    assert step["params"] == {"word": "******"} and step["reasons"] == ["parameter word so -> ******"]
    assert cli("plan", "--json", project=project).code == 0


def test_every_text_is_looked_at():
    secret, redactor = "s3cret-value", Redactor({"API_TOKEN": "s3cret-value"})
    step = {"step": "one", "needs": [], "title": secret, "purpose": secret, "reasons": [secret], "warnings": [secret],
            "inputs": {"a": {"from": f"http://x/{secret}"}}, "params": {"p": {"q": secret}},
            "components": {"cells": [], "params": {"p": secret}}, "error": {"name": secret, "message": secret}}
    record = {"reason": secret, "warnings": [secret], "error": {"where": "one", "got": secret, "allowed": None},
              "git": {"branch": secret, "author": secret}, "ci": {"build": "1", "link": secret}, "steps": [step],
              "machine": {"host": secret, "cpus": 2}}
    assert secret not in json.dumps(shown_record(record, redactor))
    assert shown_components(None, redactor) is None
