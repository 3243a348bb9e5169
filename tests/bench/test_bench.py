"""The benchmarks do what they say, at a tiny scale. No time is judged here."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

from bench import auc, engine, page, projects, rivals, served_models, services, serving
from bench.plot import draw
from bench.rounds import Broken, Goal, Measurement, alternate, judge, values

SCRIPT = Path(__file__).with_name("engine.py")
ENGINE = any(point.name == "notemill" for point in entry_points(group="papermill.engine"))


def measured(rival, *figures, figure="to the end"):
    return [Measurement(rival, figure, number, value, 0.0) for number, value in enumerate(figures, 1)]


def bench(output, *words):
    """The command in a process of its own, as nox calls it."""
    return subprocess.run([sys.executable, SCRIPT, "--tiny", "--rounds", "1", "--output", output, *words],
                          capture_output=True, text=True, timeout=280, env={**os.environ, "NO_COLOR": "1"})


def test_rivals_take_turns_and_a_broken_one_has_no_figure():
    def fail(number):
        raise Broken("Traceback\nnobody came")

    found = list(alternate({"a": lambda number: {"x": number * 1.0, "y": 0.5}, "b": fail}, 2))
    assert [(one.rival, one.figure, one.round, one.value) for one in found] == [
        ("a", "x", 1, 1.0), ("a", "y", 1, 0.5), ("b", "broken", 1, None),
        ("a", "x", 2, 2.0), ("a", "y", 2, 0.5), ("b", "broken", 2, None)]
    assert found[2].note == "nobody came"
    assert values(found, "a", "x") == {1: 1.0, 2: 2.0} and values(found, "b", "broken") == {}


@pytest.mark.parametrize("bound, reached", [({"least": 5}, True), ({"least": 5.1}, False),
                                            ({"most": 5}, True), ({"most": 4.9}, False)])
def test_a_goal_compares_within_each_round(bound, reached):
    slow, fast = measured("slow", 10.0, 40.0, 9.0), measured("fast", 1.0, 8.0, 3.0)
    goal = Goal("times", ("slow", "to the end"), ("fast", "to the end"), **bound)
    assert judge([*slow, *fast], goal) == ((5.0, 3.0, 10.0), reached)


def test_a_goal_of_a_rival_that_broke_is_missed():
    goal = Goal("seconds", ("a", "to the end"), most=2)
    assert judge(measured("a", 1.0, 1.5), goal) == ((1.25, 1.0, 1.5), True)
    assert judge([Measurement("a", "broken", 1, None, 0.0)], goal) == (None, False)


def test_the_same_code_runs_as_notebook_and_as_script(tmp_path):
    scripts = projects.fit_scripts(tmp_path / "scripts", 2)
    expected = rivals.printed_by(scripts)
    assert sorted(expected) == ["fit01", "fit02"] and len(set(expected.values())) == 2
    assert all(text.startswith(f"accuracy with seed {n}: 0.") for n, text in enumerate(expected.values(), 1))
    notebooks = {name: tmp_path / "fit" / "notebooks" / f"{name}.ipynb" for name in scripts}
    projects.fit_project(tmp_path / "fit", 2)
    seeds = {"fit01": {"seed": 1}, "fit02": {"seed": 2}}
    figures = rivals.execute_notebooks(notebooks, tmp_path / "out", expected, processes=2, parameters=seeds)
    assert 0 < figures["in the calls"] < figures["to the end"]
    assert set(rivals.run_scripts(scripts, expected)) == {"to the end"}


def test_the_gates_auc_is_scikit_learns_draw_by_draw(tmp_path):
    done = bench(tmp_path, "--only", "auc")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / page.FIGURES).read_text())["benches"]["auc"]
    assert len(figures["measurements"]) == 3 and len(figures["goals"]) == 2
    with pytest.raises(Broken, match="not the same"):
        auc.need_equal(np.zeros(3), np.array([0, 0, 2e-12]))


def test_who_shows_something_else_is_broken(tmp_path):
    notebooks = {"trivial": projects.trivial_notebook(tmp_path / "trivial.ipynb", 4)}
    with pytest.raises(Broken, match="does not show 'total 4'"):
        rivals.execute_notebooks(notebooks, tmp_path / "out", {"trivial": "total 4"})
    with pytest.raises(Broken, match="outputs are missing"):
        rivals.execute_notebooks(notebooks, tmp_path / "out", {"trivial": "total 3"}, least=10**6)


def test_who_runs_less_than_all_cells_is_broken(tmp_path):
    path = projects.trivial_notebook(tmp_path / "trivial.ipynb", 3)
    with pytest.raises(Broken, match="not every cell ran"):
        rivals.shown_in(path)


def test_a_run_that_warns_is_broken(tmp_path):
    project = projects.make_project(tmp_path, steps={"only": {"notebook": "only.ipynb"}}, files={"data.txt": "x"},
                                    notebooks={"only.ipynb": projects.notebook("open('../data.txt').close()")})
    with pytest.raises(Broken, match="only: reads data.txt, which is not among its inputs"):
        rivals.notemill_run(project, "--offline", more=rivals.COLD)


def test_a_process_that_fails_is_broken_with_its_last_words():
    with pytest.raises(Broken, match="ended with 3: alas"):
        rivals.process([sys.executable, "-c", "import sys; print('alas', file=sys.stderr); sys.exit(3)"])


def test_a_report_that_the_run_did_not_write_is_noticed(tmp_path):
    old = tmp_path / "old.html"
    old.touch()
    ran = rivals.Ran(old.stat().st_mtime + 5, 9.0, {})
    new = tmp_path / "new.html"
    new.touch()
    os.utime(new, (ran.began + 2, ran.began + 2))
    assert ran.until([new]) == pytest.approx(2)
    with pytest.raises(Broken, match="old.html was not written by this run"):
        ran.until([new, old])
    with pytest.raises(Broken, match="none.html was not written"):
        ran.until([new, tmp_path / "none.html"])


def kept(*found, goals=(), title="A thing"):
    around = {"date": "2026-11-21", "machine": "abacus", "load": [0.5, 1.5], "seconds": 2.0, "stolen_seconds": 0.0,
              "versions": {"notemill": "0"}}
    return page.as_kept(type("Bench", (), {"title": title, "goals": goals}), found, around)


def test_page_keeps_what_is_around_the_figures_and_what_was_not_measured_now(tmp_path):
    text = f"# Speed\n\n{page.BEGIN}\nold\n{page.FINISH}\nafter\n"
    (tmp_path / "explanation").mkdir()
    (tmp_path / page.PAGE).write_text(text)
    goal = Goal("times as fast", ("slow", "to the end"), ("fast", "to the end"), least=10)
    first = kept(*measured("slow", 10.0, 12.0), *measured("fast", 1.0, 1.0), goals=[goal])
    page.write(tmp_path, {"a": first}, ["a", "b"])
    page.write(tmp_path, {"b": kept(Measurement("lame", "broken", 1, None, 0.0, note="a | b"), title="Another")},
               ["a", "b"])
    written = (tmp_path / page.PAGE).read_text()
    assert written.startswith("# Speed\n") and written.endswith("after\n") and "old" not in written
    assert "| times as fast | at least 10 | 11.0 (10.0 to 12.0) | reached |" in written
    assert "| slow | to the end | 11.00 s | 10.00 s | 12.00 s |" in written
    assert "| lame | broken | a / b |" in written and "load 0.0 to 1.5" in written
    assert written.index("### A thing") < written.index("### Another")
    assert sorted(json.loads((tmp_path / page.FIGURES).read_text())["benches"]) == ["a", "b"]


def test_a_page_without_its_marks_is_left_alone():
    with pytest.raises(ValueError, match="both marks"):
        page.with_figures("nothing here\n", iter(()))


def test_plot_shows_each_rival_and_passes_the_hooks(tmp_path):
    sized = [one for n in (10, 20) for one in measured(f"engine: {n:,} cells", n / 10, figure="in the calls")]
    draw({"notebooks": kept(*measured("Papermill", 30.0, 31.0), *measured("notemill run, warm", 2.0, 3.0)),
          "linear": kept(*sized), "edit": kept(Measurement("x", "broken", 1, None, 0.0))}, tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    assert "Papermill" in text and "2.50 s" in text and ">engine<" in text
    assert not any(line != line.rstrip() for line in text.split("\n"))


def test_plot_shows_rates_beside_each_other_however_far_apart(tmp_path):
    rates = [Measurement(name, serving.at(serving.RATE, 32), 1, value, 0.0, "/s") for name, value in
             (("theirs", 40.0), ("ours", 9000.4))]
    draw({"serving": kept(*rates, Measurement("a plan", serving.BATCH, 1, 0.5, 0.0, "us"))}, tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    assert "9,000 /s" in text and "requests a second" in text and "a plan" not in text


def test_a_benchmark_that_lacks_something_is_skipped_aloud(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(served_models, "SHARED", tmp_path)
    assert engine.main(["--only", "serving", "--output", str(tmp_path)]) == 0
    assert "skipped, for there is no ../shared/data/adult.csv" in capsys.readouterr().out


def test_units_go_with_figures():
    assert [serving.unit(figure) for figure in (serving.at(serving.RATE, 1), "p99, 32 clients", serving.READY,
                                                serving.MEMORY, serving.at(serving.CPU, 32), serving.BATCH)] == [
        "/s", "ms", "s", "MB", "us", "us"]
    named = {figure for goal in serving.GOALS for _, figure in (goal.figure, *([goal.over] if goal.over else []))}
    assert all(map(serving.unit, named)) and len(serving.GOALS) == 20


def test_a_round_of_short_turns_gives_medians_and_names_who_broke():
    order, values_ = [], iter([1.0, 9.0, 2.0])

    def ours():
        order.append("ours")
        return {"requests/s, 1 client": next(values_)}

    def theirs():
        order.append("theirs")
        raise Broken("Traceback\nalas")

    found = list(serving.in_turns({"ours": ours, "theirs": theirs}, 3, 2))
    assert order == ["ours", "theirs"] * 3
    assert [(one.rival, one.value, one.round, one.unit) for one in found if one.value] == [("ours", 2.0, 2, "/s")]
    assert {one.note for one in found if one.value is None} == {"alas"}


def toy_service(folder, label):
    """A service that says the same of every row."""
    script = folder / "toy.py"
    script.write_text(f"""
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "{len(label) + 2}")
        self.end_headers()
        self.wfile.write(b'"{label}"')
    def log_message(self, *words):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
""")
    return services.Service(lambda port, folder: (sys.executable, script, port), "/", lambda row: row, str)


def test_a_service_is_loaded_only_while_it_is_right(tmp_path):
    scale = engine.Scale(clients=(1,), seconds=0.3)
    with services.running(toy_service(tmp_path, "yes"), {"a": 1}) as one:
        good = serving.loaded(one, served_models.Served(tmp_path, tmp_path, [{"a": 1}], ["yes"]), scale)
        with pytest.raises(Broken, match="1 labels differ"):
            serving.loaded(one, served_models.Served(tmp_path, tmp_path, [{"a": 1}], ["no"]), scale)
    assert good["requests/s, 1 client"] > 1 and good["memory"] > 1 and 0 < one.ready < 30
    assert not services.answers(one.target, one.service, {})  # it was ended


def test_a_service_that_does_not_start_is_broken_with_its_last_words():
    gone = services.Service(lambda port, folder: (sys.executable, "-c", "raise SystemExit('alas')"), "/", dict, str)
    with pytest.raises(Broken, match="did not start: alas"), services.running(gone, {}):
        pass


@pytest.mark.slow
def test_serving_from_command_to_page(tmp_path):
    if serving.lacks():
        pytest.skip(serving.lacks())
    done = bench(tmp_path, "--only", "serving")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / page.FIGURES).read_text())["benches"]["serving"]
    assert {one["rival"] for one in figures["measurements"]} == {
        serving.ours("linear"), serving.theirs("linear"), serving.EMPTY, serving.PLAN, serving.SKLEARN}
    assert all(one["value"] > 0 for one in figures["measurements"])


@pytest.mark.slow
def test_notebooks_from_command_to_page(tmp_path):
    done = bench(tmp_path, "--only", "notebooks")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / page.FIGURES).read_text())["benches"]["notebooks"]
    assert len({one["rival"] for one in figures["measurements"]}) == 6
    assert all(one["value"] > 0 for one in figures["measurements"]) and len(figures["goals"]) == 6
    assert figures["title"] in (tmp_path / page.PAGE).read_text() and (tmp_path / page.PLOT).stat().st_size > 5000


@pytest.mark.slow
@pytest.mark.skipif(not ENGINE, reason="notemill is not installed here: Papermill does not know its engine")
@pytest.mark.parametrize("name, count", [("cells", 4), ("outputs", 4), ("linear", 3)])
def test_cells_from_command_to_page(tmp_path, name, count):
    done = bench(tmp_path, "--only", name)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / page.FIGURES).read_text())["benches"][name]
    assert len({one["rival"] for one in figures["measurements"]}) == count
