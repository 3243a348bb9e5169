"""The demo in a process of its own. `from running import ...`."""

import contextlib
import json
import signal
import subprocess
import sys
import threading

from serving_samples import PATIENCE, environment


class Running:
    """`said`: the one object that it printed; `more`: what else it printed so far; `errors`: its standard error."""

    def __init__(self, process):
        self.process, self.said, self.more, self.errors, self.threads = process, {}, [], [], []

    def read(self, stream, into):
        """All of it, as it comes: a pipe that nobody reads is full one day, and who writes there stands still."""
        self.threads.append(threading.Thread(target=lambda: into.extend(stream), daemon=True))
        self.threads[-1].start()

    @property
    def url(self):
        return self.said["url"]

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE)
        for reading in self.threads:
            reading.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()

    def stop(self, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE)


BORNE = ("Rejecting WebSocket",     # asked for by a test
         "not finished within 10 s: the next start goes on")    # a busy machine


@contextlib.contextmanager
def running(package, *options, faultless=True):
    """A demo of the package, ready; at the end it is stopped, and must have told of no fault, and nothing else."""
    words = [sys.executable, "-m", "notemill.demo", str(package), "--port", "0", "--json", *map(str, options)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    found = Running(process)
    found.read(process.stderr, found.errors)
    try:
        line = process.stdout.readline()
        assert line, (process.wait(PATIENCE), found.errors)
        found.said = json.loads(line)
        found.read(process.stdout, found.more)
        yield found
    finally:
        found.end()
    assert not found.more, "".join(found.more)
    told = [line for line in found.errors if not any(words in line for words in BORNE)]
    assert not told or not faultless, "".join(told)


def fails(package, *options):
    """(exit code, standard output, standard error) of a demo that does not begin."""
    words = [sys.executable, "-m", "notemill.demo", str(package), "--port", "0", *map(str, options)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=120)
    return done.returncode, done.stdout, done.stderr
