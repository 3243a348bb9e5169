"""What cells show, in whatever number and length: all of it is kept, in order, in linear time."""

import asyncio
import socket
import threading
import time

import psutil
import pytest
from jupyter_client.session import Session

from notemill.execute import execute
from notemill.execute.outputs import Allowance, join_streams, mend_content, settle

MANY = 8_000
PATIENCE = 240  # seconds
MOST_CPU = 40  # seconds of the kernel, and of this process: on a busy machine they take 13 for the displays


def outputs_of(executed, cell=-1):
    return executed.notebook["cells"][cell]["outputs"]


@pytest.fixture
def shown_by(execute_cells):
    """What a cell shows that shows very much, in a time that grows no faster than its length.

    The processor's time, which hardly depends on what else it has to do: so its limit is near to what is needed, and
    tells n steps from n^2 where n is still small.
    """
    def shown(cell):
        began = time.process_time()
        executed = execute_cells(cell, "import time\nprint(time.process_time())")
        assert executed.failure is None and executed.seconds < PATIENCE
        taken = time.process_time() - began, float(outputs_of(executed)[0]["text"])
        assert max(taken) < MOST_CPU, taken
        return outputs_of(executed, -2)
    return shown


@pytest.mark.slow
def test_very_many_prints_are_kept_as_one(shown_by):
    assert shown_by(f"for n in range({MANY}):\n    print(n, flush=True)") == [
        {"output_type": "stream", "name": "stdout", "text": "".join(f"{n}\n" for n in range(MANY))}]


@pytest.mark.slow
def test_very_many_displays_are_kept_in_order(shown_by):
    outputs = shown_by(f"for n in range({MANY}):\n    display(n)")
    assert [output["data"]["text/plain"] for output in outputs] == [str(n) for n in range(MANY)]


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


# Endless output

def message(kind, display_id=None, **content):
    return {"msg_type": kind, "content": {**content, "transient": {"display_id": display_id}}}


def test_a_text_is_cut_where_a_cell_has_shown_enough():
    allowance, long = Allowance(10), message("stream", text="x" * 8)
    assert allowance.admits(long) and allowance.admits(long := message("stream", text="y" * 8))
    assert long["content"]["text"] == "yy" and not allowance.admits(message("stream", text="z"))
    assert allowance.words == "0.1 MB more" and allowance.left_out.total() == 7


def test_displays_and_texts_count_together_and_other_messages_always_pass():
    allowance = Allowance(1000)
    assert allowance.admits(message("stream", text="x" * 450))
    assert allowance.admits(message("display_data", data={"text/html": ["a"] * 50}))
    assert not allowance.admits(message("execute_result", data={"text/plain": "a"}))
    for kind in ("error", "status", "comm_msg", "execute_input"):
        assert allowance.admits(message(kind))


def test_what_is_cleared_or_updated_counts_no_more():
    allowance = Allowance(1000)
    for _ in range(9):
        assert allowance.admits(message("display_data", data={"text/plain": "x" * 450}), "a widget")
        assert allowance.admits(message("clear_output"), "a widget")
    for _ in range(9):
        assert allowance.admits(message("update_display_data", "id", data={"text/plain": "x" * 450}))
    assert not allowance.admits(message("display_data", data={"text/plain": "x"}))
    assert allowance.words and allowance.admits(message("clear_output")) and not allowance.words


def test_what_is_too_much_is_left_out_with_a_note_and_the_error_stays(execute_cells, monkeypatch):
    monkeypatch.setattr("notemill.execute.outputs.MOST_SHOWN", 100_000)
    executed = execute_cells("for n in range(3000):\n    print('x' * 999)\n1/0", "print('never reached')")
    outputs = [cell["outputs"] for cell in executed.notebook["cells"] if cell.get("outputs")][-1]
    text, error, note = outputs
    assert len(text["text"]) == 100_000 and error["ename"] == executed.failure.name == "ZeroDivisionError"
    assert note["text"] == "\n[notemill: 2.9 MB more were shown by this cell and are left out]\n"
    assert executed.notes == ("cell 2 showed 2.9 MB more than the 0 MB that are kept of a cell",)


@pytest.mark.parametrize("cell", ["while True:\n    print('x' * 1000)", "!yes", "while True:\n    display('x' * 9999)"],
                         ids=["print", "shell", "display"])
def test_endless_output_takes_bounded_memory_until_its_time_is_up(execute_cells, cell):
    most = [0]
    done = threading.Event()

    def watch():
        while not done.wait(0.05):
            most[0] = max(most[0], psutil.Process().memory_info().rss)

    execute_cells("1")
    before = psutil.Process().memory_info().rss
    watching = threading.Thread(target=watch)
    watching.start()
    try:
        executed = execute_cells(cell, seconds=5)
    finally:
        done.set()
        watching.join()
    assert (executed.failure.name, executed.failure.cell) == ("LimitExceeded", 2) and executed.seconds < 60
    assert most[0] - before < 600e6, most[0] - before


@pytest.mark.parametrize("kernel", ["warm"])
def test_a_kernel_does_not_run_ahead_of_a_slow_listener(execute_cells, monkeypatch):
    from notemill.execute import engine
    from notemill.execute.warm import client

    waiting, keep, take = [], client.WarmClient.keep, engine.Client.take_message
    monkeypatch.setattr(client, "MOST_WAITING", 1_000_000)
    monkeypatch.setattr(client.WarmClient, "keep",
                        lambda self, *more: (keep(self, *more), waiting.append(self.waiting)))
    monkeypatch.setattr(engine.Client, "take_message", lambda *args: (time.sleep(0.001), take(*args))[1])
    executed = execute_cells("for n in range(1000):\n    display('x' * 9_000)\nprint('end')")
    assert executed.failure is None and len(outputs_of(executed)) == 1001
    assert 500_000 < max(waiting) < 1_100_000


@pytest.mark.skipif(not hasattr(socket, "SOCK_SEQPACKET"), reason="a warm kernel's messages need it")
def test_messages_that_come_together_are_all_read():
    """More of them in one packet than are read in one go: no event tells of the rest."""
    from notemill.execute.inside import channel
    from notemill.execute.warm.client import WarmClient

    ours, theirs = channel.pair()
    session, sender = Session(), channel.Sender(theirs)
    for n in range(250):
        sender.send_later([b"iopub", *session.serialize(session.msg("stream", {"text": str(n)}))[2:]])
    sender.send_waiting()

    async def read():
        client = WarmClient(ours, None)
        try:
            return [(await client.iopub_channel.get_msg(timeout=5))["content"]["text"] for _ in range(250)]
        finally:
            client.stop_listening()

    with ours, theirs:
        assert asyncio.run(read()) == [str(n) for n in range(250)]
