"""The client's end of a warm kernel's channel and of its connection, with nobody at the other one."""

import asyncio
import json
import logging
import subprocess
import sys

import pytest

from notemill.execute.inside import channel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm processes are for Linux alone")


@pytest.fixture
def pair():
    ours, theirs = channel.pair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def connection(pair):
    """To a warm process, for a kernel that lives until the test's end."""
    from notemill.execute.warm.client import Connection

    kernel = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield Connection(pair[0], kernel.pid)
    kernel.kill()
    kernel.wait()


def message(**header):
    return [b"iopub", *(json.dumps(part).encode() for part in ({**header}, {}, {}, {"name": "stdout", "text": "x"}))]


def test_a_message_that_is_none_does_not_hold_up_the_next_ones(pair, caplog):
    from notemill.execute.warm.client import WarmClient

    good = message(msg_id="1", msg_type="stream", date="2026-11-21T10:00:00+00:00")
    sender = channel.Sender(pair[1])
    for parts in ([b"iopub", b"{"], message(msg_id="1", msg_type="stream"), [*good[:4], b"5"], good):
        sender.send(parts)

    async def first():
        client = WarmClient(pair[0], None)
        return (await client.iopub_channel.get_msg(2))["content"]["text"]

    with caplog.at_level(logging.WARNING, "notemill"):
        assert asyncio.run(first()) == "x"
    assert "cannot be read" in caplog.text


def test_who_asks_after_the_connection_was_closed_is_told(connection):
    connection.close()
    assert connection.poll() is None
    connection.process.kill()
    assert connection.wait(10) == 256


def test_nobody_waits_for_a_stranger_with_the_kernels_number(connection, pair):
    assert connection.poll() is None
    pair[1].close()  # the warm process ends
    assert connection.poll() is None
    gone = subprocess.Popen([sys.executable, "-c", ""])
    connection.process = type(connection)(pair[0], gone.pid).process
    gone.wait()
    assert connection.wait(5) == 256
