"""`notemill stress` from the command line: what it asks, what it says, how it ends."""

import json
import signal
import subprocess
import time

import psutil
import pytest
from serving_samples import make_wheel
from stress.toy import FACTS, ROW, SCHEMA, answer, toy
from tiny import cli, command, make_project

from notemill.stress.load import Load

QUICK = ("--seconds", "1", "--clients", "2")


def project(folder, **budgets):
    """A project with these budgets."""
    gate = {"model": "one.m", "data": "one.d", "schema": "one.s", "metrics": "one.x", "metric": "accuracy",
            "budgets": budgets}
    return make_project(folder, task="classification", gate=gate, notebooks={"one.ipynb": ["m = d = s = x = ''"]},
                        steps={"one": {"notebook": "one.ipynb", "outputs": dict.fromkeys("mdsx", "f.json") | {
                            name: f"{name}.json" for name in "mdsx"}}})


def test_a_service_within_its_budgets(tmp_path):
    budgets = {"latency_p95_ms": 500, "rows_per_second": 1, "memory_mb": 100_000, "size_mb": 1}
    with toy() as service:
        told = cli("stress", service.url, *QUICK, "--json", project=project(tmp_path, **budgets))
    assert told.code == 0, told
    found = told.json
    assert found["passed"] and found["error"] is None and found["errors"] == {} and found["clients"] == 2
    assert found["answered"] > 10 and found["requests_per_second"] == pytest.approx(
        found["answered"] / found["seconds"], rel=0.01)
    assert [(one["budget"], one["kept"]) for one in found["budgets"]] == [
        ("latency_p95_ms", True), ("rows_per_second", True), ("memory_mb", True)]
    assert found["memory_mb"] > 5 and found["processes"] == 1 and found["cpu_us_per_request"] > 0
    rows = [json.loads(body) for body in service.seen]
    assert rows[0] == ROW and len({row["size"] for row in rows}) == 64


@pytest.mark.parametrize("budgets", [{"latency_p95_ms": 0.001}, {"rows_per_second": 1e9}, {"memory_mb": 1}])
def test_a_service_over_budget_ends_with_1(tmp_path, budgets):
    with toy() as service:
        told = cli("stress", service.url, *QUICK, project=project(tmp_path, **budgets))
    assert told.code == 1 and f"budget {next(iter(budgets))}" in told.out and "NOT KEPT" in told.out


def test_without_a_project_there_is_no_budget_and_rows_come_in_lists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with toy() as service:
        told = cli("stress", service.url, *QUICK, "--rows", "3")
    assert told.code == 0 and "budget" not in told.out and "rows/s" in told.out and "p95" in told.out
    assert [len(json.loads(body)) for body in service.seen[-3:]] == [3, 3, 3]


def test_failed_requests_are_told_and_end_with_1(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with toy(lambda number, *_: answer(503 if number > 100 else 200)) as service:
        told = cli("stress", service.url, *QUICK)
    assert told.code == 1 and "503: " in told.out


def test_rows_that_the_service_refuses_are_not_asked_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with toy(lambda number, path, head, body: answer(422 if b"blue" in body else 200)) as service:
        told = cli("stress", service.url, *QUICK, "--json")
    assert told.code == 0 and told.json["errors"] == {}


@pytest.mark.parametrize("reply, facts, words", [
    (lambda *_: answer(422, b'{"title": "no"}'), FACTS, "does not take its own example row: 422"),
    (lambda *_: answer(body=b"<html>"), {}, "is it a service of notemill's?"),
    (lambda *_: answer(), {"/schema": SCHEMA, "/openapi.json": {}}, "no example row"),
    (lambda *_: answer(401), {}, "NOTEMILL_SERVICE_KEY"),
    (lambda *_: ConnectionError(), {}, "does not answer")])
def test_what_is_no_such_service(tmp_path, monkeypatch, reply, facts, words):
    monkeypatch.chdir(tmp_path)
    with toy(reply, facts) as service:
        told = cli("stress", service.url, *QUICK)
    assert told.code in (1, 2) and words in told.err and "Traceback" not in told.err


def test_the_key_goes_with_every_request_and_is_shown_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTEMILL_SERVICE_KEY", "s3same")
    with toy() as service:
        told = cli("stress", service.url, *QUICK, "--json")
    assert all("authorization: bearer s3same" in head.lower() for head in service.heads) and service.heads
    assert "s3same" not in told.out + told.err


@pytest.mark.parametrize("words, got", [
    (["http://8.8.8.8"], "--i-own-it"), (["champion"], "is no Notemill project"),
    (["notaurl"], "'notaurl': is neither a service's address (http://...), a wheel (.whl), nor a version of a project"),
    (["nothing.whl"], "there is no such file"), ([], "has no wheel to serve"),
    (["x.whl", "--clients", "65"], "--clients"), (["x.whl", "--seconds", "301"], "--seconds")])
def test_wrong_words_end_with_2(tmp_path, monkeypatch, words, got):
    monkeypatch.chdir(tmp_path)
    told = cli("stress", *words)
    assert told.code == 2 and got in told.err


def test_memory_elsewhere_is_not_known():
    from notemill.stress.budgets import hold

    found = hold(Load(1.0, 5, 5, {}, {"p95": 3.0}, 0.1), {"memory_mb": 10, "latency_p95_ms": 3})
    assert [(one.figure, one.kept) for one in found] == [(3.0, True), (None, None)]
    assert [one.kept for one in hold(Load(1.0, 0, 0, {"503": 9}, None, 0.1), {"latency_p95_ms": 3})] == [False]


@pytest.mark.slow
def test_a_wheel_is_served_for_as_long_as_it_lasts(tmp_path, monkeypatch):
    wheel = make_wheel(tmp_path)
    monkeypatch.chdir(tmp_path)
    told = cli("stress", *QUICK, "--json")  # the newest in dist/
    assert told.code == 0, told
    assert told.json["errors"] == {} and told.json["answered"] > 10 and told.json["ready_s"] > 0.1
    assert 20 < told.json["memory_mb"] < 500 and wheel.name in told.err
    broken = tmp_path / wheel.name
    broken.write_bytes(wheel.read_bytes().replace(b"golden.json", b"goldem.json"))
    assert cli("stress", broken.name, *QUICK).code == 1


def test_nothing_goes_on_after_ctrl_c(tmp_path):
    with toy() as service:
        process = subprocess.Popen(command("stress", service.url, "--seconds", "60"), cwd=tmp_path, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        own = psutil.Process(process.pid)
        while len(service.seen) < 70 and process.poll() is None:
            time.sleep(0.05)
        children = own.children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        gone, alive = psutil.wait_procs(children, timeout=10)
    assert process.returncode == 130 and "Traceback" not in err and len(gone) == 1 and not alive
