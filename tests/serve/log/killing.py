"""Writers that are killed: each appends, and notes beside the log what was acknowledged. `python killing.py ...`."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).parents[2]


def write(folder, acknowledged, seed):
    """Append until somebody kills us; a line of `acknowledged` is written when append() has returned."""
    sys.path.insert(0, str(TESTS))
    from log_samples import SCHEMA, record

    from notemill.serve.log import Log, keeper

    keeper.PAUSE = 0.2
    chance = random.Random(seed)
    note = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    log = Log.open(folder, SCHEMA, days=36_500, largest=chance.choice([2_000, 50_000, 1 << 24]), every=0.5)
    number = 0
    while True:
        count = chance.randint(1, 5)
        request = f"q-{seed}-{number}"
        log.append([record(number, request=request, row=row, at=time.time()) for row in range(count)])
        os.write(note, f"{request} {count}\n".encode())
        number += 1
        time.sleep(chance.random() / 500)


def run_and_kill(folder, kills, writers, seed=1):
    """[request, rows] of all that was acknowledged, and how many journals were left at the last kill."""
    chance = random.Random(seed)
    notes, running, started = Path(folder).parent / "notes", [], 0
    notes.mkdir()
    try:
        for _ in range(kills):
            while len(running) < writers:
                running.append(start("write", folder, notes / str(started), started))
                wait_for(notes / str(started))
                started += 1
            compaction = start_compaction(folder)
            time.sleep(chance.uniform(0.2, 0.9))
            for process in {chance.choice(running), compaction}:
                process.send_signal(signal.SIGKILL)
                process.wait()
            running = [process for process in running if process.poll() is None]
    finally:
        for process in running:
            process.kill()
            process.wait()
    lines = [line.split() for path in notes.iterdir() for line in path.read_text().splitlines()]
    return [(request, int(count)) for request, count in lines], len(list(Path(folder).glob("journal/*.journal")))


def wait_for(note, seconds=60):
    """Until something is acknowledged there: on a busy machine a process takes its time to start."""
    end = time.monotonic() + seconds
    while not note.exists() or not note.stat().st_size:
        assert time.monotonic() < end, "the writer does not write"
        time.sleep(0.02)


def start(*words):
    return subprocess.Popen([sys.executable, __file__, *map(str, words)])


def start_compaction(folder):
    """Beside those of the writers themselves, so that compactions are killed, too."""
    return subprocess.Popen([sys.executable, "-m", "notemill.serve.log.compact", str(folder), "--days", "36500",
                             "--wait"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def judge(folder, acknowledged):
    """Facts after recovery: how many acknowledged rows are there never, or more than once."""
    from collections import Counter

    import pyarrow.dataset as ds

    from notemill.serve.log import read

    def keys(dataset):
        table = dataset.to_table(columns=["request", "row"])
        return Counter(zip(table["request"].to_pylist(), table["row"].to_pylist(), strict=True))

    before = keys(read(folder))
    end = time.monotonic() + 60
    while subprocess.run([sys.executable, "-m", "notemill.serve.log.compact", str(folder), "--days", "36500", "--wait"],
                         stdout=subprocess.DEVNULL).returncode or list(Path(folder).glob("journal/*.journal")):
        assert time.monotonic() < end
    after = keys(ds.dataset(Path(folder) / "rows", partitioning="hive"))
    wanted = [(request, row) for request, count in acknowledged for row in range(count)]
    return {"acknowledged": len(wanted), "lost": sum(before[key] == 0 or after[key] == 0 for key in wanted),
            "twice": sum(count > 1 for counts in (before, after) for count in counts.values()),
            "beside": len(after) - len(wanted), "same": before == after}


def main():
    """`python killing.py FOLDER [KILLS] [WRITERS]`: the figures as JSON."""
    folder, kills, writers = Path(sys.argv[1]), *map(int, (sys.argv[2:] + ["50", "4"][len(sys.argv) - 2:]))
    folder.mkdir(parents=True)
    acknowledged, left = run_and_kill(folder / "log", kills, writers)
    print(json.dumps({"kills": kills, "writers": writers, "journals left": left} | judge(folder / "log", acknowledged)))


if __name__ == "__main__":
    write(*sys.argv[2:]) if sys.argv[1] == "write" else main()
