"""What a run says: lines that a log can hold, and on a terminal one line that moves."""

import io
import os
import pty
import re
import subprocess
import time

import pytest
from processes import until
from tiny import cli, cli_process, command, make_project, notebook

from notemill.plan import Plan, PlannedStep
from notemill.run import console as module
from notemill.run.console import Console, bar, key_figures
from notemill.text import Style

RECORD = {"project": "tiny", "run": "20261120-231332-4f2a", "warnings": []}
FACTS = {"seconds": 1.23, "warnings": []}
ERROR = {"error": {"name": "ValueError", "message": "bad\nmore", "cell": 3, "line": 1}}


def begun(*steps, stream=None, **more):
    console = Console(stream or io.StringIO(), **more)
    console.begin(RECORD, Plan(tuple(PlannedStep(name, "run") for name in steps)))
    return console


def text(console):
    return console.stream.getvalue()


def test_lines_line_up():
    console = begun("prepare", "a")
    console.started("prepare", ("never run before",))
    console.started("a", ("parameter x 1 -> 2", "cell 3 changed"))
    console.done("prepare", FACTS)
    console.failed("a", ERROR)
    console.skipped("a")
    console.reused("prepare", {"origin_run": "r"})
    console.waits("a")
    console.end()
    assert text(console) == (
        "tiny: run 20261120-231332-4f2a, 2 of 2 steps to run\n"
        "  prepare  runs: never run before\n"
        "  a        runs: parameter x 1 -> 2; cell 3 changed\n"
        "✓ prepare  done in 1.2 s\n"
        "✗ a        failed: cell 3: ValueError: bad\n"
        "- a        skipped: what it needs failed\n"
        "= prepare  reused (from run r)\n"
        "  a        waits: another run is at the same step\n")


def test_quick_cells_make_no_lines_and_slow_ones_make_one(monkeypatch):
    for name, seconds in (("TICK", 0.01), ("SLOW", 0.3), ("STILL", 100)):
        monkeypatch.setattr(module, name, seconds)
    console = begun("a")
    console.started("a", ("forced",))
    for number in (1, 2, 3):
        console.cell("a", number, 9)
    assert "cell" not in text(console)
    assert until(lambda: "cell 3/9" in text(console), 60)
    time.sleep(0.1)
    console.end()
    assert re.findall(r"  a  cell \d/9, [\d.]+ s\n", text(console)) == text(console).splitlines(True)[2:]
    assert text(console).count("cell") == 1


def test_a_cell_that_goes_on_is_told_of_again(monkeypatch):
    for name, seconds in (("TICK", 0.01), ("SLOW", 0.01), ("STILL", 0.05)):
        monkeypatch.setattr(module, name, seconds)
    console = begun("a")
    console.cell("a", 1, 2)
    assert until(lambda: text(console).count("cell 1/2") >= 3, 60)
    console.end()


def test_nothing_to_run_says_so_once():
    console = Console(io.StringIO())
    console.begin(RECORD, Plan((PlannedStep("a", "reuse"),)))
    console.reused("a", {"origin_run": "r"})
    assert text(console) == ""


def test_a_text_from_elsewhere_cannot_steer_the_terminal():
    console = begun("a")
    console.started("a", ("parameter x a -> \x1b[2Jb\nc",))
    console.done("a", {"seconds": 1, "warnings": ["reads \x1b]0;title\x07.csv"]})
    console.end()
    assert "\x1b" not in text(console) and "\x07" not in text(console) and text(console).count("\n") == 4


def test_secrets_are_taken_out():
    console = begun("a")
    console.redact = lambda text: text.replace("s3cret", "******")
    console.started("a", ("parameter x a -> s3cret",))
    console.end()
    assert "s3cret" not in text(console) and "******" in text(console)


def test_a_message_is_redacted_before_it_is_cut():
    console = begun("a")
    console.redact = lambda text: text.replace("s3cret-value", "******")
    console.failed("a", {"error": {**ERROR["error"], "message": "x" * 194 + "s3cret-value and more"}})
    console.end()
    assert "s3cret" not in text(console)


def test_a_reader_that_goes_away_does_not_end_the_run():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    console = begun("a", stream=Closed(), live=True)
    console.started("a", ())
    console.end()
    assert not console.live


def test_the_moving_line_is_taken_away_before_other_lines():
    console = begun("a", live=True, style=Style(False, 40))
    console.started("a", ("forced",))
    console.cell("a", 4, 8)
    console.note("a line")
    console.end()
    parts = text(console).split("\r\x1b[2K")
    assert any("a [####....] cell 4/8 " in part for part in parts)
    assert not [part for part in parts if "cell" in part.rpartition("\n")[0]] and parts[-1] == ""


def test_many_steps_at_once_fit_the_line():
    names = [f"step{n}" for n in range(9)]
    console = begun(*names, live=True, style=Style(False, 40))
    for name in names:
        console.cell(name, 1, 2)
    console.end()
    assert all(len(part) < 40 for part in text(console).split("\r\x1b[2K")[1:])


def test_figures_are_few_and_the_gates_comes_first():
    figures = {"accuracy": 0.987654, "brier": 0.1, "f1": 0.5, "roc_auc": 0.9912345}
    assert key_figures(figures, "roc_auc") == "roc_auc 0.9912, accuracy 0.9877, brier 0.1, ..."
    assert key_figures({}, None) == "" and bar(0, 0) == "starting" and bar(8, 8) == "[########] cell 8/8"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}}, notebooks={
        "one.ipynb": notebook("import time\ntime.sleep(1.5)", "1")})


def on_a_terminal(project, *args, columns=80, **environ):
    """What `notemill ARGS` writes to a terminal, and its exit code."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environ = {**{name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI", "COLUMNS")},
               "TERM": "xterm", **environ}
    process = subprocess.Popen(command(*args, project=project), stdin=theirs, stdout=theirs, stderr=theirs, env=environ)
    os.close(theirs)
    written = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:     # as Linux says that the other side is closed
            break
        if not block:
            break
        written += block
    os.close(ours)
    return written.decode(), process.wait()


def test_on_a_terminal_a_line_moves_in_colours(project):
    written, code = on_a_terminal(project, "run", "--offline")
    assert code == 0 and "\r\x1b[2K" in written and re.search(r"one \[#+\.+\] cell 1/2 \d+\.\d s", written)
    assert "\x1b[32m✓\x1b[0m one  done in" in written and "\x1b[1mstep" in written


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"CI": "true"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_may_ask_for_less(project, environ):
    written, code = on_a_terminal(project, "run", "--offline", **environ)
    assert code == 0 and not re.search(r"\x1b\[[0-9;]*m", written)
    assert ("\r\x1b[2K" in written) is ("NO_COLOR" in environ)
    assert "✓ one  done in" in written
    if "NO_COLOR" not in environ:
        assert re.search(r"  one  cell 1/2, \d+\.\d s\r\n", written), "a slow cell has its line"


def test_a_file_gets_plain_lines_that_are_not_cut(tmp_path):
    long = "x" * 150
    project = make_project(tmp_path, params={"text": "a"}, steps={"one": {"notebook": "one.ipynb"}}, notebooks={
        "one.ipynb": notebook("1", parameters="text = ''\nmore = ''")})
    assert cli("run", "--offline", project=project).code == 0
    result = cli_process("plan", "-p", f"one.more={long[:50]}", "-p", f"one.text={long[:55]}", project=project)
    assert "\x1b" not in result.out and long[:50] in result.out and long[:55] in result.out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_is_no_reason_to_fail(project, encoding):
    result = cli_process("run", "--offline", project=project, PYTHONIOENCODING=encoding)
    assert result.code == 0 and "? one  done in" in result.out


def piped(into, *args, project):
    """What is left of `notemill ARGS | INTO`: the first program's exit code, the output, the errors."""
    words = " ".join(f"'{word}'" for word in command(*args, project=project))
    script = f"{words} | {into}; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=100)
    *lines, code = done.stdout.splitlines()
    return int(code), lines, done.stderr


def test_run_piped_into_head_ends_well(project):
    code, lines, err = piped("head -1", "run", "--offline", project=project)
    assert (code, len(lines), err) == (0, 1, "")
    assert list(project.glob(".notemill/results/*.json")), "the run went on"


def test_plan_piped_into_what_does_not_read_ends_without_a_word(project):
    code, lines, err = piped("true", "plan", project=project)
    assert code in (0, 1) and (lines, err) == ([], "")
