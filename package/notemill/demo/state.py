"""What the pages show: loaded once for the process, before it listens."""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from notemill.demo import verdicts
from notemill.demo.badges import Badge
from notemill.demo.form import Field, fields, without_private
from notemill.serve.loading import Loaded

REFUSALS = (ValueError, ArithmeticError)  # what scikit-learn says of figures that it cannot take


class Failed(Exception):
    """The model gives no answer; why, in words. `refused`: it says itself that it cannot take these figures."""

    def __init__(self, words: str, *, refused: bool = False):
        super().__init__(words)
        self.refused = refused


@dataclass(frozen=True)
class Demo:
    """`log`: the prediction log, if one is kept; `service`: where curl would ask; `reports`: executed notebooks."""

    loaded: Loaded
    badges: Sequence[Badge] = ()
    log: Any = None
    service: str = "http://127.0.0.1:8000"
    base: str = ""
    reports: Path | None = None
    own_pages: Path | None = None
    beside: Any = None
    origin: str | None = None
    lock: Any = field(default_factory=threading.Lock)

    @property
    def model(self) -> Any:
        return self.loaded.model

    @cached_property
    def fields(self) -> list[Field]:
        return fields(self.loaded.columns)

    @cached_property
    def examples(self) -> list[dict]:
        """The golden rows as anybody may see them: they are real ones."""
        return [without_private(self.fields, row) for row in self.loaded.golden["rows"]]

    @cached_property
    def classes(self) -> list:
        return list(self.model.classes)

    @cached_property
    def verdict(self) -> Mapping:
        """The gate's; empty where the package holds none."""
        return verdicts.read(self.model.folder, "verdict.json")

    @cached_property
    def provenance(self) -> Mapping:
        """What it was made of; empty where the package does not say."""
        return verdicts.read(self.model.folder, "provenance.json")

    @cached_property
    def has_probabilities(self) -> bool:
        return bool(self.loaded.golden.get("probabilities"))

    @property
    def target(self) -> dict:
        return self.model.schema["target"]

    def score(self, rows: list[dict]) -> Any:
        """The package's Scored. Raises `loaded.bad_rows`, Failed."""
        with self.told(), contextlib.nullcontext() if self.model.compiled else self.alone():
            return self.model.score_rows(rows)

    def alone(self) -> contextlib.AbstractContextManager:
        """One at a time: scikit-learn would use all processors several times over."""
        return self.lock

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Whatever goes wrong in the package, as Failed, and in the process's log."""
        try:
            yield
        except self.loaded.bad_rows:
            raise
        except REFUSALS as error:
            logging.getLogger(__name__).warning("the model refuses a row", exc_info=True)
            raise Failed(f"the model refuses it: {str(error)[:300]}", refused=True) from error
        except Exception as error:
            logging.getLogger(__name__).exception("the model failed")
            raise Failed(f"the model failed on it: {type(error).__name__}: {str(error)[:300]}") from error


class Current:
    """The process's one demo."""

    demo: Demo | None = None


def current() -> Demo:
    if Current.demo is None:
        raise RuntimeError("no model is loaded: start it with `notemill demo` or `python -m notemill.demo`")
    return Current.demo
