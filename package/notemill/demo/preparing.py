"""Everything that the pages need, made before the demo listens."""

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from notemill.demo import answers, badges
from notemill.demo.beside import Beside
from notemill.demo.explain import explain
from notemill.demo.main import base_of
from notemill.demo.state import Current, Demo, Failed
from notemill.serve.loading import Loaded
from notemill.serve.options import Unusable


@contextlib.contextmanager
def demo(asked: argparse.Namespace, loaded: Loaded) -> Iterator[Demo]:
    """The process's demo, set; what it has open is closed at the end. Raises Unusable, LoadError."""
    with contextlib.ExitStack() as around:
        beside = Beside(asked.beside, asked.beside_sha256) if asked.beside else None
        if beside:
            around.callback(beside.close)
            check_same(beside, loaded)
        log = open_log(asked, loaded)
        if log:
            around.callback(log.close)
        Current.demo = Demo(loaded, badges.badges(loaded, asked.signed), log, asked.service, base_of(asked.base_path),
                            asked.reports, asked.pages, beside, asked.origin)
        warm(Current.demo)
        yield Current.demo


def check_same(beside: Beside, loaded: Loaded) -> None:
    """Two versions of one model can be compared. Raises Unusable."""
    target = loaded.model.schema["target"]["name"]
    if beside.name != loaded.name:
        raise Unusable(f"--beside {beside.folder}: is the model '{beside.name}', no version of '{loaded.name}'")
    if beside.target != target:
        raise Unusable(f"--beside {beside.folder}: predicts '{beside.target}', this version '{target}'")


def warm(demo: Demo) -> None:
    """One explanation: what the first visitor would wait for, as libraries that are imported late."""
    row = demo.loaded.golden["rows"][0]
    with contextlib.suppress(Failed):  # the page tells
        explain(answers.score_of(demo, answers.ask(demo, row)), row, demo.loaded.golden["rows"])


def open_log(asked: argparse.Namespace, loaded: Loaded) -> Any:
    """None where none is asked for. Raises Unusable."""
    if asked.log is None:
        return None
    from notemill.serve.log import Log, LogError

    try:
        return Log.open(asked.log, loaded.model.schema, classes=loaded.model.classes)
    except LogError as error:
        raise Unusable(str(error)) from None
