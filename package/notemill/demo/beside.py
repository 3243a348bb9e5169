"""Another version beside this one, in a process of its own: two versions of a model have the same import name.

One line of JSON for each question and each answer, both with the question's number; the first line says who it is, or
why it is not. What takes too long is ended, and begun again with the next question.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from notemill.serve.loading import Loaded, LoadError, load

PATIENCE, STARTING, ANSWERING = 5, 120, 15  # seconds that it has to end, to begin, and to answer


class Child:
    """The process; `said`: what it says of itself. Raises LoadError where it says nothing."""

    def __init__(self, words: list[str], seconds: float):
        self.number = 0
        # a session of its own: Ctrl-C is for the demo, which ends it
        self.process = subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        encoding="utf-8", start_new_session=True)
        try:
            self.said = self.exchange("", seconds)
        except BaseException:
            self.end()
            raise

    def ask(self, row: Mapping, seconds: float) -> dict:
        self.number += 1
        said = self.exchange(json.dumps({"number": self.number, "row": row}) + "\n", seconds)
        if said.pop("number", None) != self.number:
            raise LoadError("what it said is the answer to another question")
        return said

    def exchange(self, line: str, seconds: float) -> dict:
        """What it says to this line."""
        began, ending = time.monotonic(), threading.Timer(seconds, self.process.kill)
        ending.daemon = True
        ending.start()
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            late = time.monotonic() - began >= seconds
            raise LoadError(f"it said nothing within {seconds:g} seconds" if late else "it has ended") from None
        finally:
            ending.cancel()

    def end(self, patience: float = 0) -> None:
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Beside:
    """`name`, `version`, `target`: of what is asked. Its methods may be called from any thread."""

    def __init__(self, folder: str, sha256: str | None = None, starting: float = STARTING,
                 answering: float = ANSWERING):
        self.folder, self.starting, self.answering = folder, starting, answering
        self.words = [sys.executable, "-P", "-m", "notemill.demo.beside", folder, *([sha256] if sha256 else [])]
        self.lock = threading.Lock()
        self.child = self.begun()
        self.name, self.version, self.target = (self.child.said[one] for one in ("name", "version", "target"))

    def begun(self) -> Child:
        """Raises LoadError."""
        try:
            child = Child(self.words, self.starting)
            if "error" in child.said:
                child.end()
                raise LoadError(child.said["error"])
            return child
        except LoadError as error:
            raise LoadError(f"--beside {self.folder}: {error}") from None

    def ask(self, row: Mapping) -> dict:
        """{prediction, probabilities: [[label, share]]} or {error}. One after the other; nobody waits for long."""
        if not self.lock.acquire(timeout=self.answering):
            return {"error": "the other version is busy: ask again"}
        try:
            if self.child.process.poll() is not None:
                self.child.end()
                self.child = self.begun()
            return self.child.ask(row, self.answering)
        except LoadError as error:
            self.child.end()
            return {"error": f"the other version does not answer: {error}"[:500]}
        finally:
            self.lock.release()

    def close(self) -> None:
        self.child.end(PATIENCE)


# in the process
def answer(loaded: Loaded, row: Mapping) -> dict:
    try:
        scored = loaded.model.score_rows([{column["name"]: row.get(column["name"]) for column in loaded.columns}])
    except loaded.bad_rows as error:
        return {"error": "; ".join(f"{one.column}: {one.got} {one.rule}" for one in error.problems)[:500]}
    except Exception as error:  # whatever is wrong in the package: it goes on to answer
        return {"error": f"the model fails on this row: {type(error).__name__}: {error}"[:500]}
    chances = scored.probabilities
    return {"prediction": scored.predictions[0],
            "probabilities": list(zip(loaded.model.classes, chances[0], strict=True)) if chances else []}


def serve(folder: str, sha256: str | None, questions: TextIO, answers: TextIO) -> int:
    """Until there are no more questions."""
    def say(**what: object) -> None:
        print(json.dumps(what), file=answers, flush=True)
    try:
        loaded = load(folder, sha256)
    except LoadError as error:
        say(error=str(error).replace("--sha256", "--beside-sha256"))
        return 1
    say(name=loaded.name, version=loaded.version, target=loaded.model.schema["target"]["name"])
    for line in questions:
        asked = json.loads(line)
        say(number=asked["number"], **answer(loaded, asked["row"]))
    return 0


def apart() -> tuple[TextIO, TextIO]:
    """Questions and answers, where the model cannot reach them: what it prints goes to standard error."""
    questions, answers = (os.fdopen(os.dup(number), mode, encoding="utf-8") for number, mode in ((0, "r"), (1, "w")))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return questions, answers


def main(folder: str, sha256: str | None = None) -> int:
    with suppress(BrokenPipeError):  # who asked has gone
        return serve(folder, sha256, *apart())
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
