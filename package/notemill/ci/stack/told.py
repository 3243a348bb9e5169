"""What is done and how long it took, a line each, on standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click


class Told:
    """`with told("drone"): ...` prints `drone ... 4.1 s`; all of it together is `seconds`."""

    def __init__(self, echo=lambda text, nl: click.echo(text, err=True, nl=nl)):
        self.echo, self.began, self.took = echo, time.monotonic(), {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        self.echo(f"{what} ... ", False)
        try:
            yield
        except BaseException:
            self.echo("failed", True)
            raise
        self.took[what] = round(time.monotonic() - began, 1)
        self.echo(f"{self.took[what]:.1f} s", True)

    def say(self, text: str) -> None:
        self.echo(text, True)

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.began, 1)
