"""What cells show, in whatever number and length: all of it is kept, in order, in linear time."""

import threading
import time

import pytest

from notemill.execute import execute
from notemill.execute.outputs import join_streams, mend_content, settle

MANY = 20_000
PATIENCE = 60  # seconds; alone it takes 6 for 20,000 prints, 10 for 20,000 displays


def outputs_of(executed, cell=-1):
    return executed.notebook["cells"][cell]["outputs"]


@pytest.mark.slow
def test_very_many_prints_are_kept_as_one(execute_cells):
    executed = execute_cells(f"for n in range({MANY}):\n    print(n, flush=True)")
    assert executed.failure is None
    assert outputs_of(executed) == [{"output_type": "stream", "name": "stdout", "text": "".join(
        f"{n}\n" for n in range(MANY))}]
    assert executed.seconds < PATIENCE


@pytest.mark.slow
def test_very_many_displays_are_kept_in_order(execute_cells):
    executed = execute_cells(f"for n in range({MANY}):\n    display(n)")
    assert executed.failure is None
    assert [output["data"]["text/plain"] for output in outputs_of(executed)] == [str(n) for n in range(MANY)]
    assert executed.seconds < PATIENCE


def test_a_slow_listener_is_waited_for_as_long_as_messages_come(make_job, printed, monkeypatch):
    from notemill.execute import engine

    monkeypatch.setattr(engine, "OUTPUT_TIMEOUT", 1)
    monkeypatch.setattr(engine.SavedAtIntervals, "save", lambda self, **more: time.sleep(0.001))
    executed = execute(make_job("for n in range(3000):\n    print(n, flush=True)"))
    assert executed.failure is None, executed.failure
    assert printed(executed.notebook).split() == [str(n) for n in range(3000)]


def test_a_kernel_that_falls_silent_after_its_reply_is_given_up(make_job, monkeypatch):
    from notemill.execute import engine

    monkeypatch.setattr(engine, "OUTPUT_TIMEOUT", 1)
    monkeypatch.setattr(engine.Client, "process_message", lambda self, *args: None)  # a fake: as if none said "idle"
    executed = execute(make_job("1"))
    assert executed.failure and executed.failure.name == "KernelDied" and executed.seconds < 30


def test_a_silent_cell_is_waited_for(make_job, printed, monkeypatch):
    from notemill.execute import engine

    monkeypatch.setattr(engine, "OUTPUT_TIMEOUT", 1)
    executed = execute(make_job("import time\ntime.sleep(2.5)\nprint('at last')"))
    assert executed.failure is None and printed(executed.notebook) == "at last\n"


FLOOD = "while True:\n    print('flood', flush=True)"


def test_a_time_limit_ends_a_flood(execute_cells):
    executed = execute_cells(FLOOD, seconds=4)
    assert (executed.failure.name, executed.failure.cell) == ("LimitExceeded", 2) and executed.seconds < 25
    assert [output["output_type"] for output in outputs_of(executed)] == ["stream", "error"]


def test_a_memory_limit_ends_a_flood(execute_cells):
    executed = execute_cells(f"block = bytearray(400_000_000)\n{FLOOD}", memory_mb=300)
    assert (executed.failure.name, executed.failure.cell) == ("LimitExceeded", 2) and executed.seconds < 25


def test_a_stop_ends_a_flood(make_job):
    stop = threading.Event()
    job = make_job(FLOOD, stop=stop, on_cell=lambda number, total: threading.Timer(1.5, stop.set).start())
    executed = execute(job)
    assert (executed.failure.name, executed.failure.cell) == ("Interrupted", 2) and executed.seconds < 25


@pytest.mark.parametrize(("cell", "size"), [
    ("print('x' * 400_000)", 400_001), ("print('x' * 30_000_000)", 30_000_001),
    ("import sys\nfor n in range(3000):\n    sys.stdout.write('\\r' + '#' * (n % 100)); sys.stdout.flush()", 99),
    ("import sys\nsys.stdout.write('a' * 300_000 + '\\b' * 300_000);", 600_000),
], ids=["long", "very-long", "bar", "backspaces"])
def test_a_line_may_be_long(execute_cells, cell, size):
    executed = execute_cells(cell, seconds=40)
    assert executed.failure is None, executed.failure
    (output,) = outputs_of(executed)
    assert len(output["text"]) == size


def test_settling_takes_linear_time():
    began = time.monotonic()
    assert settle("x" * 3_000_000 + "\r" + "y" * 3_000_000) == "y" * 3_000_000
    assert len(settle("\r#" * 3_000_000)) == 1
    assert len(settle("a\r\n" * 1_000_000)) == 3_000_000
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("text", [
    "", "a", "\r", "\n", "a\r", "a\rb", "a\rb\r", "a\r\r\n", "a\r\nb", "\r\n\r", "a\rb\nc\rd", "\rab\r\rc\n\r\r",
    "a\bb"])
def test_settling_is_what_nbconvert_does(text):
    from nbconvert.preprocessors.coalescestreams import CR_PAT

    assert settle(text) == CR_PAT.sub("", text)


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def test_only_neighbours_are_joined():
    shown = {"output_type": "display_data", "data": {}, "metadata": {}}
    cell = {"outputs": [stream("a"), stream("b"), stream("c", "stderr"), stream("d"), shown, stream("10%"),
                        stream("\r20%")]}
    join_streams(cell)
    assert cell["outputs"] == [stream("ab"), stream("c", "stderr"), stream("d"), shown, stream("20%")]


def test_a_display_that_a_later_cell_changes(execute_cells):
    executed = execute_cells("print(1, flush=True)\nprint(2, flush=True)\nhandle = display('old', display_id=True)\n"
                             "print(3, flush=True)", "handle.update('new')")
    assert executed.failure is None, executed.failure
    first, second, third = outputs_of(executed, 2)
    assert (first["text"], second["data"]["text/plain"], third["text"]) == ("1\n2\n", "'new'", "3\n")


def test_data_that_is_no_text_does_not_end_the_notebook(execute_cells):
    executed = execute_cells("display({'text/html': None, 'text/plain': 3, 'application/x+json': {'a': 1}}, raw=True)")
    assert executed.failure is None, executed.failure
    assert outputs_of(executed)[0]["data"] == {"text/plain": "3", "application/x+json": {"a": 1}}


def test_other_messages_stay_as_they_are():
    for content in ({"data": {"state": None}, "comm_id": "c"}, {"execution_state": "idle"},
                    {"data": {"text/plain": ["a", "b"]}, "metadata": {}}, {"name": "stdout", "text": "a"}):
        before = repr(content)
        mend_content(content)
        assert repr(content) == before


def test_an_output_that_cannot_be_taken_is_told_by_its_cell(execute_cells, monkeypatch):
    from notemill.execute import engine

    def fail(content):
        if content.get("text") == "odd\n":
            raise ValueError("what is this")

    monkeypatch.setattr(engine, "mend_content", fail)
    executed = execute_cells("1", "print('odd')\nopen('after', 'w').close()", "print('never reached')")
    assert (executed.failure.name, executed.failure.message, executed.failure.cell) == (
        "ValueError", "what is this", 3)
    assert [cell["metadata"]["papermill"]["status"] for cell in executed.notebook["cells"]][-1] == "pending"
